"""How a conversation begins, as a number: those that begin alike are sent where that beginning is cached."""

import os
from collections.abc import Iterable
from typing import Protocol

MOST_CHARACTERS = 2048
_SALT = os.urandom(16)  # so that a number on record says nothing of a text that somebody guesses


class _Part(Protocol):
    @property
    def text(self) -> str | None: ...


class _Message(Protocol):
    @property
    def role(self) -> str: ...

    @property
    def content(self) -> str | Iterable[_Part] | None: ...


def prefix_of(messages: Iterable[_Message]) -> int:
    """32 bits of a salted digest of all up to the first user's message, its start included: 2048 characters at most."""
    parts: list[str] = []
    left = MOST_CHARACTERS
    for message in messages:
        content = message.content
        text = content if isinstance(content, str) else "".join([part.text or "" for part in content or ()])
        parts += (message.role, text[:left])
        left -= len(text)
        if left <= 0 or message.role == "user":
            break
    return hash((_SALT, *parts)) & 0xFFFFFFFF
