"""The events of a chat as a stream of a message: its blocks come one after the other, each started and stopped.

Other dialects let calls of tools overlap. A call that begins before the one before it has all its arguments waits until
it has them, or no more come.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.anthropic.citations import citation_body
from gateway.dialects.anthropic.marks import marked, marked_for_call
from gateway.dialects.anthropic.reply import answered_id, start_of, stop_details, usage_of
from gateway.dialects.anthropic.stop import reason_of
from gateway.dialects.anthropic.unstreamed import as_event
from gateway.values.chat import (
    Began,
    Cited,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    Logprobs,
    ProviderCall,
    ProviderResult,
    ReasoningDelta,
    ReasoningSigned,
    RefusalDelta,
    TextDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_HEAD = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
_TEXT_DELTA, _JSON_DELTA = (
    b',"delta":{"type":"text_delta","text":',
    b',"delta":{"type":"input_json_delta","partial_json":',
)
_THINKING_DELTA, _SIGNATURE_DELTA = (
    b',"delta":{"type":"thinking_delta","thinking":',
    b',"delta":{"type":"signature_delta","signature":',
)
_CITATION_DELTA = b',"delta":{"type":"citations_delta","citation":'
_TEXT, _REFUSAL, _THOUGHT, _HIDDEN, _CALL = "text", "refusal", "thinking", "redacted_thinking", "tool_use"


class _Part:
    """A block that has not been stopped. `call`: its index among the calls."""

    def __init__(self, kind: str, block: dict[str, Any], call: int | None = None) -> None:
        self.kind = kind
        self.block = block
        self.call = call
        self.index: int | None = None  # among the blocks, once it is started
        self.deltas: list[tuple[bytes, Any]] = []  # that wait: how each begins, and its text or what else it says
        self.arguments: list[str] = []
        self.is_signed = False

    def is_whole(self) -> bool:
        """Whether nothing can follow once another part has begun."""
        if self.kind != _CALL:
            return True
        try:
            _object("".join(self.arguments))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return True


class MessageWriter:
    """Writes one stream. The usage may come after the end of the last part: until then `message_delta` is held back.

    `estimate`: of the prompt's tokens. The start says it where the provider has not counted yet: clients show it.
    """

    def __init__(self, estimate: int = 0) -> None:
        self._estimate = estimate
        self._parts: deque[_Part] = deque()
        self._blocks = 0
        self._calls = 0
        self._message_id = ""
        self._usage: Usage | None = None
        self._ended: Ended | None = None
        self._refuses = self._is_told = False

    def write(self, events: Sequence[Event]) -> bytes:
        """The events; Raises AttemptFailed where a call goes on that was over."""
        return b"".join([self._write(event) for event in events])

    def end(self) -> bytes:
        """What is held back, and message_stop."""
        self._ended = self._ended or Ended(Finish.STOP)
        return self._advance() + self._delta() + as_event("message_stop", {"type": "message_stop"})

    def _write(self, event: Event) -> bytes:
        if type(event) is TextDelta and event.text and len(self._parts) == 1:
            part = self._parts[0]
            if part.kind is _TEXT and part.index is not None:
                return _delta_event(part.index, _TEXT_DELTA, event.text)
        if isinstance(event, Began):
            return self._begin(event)
        if isinstance(event, Ended):
            self._ended = event
        elif isinstance(event, Used):
            self._usage = event.usage
            return self._delta() if self._ended is not None else b""
        elif isinstance(event, ToolCallBegan | ToolCallDelta):
            self._call(event)
        elif isinstance(event, Cited):
            self._cite(event)
        elif not isinstance(event, Logprobs | ProviderCall | ProviderResult):
            self._say(event)
        return self._advance()

    def _begin(self, event: Began) -> bytes:
        self._message_id, self._usage = event.id, event.usage
        told = (
            usage_of(event.usage) if event.usage is not None else {"input_tokens": self._estimate, "output_tokens": 0}
        )
        message = {**start_of(event.id, event.model), "usage": told}
        return as_event("message_start", {"type": "message_start", "message": message})

    def _say(self, event: TextDelta | RefusalDelta | ReasoningDelta | ReasoningSigned | HiddenReasoning) -> None:
        if isinstance(event, HiddenReasoning):
            self._parts.append(_Part(_HIDDEN, {"type": _HIDDEN, "data": marked(event.data, event.maker)}))
        elif isinstance(event, ReasoningSigned):
            thought = self._part(_THOUGHT, {"type": _THOUGHT, "thinking": "", "signature": ""})
            thought.is_signed = True
            thought.deltas.append((_SIGNATURE_DELTA, marked(event.signature, event.maker)))
        elif not event.text:
            return
        elif isinstance(event, ReasoningDelta):
            thought = self._part(_THOUGHT, {"type": _THOUGHT, "thinking": "", "signature": ""})
            thought.deltas.append((_THINKING_DELTA, event.text))
        else:
            self._refuses = self._refuses or isinstance(event, RefusalDelta)
            kind = _REFUSAL if isinstance(event, RefusalDelta) else _TEXT
            part = self._part(kind, {"type": "text", "text": ""})
            part.deltas.append((_TEXT_DELTA, event.text))

    def _cite(self, event: Cited) -> None:
        """Where the text has it from that comes now."""
        if (body := citation_body(event.citation)) is not None:
            part = self._part(_TEXT, {"type": "text", "text": ""})
            part.deltas.append((_CITATION_DELTA, body))

    def _part(self, kind: str, block: dict[str, Any]) -> _Part:
        """The last part, or a new one where it is of another kind, or was signed."""
        last = self._parts[-1] if self._parts else None
        if last is not None and last.kind == kind and not last.is_signed:
            return last
        self._parts.append(_Part(kind, block))
        return self._parts[-1]

    def _call(self, event: ToolCallBegan | ToolCallDelta) -> None:
        part = next((one for one in self._parts if one.call == event.index), None)
        if isinstance(event, ToolCallBegan):
            if part is None:
                call_id = answered_id(event.id, self._message_id, self._calls)
                if event.signature is not None:
                    data = marked_for_call(event.signature, event.maker)
                    self._parts.append(_Part(_HIDDEN, {"type": _HIDDEN, "data": data}))
                block = {"type": _CALL, "id": call_id, "name": event.name, "input": {}}
                self._parts.append(_Part(_CALL, block, event.index))
                self._calls += 1
        elif part is not None and event.arguments:
            part.arguments.append(event.arguments)
            part.deltas.append((_JSON_DELTA, event.arguments))
        elif event.arguments.strip():
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a tool call goes on that had its arguments, or never began")

    def _advance(self) -> bytes:
        """All that can be said now, of the first part that is open and those that it lets go."""
        written: list[bytes] = []
        while self._parts:
            part = self._parts[0]
            if part.index is None:
                part.index, self._blocks = self._blocks, self._blocks + 1
                start = {"type": "content_block_start", "index": part.index, "content_block": part.block}
                written.append(as_event("content_block_start", start))
            written += [_delta_event(part.index, begin, text) for begin, text in part.deltas]
            part.deltas.clear()
            if self._ended is None and (len(self._parts) == 1 or not part.is_whole()):
                break
            written.append(as_event("content_block_stop", {"type": "content_block_stop", "index": part.index}))
            self._parts.popleft()
        return b"".join(written)

    def _delta(self) -> bytes:
        if self._is_told or self._ended is None:
            return b""
        self._is_told = True
        reason = reason_of(self._ended.finish, calls=self._calls > 0, refuses=self._refuses)
        delta: dict[str, Any] = {"stop_reason": reason, "stop_sequence": self._ended.stop_sequence}
        if self._ended.blocked_for:
            delta["stop_details"] = stop_details(self._ended.blocked_for)
        told = usage_of(self._usage) if self._usage is not None else {"output_tokens": 0}  # what the start said stands
        return as_event("message_delta", {"type": "message_delta", "delta": delta, "usage": told})


def _delta_event(index: int, begin: bytes, text: Any) -> bytes:
    """The hot path: it is put together, not encoded."""
    return b"%b%d%b%b}}\n\n" % (_HEAD, index, begin, _encode(text))
