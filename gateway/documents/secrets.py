"""Secrets stand in a document as references only, and are shown nowhere once they are read (law 11)."""

import re

import msgspec

_REFERENCE = re.compile(r"\$\{(env|file):([^}\s]+)\}")


class SecretReference(msgspec.Struct, frozen=True):
    """`${env:NAME}` or `${file:PATH}`."""

    kind: str
    name: str


def parse_reference(text: str) -> SecretReference | None:
    """The reference, or None if the text is none."""
    match = _REFERENCE.fullmatch(text)
    return SecretReference(match[1], match[2]) if match else None


class Secret:
    """A secret that does not show itself: not by repr, str or format; and it has no JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: for where it is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"
