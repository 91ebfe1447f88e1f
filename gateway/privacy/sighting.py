"""What a close look at a text yields, and the words around it."""

import re
from typing import NamedTuple

from gateway.privacy.budget import Meter
from gateway.values.finding import SensitiveKind

_BEFORE = 48


class Sighting(NamedTuple):
    """A candidate at `start:end` of the text that was looked at; `valid` is whether its validator took it."""

    kind: SensitiveKind
    start: int
    end: int
    valid: bool


class Span(NamedTuple):
    """What to look at: candidates that begin in `start:end`; the rest of the text is their surroundings.

    `meter` counts the work of looking; `kinds` is what is still looked for.
    """

    text: str
    start: int
    end: int
    meter: Meter
    kinds: frozenset[SensitiveKind] = frozenset(SensitiveKind)


def words_before(text: str, place: int) -> str:
    """The 48 characters before a place, in lower case; a key of the body stands before its value."""
    return text[max(0, place - _BEFORE) : place].lower()


def alone(text: str, start: int, end: int) -> bool:
    """Whether `start:end` touches no Latin letter or digit and is no fraction. A Chinese character may be beside it."""
    return _TOUCHED.search(text[max(0, start - 2) : start]) is None and _PLAIN.match(text, end) is None


_PLAIN = re.compile(r"[A-Za-z0-9]")
_TOUCHED = re.compile(r"(?:[A-Za-z0-9]|[0-9][.,])\Z")
