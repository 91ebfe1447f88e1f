"""The base of closed sets of words that requests are decided by."""

import enum


class Word(enum.Enum):
    """Members are the only ones of their kind, so each is hashed by what it is: `Enum` hashes its name, in Python, a dozen
    times a request.
    """

    __hash__ = object.__hash__
