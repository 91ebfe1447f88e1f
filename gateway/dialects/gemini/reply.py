"""A whole answer as a reply, and back.

A thought's signature stands on the part that the model thought it for: a call, or text. In a chat it is that of the thought
before a call, and of one after a text, for in a stream it comes with the text's last piece (Google, "Thought signatures").
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.dialects.gemini.answer import reason_of
from gateway.dialects.gemini.reported_usage import read_usage, with_searches
from gateway.dialects.gemini.stop import finish_of
from gateway.dialects.gemini.stop import reason_of as word_of
from gateway.dialects.gemini.wire import ABSENT, FunctionCall, Part, Response, is_present, read_response
from gateway.dialects.signatures import marked, own
from gateway.values.chat import Finish, HiddenReasoning, Reasoning, Refusal, Reply, Text, ToolCall
from gateway.values.chat import Part as ChatPart
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

NAME = "gemini"
_FOREIGN, _HIDDEN = b"gateway-signature:", b"gateway-hidden:"  # what others signed or hid, on its way through a caller
_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
Members = dict[str, Any]


def read_reply(body: bytes) -> Reply:
    """Of the first candidate of an answer that was found to be one. What Google's own tools did is left out: it is in the
    text. Raises AttemptFailed for a file that the model made: a chat has no place for one.
    """
    found = read_response(body)
    if found is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an answer of Gemini's")
    parts: list[ChatPart] = []
    calls = 0
    for part in found.parts():
        refuse_files(part)
        for one in _parts_of(part, found.response_id or "", calls):
            _add(parts, one)
            calls += isinstance(one, ToolCall)
    blocked = found.blocked() is not None
    if blocked:
        parts.append(Refusal(block_words(found)))
    grounding = next((one.grounding_metadata for one in found.candidates or ()), ABSENT)
    return Reply(
        id=found.response_id or "",
        model=found.model_version or "",
        parts=tuple(parts),
        finish=Finish.REFUSAL if blocked else finish_of(reason_of(found), calls=calls > 0),
        usage=with_searches(read_usage(found.usage_metadata), grounding, found.model_version).usage,
    )


def write_reply(reply: Reply) -> bytes:
    """An answer for a caller."""
    refuses = any(isinstance(part, Refusal) for part in reply.parts)
    candidate: Members = {
        "content": {"parts": written(reply.parts), "role": "model"},
        "finishReason": word_of(reply.finish, refuses=refuses),
        "index": 0,
    }
    body: Members = {"candidates": [candidate], "modelVersion": reply.model, "responseId": reply.id}
    if reply.usage is not None:
        body["usageMetadata"] = usage_of(reply.usage)
    return _encode(body)


def written(parts: Sequence[ChatPart]) -> list[Members]:
    """The parts of an answer, for a caller. A signature goes on the part that it is of."""
    found: list[Members] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            found += [{"text": part.text}] if part.text else []
        elif isinstance(part, ToolCall):
            found.append(call_part(part))
        elif isinstance(part, Reasoning):
            thought: Members = {"text": part.text, "thought": True}
            found.append(
                thought if part.signature is None else {**thought, "thoughtSignature": told_signature(part.signature)}
            )
        elif isinstance(part, HiddenReasoning):
            found.append({"text": "", "thought": True, "thoughtSignature": told_hidden(part.data)})
    return found


def call_part(call: ToolCall) -> Members:
    """A call, whole."""
    return {"functionCall": {"id": call.id, "name": call.name, "args": arguments_as_object(call.arguments)}}


def arguments_as_object(arguments: str) -> Any:
    """Arguments that are no object stand in one as text."""
    try:
        _object(arguments or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"arguments": arguments}
    return msgspec.Raw((arguments or "{}").encode())


def usage_of(usage: Usage) -> Members:
    """Thoughts are told beside what is answered."""
    thoughts = usage.reasoning_tokens
    told: Members = {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": max(usage.completion_tokens - (thoughts or 0), 0),
        "totalTokenCount": usage.prompt_tokens + usage.completion_tokens,
    }
    if thoughts is not None:
        told["thoughtsTokenCount"] = thoughts
    if usage.cached_tokens is not None:
        told["cachedContentTokenCount"] = usage.cached_tokens
    if usage.service_tier is not None:
        told["serviceTier"] = usage.service_tier
    return told


def signature_of(part: Part) -> str | None:
    """As a chat holds it: marked as Gemini's, but for what another provider signed."""
    said = part.thought_signature
    if not said:
        return None
    foreign = _decoded(said, _FOREIGN)
    return marked(NAME, said) if foreign is None else foreign


def hidden_of(part: Part) -> str | None:
    """What another provider hid, where the part carries that."""
    return _decoded(part.thought_signature, _HIDDEN) if part.thought_signature and not part.text else None


def told_signature(signature: str) -> str:
    """As a caller is told of it, who gives it back: base64, for its SDK reads bytes."""
    own_signature = own(NAME, signature)
    return base64.b64encode(_FOREIGN + signature.encode()).decode() if own_signature is None else own_signature


def told_hidden(data: str) -> str:
    """What another provider hid."""
    return base64.b64encode(_HIDDEN + data.encode()).decode()


def call_id(call: FunctionCall, response_id: str, index: int) -> str:
    """That of a call of an answer; made of the answer's where the model gave none."""
    return call.id or (f"call_{response_id}_{index}" if response_id else f"call_{index}")


def arguments_of(call: FunctionCall) -> str:
    """JSON text, on one line: whole answers are written on many."""
    if is_present(call.partial_args) or call.will_continue:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a call's arguments in pieces, which were not asked for")
    if not is_present(call.args):
        return "{}"
    written = bytes(call.args)
    return (msgspec.json.format(written, indent=-1) if b"\n" in written else written).decode("utf-8", "replace")


def refuse_files(part: Part) -> None:
    """Raises AttemptFailed for one that the model made."""
    if part.is_file():
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a file, which has no place in the answer to a chat")


def block_words(response: Response) -> str:
    """Why a prompt was blocked, in words."""
    feedback = response.prompt_feedback
    said = None if feedback is None else feedback.block_reason_message
    return said or f"The prompt was blocked: {response.blocked()}"


def _parts_of(part: Part, response_id: str, calls: int) -> Iterator[ChatPart]:
    signature, call = signature_of(part), part.function_call
    if call is not None:
        if signature is not None:
            yield Reasoning("", signature)
        yield ToolCall(call_id(call, response_id, calls), call.name, arguments_of(call))
        return
    hidden = hidden_of(part)
    if hidden is not None:
        yield HiddenReasoning(hidden)
    elif part.thought and (part.text or signature is not None):
        yield Reasoning(part.text or "", signature)
    else:
        if part.text:
            yield Text(part.text)
        if signature is not None:
            yield Reasoning("", signature)


def _add(parts: list[ChatPart], part: ChatPart) -> None:
    """As a stream of them is put together: text goes on, and a signature is of the thought before it."""
    last = parts[-1] if parts else None
    if isinstance(part, Text) and isinstance(last, Text):
        parts[-1] = Text(last.text + part.text)
    elif isinstance(part, Reasoning) and isinstance(last, Reasoning) and last.signature is None:
        parts[-1] = Reasoning(last.text + part.text, part.signature)
    else:
        parts.append(part)


def _decoded(said: str, prefix: bytes) -> str | None:
    """What stands after the prefix, in base64 of either alphabet."""
    if len(said) < len(prefix):
        return None
    try:
        data = base64.b64decode(said.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data[len(prefix) :].decode("utf-8", "replace") if data.startswith(prefix) else None
