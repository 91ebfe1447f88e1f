"""Files that came with a form: where they are held, so that every attempt can send them."""

from typing import Protocol

import msgspec


class Held(Protocol):
    """The bytes of all files of one form, one after the other, until its request has ended."""

    @property
    def in_memory(self) -> bool:
        """Whether reading takes no time. Else it is done on a thread."""

    def read(self, at: int, size: int) -> bytes:
        """So many bytes from there. Raises ValueError or OSError once they are no longer held."""


class FilePart(msgspec.Struct, frozen=True):
    """A file: the form's name for it, the ending of its own name (`.mp3`, or nothing), its media type, and where it is held."""

    name: str
    ending: str
    media: str
    at: int
    size: int


class Upload(msgspec.Struct, frozen=True):
    """`boundary` is of chance: no file can hold it, as nobody knows it before."""

    files: tuple[FilePart, ...]
    held: Held
    boundary: str


class Piece(msgspec.Struct, frozen=True):
    """A part of a call's body that is read when it is sent."""

    held: Held
    at: int
    size: int
