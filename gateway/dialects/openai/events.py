"""The chunks of a chat completion, read into canonical events, and written from them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.dialects.openai.reasoning_details import encrypted_entry, text_entry
from gateway.dialects.openai.replies import REASONS, finish_of, usage_body
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.chat import (
    Began,
    Cited,
    Ended,
    Event,
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
from gateway.values.request import Request
from gateway.values.surrogates import without_lone_surrogates
from gateway.values.usage import Usage

_DATA, _END, _DONE = b"data: ", b"\n\n", b"[DONE]"
_encode = msgspec.json.Encoder().encode


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, gc=False):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Detail(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    signature: str | None = None
    data: str | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[_Detail] | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    id: str | int | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(_Chunk).decode


def _chunk_of(said: bytes) -> _Chunk:
    try:
        return _decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # half of a surrogate pair is no reason; looking for one costs more than all else
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(without_lone_surrogates(said))
    raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event that cannot be translated")


class ChunkReader:
    """Of one stream, as the dialect's decoder forwards it."""

    def __init__(self) -> None:
        self._began = False
        self._calls: dict[int, list[str]] = {}  # by index: the arguments of a call that has no name yet
        self._named: set[int] = set()

    def read(self, data: bytes) -> list[Event]:
        """What the events say. Raises AttemptFailed if they cannot be read."""
        events: list[Event] = []
        for event in data.split(_END):
            said = event.removeprefix(_DATA).replace(b"\ndata: ", b"\n").strip()
            if said and said != _DONE and not said.startswith(b":"):
                events += self._chunk(_chunk_of(said))
        return events

    def _chunk(self, chunk: _Chunk) -> Iterator[Event]:
        if not self._began:
            self._began = True
            yield Began(str(chunk.id or ""), chunk.model or "")
        for choice in (chunk.choices or ())[:1]:
            if choice.delta is not None:
                yield from self._delta(choice.delta)
            if choice.finish_reason:
                if any(self._calls[index] for index in self._calls.keys() - self._named):
                    raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a tool call without a name")
                yield Ended(*finish_of(choice.finish_reason, choice.stop_reason))
        if is_present(chunk.usage) and (usage := read_usage(chunk.usage, chunk.service_tier).usage) is not None:
            yield Used(usage)

    def _delta(self, delta: _Delta) -> Iterator[Event]:
        details = delta.reasoning_details or ()
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            yield ReasoningDelta(thought)
        for one in details:
            if one.text and not thought:
                yield ReasoningDelta(one.text)
            if one.signature:
                yield ReasoningSigned(one.signature)
            if one.data:
                yield HiddenReasoning(one.data)
        if delta.content:
            yield TextDelta(delta.content)
        if delta.refusal:
            yield RefusalDelta(delta.refusal)
        for call in delta.tool_calls or ():
            yield from self._call(call.index, call.id, call.function or _Function())
        if delta.function_call is not None:
            yield from self._call(0, None, delta.function_call)

    def _call(self, index: int, called: str | None, function: _Function) -> Iterator[Event]:
        if index not in self._named:
            held = self._calls.setdefault(index, [])
            if function.name:
                self._named.add(index)
                yield ToolCallBegan(index, called or f"call_{index}", function.name)
                function = _Function(arguments="".join(held) + (function.arguments or ""))
            elif function.arguments:
                held.append(function.arguments)
                return
        if function.arguments:
            yield ToolCallDelta(index, function.arguments)


class ChunkWriter:
    """Of the stream that answers one request."""

    def __init__(self, request: Request) -> None:
        self._wants_usage = request.wants_usage
        self._head: dict[str, Any] = {
            "id": request.id, "object": "chat.completion.chunk", "created": request.arrived_at, "model": request.facts.model,
        }  # fmt: skip
        self._usage: Usage | None = None
        self._thoughts = 0  # that are complete

    def write(self, events: Sequence[Event]) -> bytes:
        """A chunk for each event that says something here."""
        return b"".join(map(self._event, events))

    def end(self) -> bytes:
        """The usage where the caller asked for it, and [DONE]."""
        last = b""
        if self._wants_usage and self._usage is not None:
            body = {**self._head, "choices": [], "usage": usage_body(self._usage)}
            last = _DATA + _encode(body) + _END
        return last + _DATA + _DONE + _END

    def _event(self, event: Event) -> bytes:
        if isinstance(event, Began):
            self._head |= {"id": event.id, "model": event.model}
            return self._chunk({"role": "assistant", "content": ""})
        if isinstance(event, Ended):
            return self._chunk({}, REASONS[event.finish])
        if isinstance(event, Used):
            self._usage = event.usage
            return b""
        if isinstance(event, Cited | Logprobs | ProviderCall | ProviderResult):
            return b""
        return self._chunk(self._delta(event))

    def _delta(self, event: Event) -> dict[str, Any]:  # noqa: PLR0911 - one return an event
        if isinstance(event, TextDelta):
            return {"content": event.text}
        if isinstance(event, RefusalDelta):
            return {"refusal": event.text}
        if isinstance(event, ReasoningDelta):
            return {"reasoning_content": event.text, "reasoning_details": [text_entry(self._thoughts, event.text)]}
        if isinstance(event, ReasoningSigned):
            self._thoughts += 1
            return {"reasoning_details": [text_entry(self._thoughts - 1, signature=event.signature)]}
        if isinstance(event, HiddenReasoning):
            self._thoughts += 1
            return {"reasoning_details": [encrypted_entry(self._thoughts - 1, event.data)]}
        if isinstance(event, ToolCallBegan):
            function = {"name": event.name, "arguments": ""}
            return {"tool_calls": [{"index": event.index, "id": event.id, "type": "function", "function": function}]}
        if isinstance(event, ToolCallDelta):
            return {"tool_calls": [{"index": event.index, "function": {"arguments": event.arguments}}]}
        raise TypeError(f"no delta: {type(event).__name__}")

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _DATA + _encode({**self._head, "choices": [choice]}) + _END
