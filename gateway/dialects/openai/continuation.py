"""Go on with an answer that another server began, and have it read as one stream.

vLLM and llama.cpp continue a conversation's last message, the assistant's, with `continue_final_message` and without
`add_generation_prompt` (vLLM 0.32, ChatCompletionRequest; llama.cpp since May 2026, pull request 23012). Both give only
what is new. A chat template may trim the message, so trailing space is kept back from it, and dropped from the seam.
"""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.repair import members
from gateway.dialects.openai.seam import Seam
from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.dialects.openai.transcript import Transcript
from gateway.dialects.slices import decoded, encoded
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.deployment import Capability
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request

_NEEDS = frozenset({Capability.JSON_OBJECT, Capability.JSON_SCHEMA, Capability.LOGPROBS, Capability.MULTIPLE_CHOICES})
_NOT_WITH = (
    "add_generation_prompt", "audio", "continue_final_message", "echo", "grammar", "guided_choice", "guided_grammar",
    "guided_json", "guided_regex", "json_schema", "prompt_logprobs", "structured_outputs",
)  # fmt: skip
_NAMES = ("id", "created", "model", "system_fingerprint")  # of the answer, in each of its events
_LIMITS = ("max_completion_tokens", "max_tokens", "min_tokens")
_DATA, _END, _DONE = b"data: ", b"\n\n", b"[DONE]"
_TRUE, _FALSE = msgspec.Raw(b"true"), msgspec.Raw(b"false")
_encode = msgspec.json.Encoder().encode
_messages = msgspec.json.Decoder(list[msgspec.Raw])


class _Role(msgspec.Struct):
    role: str | None = None


_role = msgspec.json.Decoder(_Role).decode


class ContinuingTranslator(OpenAITranslator):
    """The dialect of a server that can go on with an answer."""

    def continued(self, request: Request, beginning: PartialAnswer, pause: Pause = no_pause) -> Request | None:
        """The conversation with what was said at its end. None where it would not be the same answer any more."""
        facts = request.facts
        messages = decoded(request.fields["messages"], _messages, pause, _messages.decode)
        left = None if facts.max_output_tokens is None else facts.max_output_tokens - beginning.tokens
        is_other = facts.needs & _NEEDS or any(name in request.fields for name in _NOT_WITH)
        if is_other or not messages or _role(messages[-1]).role == "assistant" or (left is not None and left <= 0):
            return None
        said = msgspec.Raw(_encode({"role": "assistant", "content": beginning.text.rstrip()}))
        fields = {**request.fields, "messages": encoded([*messages, said], pause)}
        fields |= {"continue_final_message": _TRUE, "add_generation_prompt": _FALSE}
        for name in _LIMITS:
            if name in fields:
                fields[name] = _less(fields[name], beginning.tokens)
        return msgspec.structs.replace(request, fields=fields)

    def continuation_decoder(self, request: Request, beginning: PartialAnswer) -> StreamDecoder:
        """Its events carry the names of the answer that was begun, and its usage counts both parts."""
        return _ContinuationDecoder(beginning, request, finishes=self._finishes)


def _less(limit: msgspec.Raw, tokens: int) -> msgspec.Raw:
    with contextlib.suppress(msgspec.DecodeError, ValueError):
        return msgspec.Raw(_encode(max(int(bytes(limit)) - tokens, 1)))
    return limit


class _ContinuationDecoder:
    def __init__(self, beginning: PartialAnswer, request: Request, *, finishes: frozenset[str]) -> None:
        self._beginning = beginning
        self._keep_usage = request.wants_usage
        self._decoder = OpenAIStreamDecoder(keep_usage=True, finishes=finishes, transcript=Transcript())
        self._names: dict[str, Any] = {"id": beginning.id, "created": request.arrived_at, "model": beginning.model}
        if beginning.head:
            head = members(beginning.head)
            self._names = {name: head[name] for name in _NAMES if name in head}
        self._seam = Seam(beginning.text)

    def feed(self, data: bytes) -> list[Chunk]:
        return [self._rewritten(chunk) for chunk in self._decoder.feed(data)]

    def end(self) -> Chunk:
        return self._rewritten(self._decoder.end())

    def summary(self) -> StreamSummary:
        return self._decoder.summary()

    def tokens(self) -> int:
        return self._decoder.tokens()

    def beginning(self) -> PartialAnswer | None:
        more, before, seam = self._decoder.beginning(), self._beginning, self._seam
        if not seam.is_past:  # the caller has nothing of this one yet
            return before if more is not None else None
        if more is None:
            return None
        text, tokens = before.text + seam.new + more.text[seam.taken :], before.tokens + more.tokens
        return msgspec.structs.replace(before, text=text, tokens=tokens)

    def _rewritten(self, chunk: Chunk) -> Chunk:
        events = [event for event in chunk.forward.split(_END) if event]
        try:
            parts = [self._event(event.removeprefix(_DATA).replace(b"\ndata: ", b"\n")) for event in events]
        except AttemptFailed as failed:
            return Chunk(b"", failure=failed)
        return Chunk(b"".join(parts), chunk.output, chunk.done, chunk.failure)

    def _event(self, data: bytes) -> bytes:
        """The event as the answer's own; nothing if all of it is held back."""
        if data.strip() == _DONE:
            return _DATA + _DONE + _END
        event: dict[str, Any] = {**members(data), **self._names}
        if "usage" in event and bytes(event["usage"]) != b"null":
            event["usage"] = self._both(_counts(event["usage"]))
        choices = [members(choice) for choice in _messages.decode(event["choices"])] if "choices" in event else []
        if not choices:
            return _DATA + _encode(event) + _END if self._keep_usage else b""
        event["choices"] = [{**choice, "delta": self._delta(choice)} for choice in choices]
        is_empty = not any(choice["delta"] or _is_set(choice.get("finish_reason")) for choice in event["choices"])
        return b"" if is_empty and "usage" not in event else _DATA + _encode(event) + _END

    def _delta(self, choice: dict[str, msgspec.Raw]) -> dict[str, Any]:
        delta: dict[str, Any] = members(choice["delta"]) if _is_set(choice.get("delta")) else {}
        delta.pop("role", None)
        if self._seam.is_past:
            return delta
        content = _text(delta.pop("content", msgspec.Raw(b"null")))
        text = self._seam.feed(content, last=any(map(_is_set, delta.values())) or _is_set(choice.get("finish_reason")))
        return {"content": text, **delta} if text else delta

    def _both(self, usage: dict[str, Any]) -> dict[str, Any]:
        """The prompt's tokens as they were first, the answer's of both parts."""
        before = self._beginning.tokens
        prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if not isinstance(prompt, int) or not isinstance(completion, int):
            return usage
        prompt, completion = max(prompt - before, 1), completion + before
        return {
            **usage, "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        }  # fmt: skip


def _counts(usage: msgspec.Raw) -> dict[str, Any]:
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError):
        found = msgspec.json.decode(usage)
    return found if isinstance(found, dict) else {}


def _text(raw: msgspec.Raw) -> str:
    """Raises AttemptFailed for content in parts: it has no seam, and must not be lost."""
    found: Any = msgspec.json.decode(raw)
    if found is not None and not isinstance(found, str):
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the continuation is no plain text")
    return found or ""


def _is_set(raw: msgspec.Raw | None) -> bool:
    return raw is not None and bytes(raw) != b"null"
