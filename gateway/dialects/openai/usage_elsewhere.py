"""The usage of a stream where a vendor says it beside the usual place: Groq in `x_groq`, Moonshot in the choice that ends."""

import contextlib
from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.dialects.openai.repair import members
from gateway.dialects.openai.usage_convention import Path, UsageConvention, at_path

_encode = msgspec.json.Encoder().encode
_NONE = msgspec.Raw(b"[]")


class Elsewhere:
    """Of one stream. `found`: the usage, once it has come; `event`: one that says it in the usual place."""

    def __init__(self, path: Path) -> None:
        self.found: msgspec.Raw | None = None
        self.event: bytes | None = None
        self._path = path

    def look(self, events: Iterable[bytes]) -> None:
        """These are the data of events among which a choice ended."""
        for data in events:
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                usage: Any = at_path(msgspec.json.decode(data), self._path)
                if isinstance(usage, dict):
                    self.found = msgspec.Raw(_encode(usage))
                    self.event = _encode({**members(data), "choices": _NONE, "usage": self.found})


def elsewhere(convention: UsageConvention) -> Elsewhere | None:
    """For one stream; None where there is one place only."""
    return None if convention.in_streams is None else Elsewhere(convention.in_streams)
