"""The chunks of a chat completion, read into canonical events, and written from them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from gateway.dialects.openai.annotations import annotation, citations_of
from gateway.dialects.openai.filters import blocked_for, filter_results
from gateway.dialects.openai.logprobs import logprobs_body, logprobs_of
from gateway.dialects.openai.reasoning_details import encrypted_entry, text_entry
from gateway.dialects.openai.replies import REASONS, finish_of, usage_body, via
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.chat import (
    Began,
    Citation,
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
    TokenLogprob,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.surrogates import without_lone_surrogates
from gateway.values.usage import Usage

_DATA, _END, _DONE = b"data: ", b"\n\n", b"[DONE]"
_AFTER_TEXT = b'},"logprobs":null,"finish_reason":null}]}\n\n'
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
    format: str | None = None
    id: str | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[_Detail] | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    annotations: msgspec.Raw = ABSENT


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    logprobs: msgspec.Raw = ABSENT
    content_filter_results: msgspec.Raw = ABSENT


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
        self._signed: dict[str, tuple[str, str]] = {}  # by the id of a call, its signature and who made it

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
            if choice.logprobs is not ABSENT and (tokens := logprobs_of(choice.logprobs)):
                yield Logprobs(tokens)
            if choice.finish_reason:
                if any(self._calls[index] for index in self._calls.keys() - self._named):
                    raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a tool call without a name")
                blocked = blocked_for(choice.content_filter_results)
                yield Ended(*finish_of(choice.finish_reason, choice.stop_reason), blocked)
        if is_present(chunk.usage) and (usage := read_usage(chunk.usage, chunk.service_tier).usage) is not None:
            yield Used(usage)

    def _delta(self, delta: _Delta) -> Iterator[Event]:
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            yield ReasoningDelta(thought)
        for one in delta.reasoning_details or ():
            yield from self._detail(one, is_told=bool(thought))
        if delta.content:
            yield TextDelta(delta.content)
        if delta.refusal:
            yield RefusalDelta(delta.refusal)
        if delta.annotations is not ABSENT:
            yield from map(Cited, citations_of(delta.annotations))
        for call in delta.tool_calls or ():
            yield from self._call(call.index, call.id, call.function or _Function())
        if delta.function_call is not None:
            yield from self._call(0, None, delta.function_call)

    def _detail(self, one: _Detail, *, is_told: bool) -> Iterator[Event]:
        """`is_told`: its text stands in the delta under another name, too."""
        if one.text and not is_told:
            yield ReasoningDelta(one.text)
        if one.signature:
            yield ReasoningSigned(one.signature, via(one.format))
        if one.data and one.id is None:
            yield HiddenReasoning(one.data, via(one.format))
        elif one.data and one.id is not None:
            self._signed[one.id] = one.data, via(one.format)

    def _call(self, index: int, called: str | None, function: _Function) -> Iterator[Event]:
        if index not in self._named:
            held = self._calls.setdefault(index, [])
            if function.name:
                self._named.add(index)
                signed = self._signed.get(called or "", (None, None))
                yield ToolCallBegan(index, called or f"call_{index}", function.name, *signed)
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
        self._before_text = self._until_text()
        self._usage: Usage | None = None
        self._thoughts = 0  # that are complete
        self._said = 0  # characters of text
        self._cited: list[tuple[Citation, int]] = []  # that belong to the text that comes now, and where it began

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
        if isinstance(event, TextDelta):
            self._said += len(event.text)
            return b"%b%b%b" % (self._before_text, _encode(event.text), _AFTER_TEXT)
        written = self._BESIDE.get(type(event))
        cited = self._annotations() if self._cited and (written is None or self._cited[0][1] < self._said) else b""
        return cited + (self._chunk(self._delta(event)) if written is None else written(self, event))

    def _begin(self, event: Began) -> bytes:
        self._head |= {"id": event.id, "model": event.model}
        self._before_text = self._until_text()
        return self._chunk({"role": "assistant", "content": ""})

    def _until_text(self) -> bytes:
        """A chunk up to its text: the hot path puts chunks together, and encodes but their texts."""
        return _DATA + _encode(self._head)[:-1] + b',"choices":[{"index":0,"delta":{"content":'

    def _end(self, event: Ended) -> bytes:
        return self._annotations() + self._chunk({}, REASONS[event.finish], blocked=event.blocked_for)

    def _use(self, event: Used) -> bytes:
        self._usage = event.usage
        return b""

    def _cite(self, event: Cited) -> bytes:
        self._cited.append((event.citation, self._said))
        return b""

    def _annotations(self) -> bytes:
        """Of the text that came after its citations did; where none did, of all that came before."""
        found = [
            annotation(citation, start if start < self._said else 0, self._said) for citation, start in self._cited
        ]
        self._cited = []
        known = [one for one in found if one is not None]
        return self._chunk({"annotations": known}) if known else b""

    def _weigh(self, event: Logprobs) -> bytes:
        return self._chunk({}, logprobs=event.tokens)

    def _pass_over(self, _: Event) -> bytes:
        return b""

    _BESIDE: ClassVar[dict[type, Callable[..., bytes]]] = {
        Began: _begin, Ended: _end, Used: _use, Cited: _cite, Logprobs: _weigh, ProviderCall: _pass_over,
        ProviderResult: _pass_over,
    }  # fmt: skip

    def _delta(self, event: Event) -> dict[str, Any]:
        if isinstance(event, RefusalDelta):
            return {"refusal": event.text}
        if isinstance(event, ReasoningDelta):
            return {"reasoning_content": event.text, "reasoning_details": [text_entry(self._thoughts, event.text)]}
        if isinstance(event, ReasoningSigned):
            self._thoughts += 1
            entry = text_entry(self._thoughts - 1, signature=event.signature, maker=event.maker)
            return {"reasoning_details": [entry]}
        if isinstance(event, HiddenReasoning):
            self._thoughts += 1
            return {"reasoning_details": [encrypted_entry(self._thoughts - 1, event.data, event.maker)]}
        if isinstance(event, ToolCallBegan):
            function = {"name": event.name, "arguments": ""}
            call = {"index": event.index, "id": event.id, "type": "function", "function": function}
            return {"tool_calls": [call], **self._signature(event)}
        if isinstance(event, ToolCallDelta):
            return {"tool_calls": [{"index": event.index, "function": {"arguments": event.arguments}}]}
        raise TypeError(f"no delta: {type(event).__name__}")

    def _signature(self, call: ToolCallBegan) -> dict[str, Any]:
        if call.signature is None:
            return {}
        self._thoughts += 1
        return {"reasoning_details": [encrypted_entry(self._thoughts - 1, call.signature, call.maker, call.id)]}

    def _chunk(
        self,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        *,
        logprobs: Sequence[TokenLogprob] = (),
        blocked: Sequence[str] = (),
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs_body(logprobs), "finish_reason": finish_reason}
        if blocked:
            choice["content_filter_results"] = filter_results(blocked)
        return _DATA + _encode({**self._head, "choices": [choice]}) + _END
