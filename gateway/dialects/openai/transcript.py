"""What a stream has said, kept while it goes on: how much it is, and, where it is plain text, what it says."""

import contextlib

import msgspec

from gateway.dialects.openai.wire import Said
from gateway.values.answer import PartialAnswer

_MAX_TEXT = 1_000_000  # characters; a longer one is not continued
_CHARACTERS_PER_TOKEN = 4  # of English; other scripts have fewer, so their tokens are counted by their events
_AROUND_ARGUMENTS = 60  # characters of a tool call's event that are not its arguments


class _Names(msgspec.Struct):
    id: str | int | None = None
    model: str | None = None


_decode = msgspec.json.Decoder(_Names).decode


def parse_names(head: bytes) -> _Names:
    """By what an event names the answer."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(head)
    return _Names()


class Transcript:
    """Of one stream."""

    def __init__(self) -> None:
        self._head: bytes | None = None
        self._parts: list[str] = []
        self._length = 0
        self._characters = 0
        self._is_text = True

    def begin(self, event: bytes) -> None:
        """An event's data. The first of all is kept."""
        if self._head is None:
            self._head = event

    def add(self, choice: int, delta: Said) -> None:
        """What a choice goes on with."""
        text = delta.content
        if isinstance(text, str):
            self._characters += len(text)
            if self._is_text:
                self._parts.append(text)
                self._length += len(text)
        reasoning = delta.reasoning or delta.reasoning_content or ""
        calls = sum(max(len(bytes(call)) - _AROUND_ARGUMENTS, 0) for call in delta.tool_calls or ())
        self._characters += len(reasoning) + calls
        if choice or self._length > _MAX_TEXT or (delta.holds_output() and not _is_plain(delta)):
            self._is_text = False
            self._parts.clear()

    @property
    def tokens(self) -> int:
        """About how many have come."""
        return self._characters // _CHARACTERS_PER_TOKEN

    def beginning(self, tokens: int) -> PartialAnswer | None:
        """None if nothing was said, or what is no plain text of a single choice."""
        text = "".join(self._parts)
        if not self._is_text or self._head is None or not text.strip():
            return None
        named = parse_names(self._head)
        return PartialAnswer(text, tokens, str(named.id or ""), named.model or "", self._head)


def _is_plain(delta: Said) -> bool:
    other = delta.tool_calls or delta.reasoning or delta.reasoning_content or delta.refusal
    return isinstance(delta.content, str) and not other and not delta.holds_media()
