"""A whole answer as a reply, and back.

A thought's signature stands on the part that the model thought it for: a call has it, and of a text it is what is hidden after
it, for in a stream it comes with the text's last piece (Google, "Thought signatures").
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.dialects.gemini.answer import reason_of
from gateway.dialects.gemini.evidence import blocked_for, citations_in, logprobs_in, written_citations, written_logprobs
from gateway.dialects.gemini.reported_usage import read_usage, with_searches
from gateway.dialects.gemini.signatures import NAME, read_hidden, read_signature, told_hidden, told_signature
from gateway.dialects.gemini.stop import finish_of
from gateway.dialects.gemini.stop import reason_of as word_of
from gateway.dialects.gemini.wire import Candidate, FunctionCall, Part, Response, is_present, read_response
from gateway.values.chat import (
    Citation,
    Finish,
    HiddenReasoning,
    ProviderCall,
    ProviderResult,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
)
from gateway.values.chat import Part as ChatPart
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_CODE = "code_execution"
_CALLED, _GIVEN = ("executableCode", "toolCall"), ("codeExecutionResult", "toolResponse")
_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
Members = dict[str, Any]


def read_reply(body: bytes) -> Reply:
    """Of the first candidate of an answer that was found to be one. Raises AttemptFailed for a file that the model made: a
    chat has no place for one.
    """
    found = read_response(body)
    if found is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an answer of Gemini's")
    parts: list[ChatPart] = []
    counter = Counter(found.response_id or "")
    for part in found.parts():
        for one in parts_of(part, counter):
            _add(parts, one)
    candidate = next((one for one in found.candidates or () if one.index == 0), Candidate())
    _cite(parts, citations_in(candidate, "".join(part.text for part in parts if isinstance(part, Text))))
    blocked = found.blocked() is not None
    if blocked:
        parts.append(Refusal(block_words(found)))
    reason = reason_of(found)
    return Reply(
        id=found.response_id or "",
        model=found.model_version or "",
        parts=tuple(parts),
        finish=Finish.REFUSAL if blocked else finish_of(reason, calls=counter.calls > 0),
        usage=with_searches(read_usage(found.usage_metadata), candidate.grounding_metadata, found.model_version).usage,
        blocked_for=blocked_for(found, reason),
        logprobs=logprobs_in(candidate),
    )


def write_reply(reply: Reply) -> bytes:
    """An answer for a caller."""
    refuses = any(isinstance(part, Refusal) for part in reply.parts)
    candidate: Members = {
        "content": {"parts": written(reply.parts), "role": "model"},
        "finishReason": word_of(reply.finish, refuses=refuses),
        "index": 0,
    }
    citations = _cited(reply.parts)
    if citations:
        candidate["citationMetadata"] = written_citations(citations)
    if reply.logprobs:
        candidate["logprobsResult"] = written_logprobs(reply.logprobs)
    if reply.blocked_for:
        candidate["safetyRatings"] = written_ratings(reply.blocked_for)
    body: Members = {"candidates": [candidate], "modelVersion": reply.model, "responseId": reply.id}
    if reply.usage is not None:
        body["usageMetadata"] = usage_of(reply.usage)
    return _encode(body)


def written(parts: Sequence[ChatPart]) -> list[Members]:
    """The parts of an answer, for a caller. What a provider's own tools did is left out: it is in the text."""
    found: list[Members] = []
    for part in parts:
        if isinstance(part, Text | Refusal):
            found += [{"text": part.text}] if part.text else []
        elif isinstance(part, ToolCall):
            found.append(call_part(part.id, part.name, part.arguments, part.signature, part.maker))
        elif isinstance(part, Reasoning):
            thought: Members = {"text": part.text, "thought": True}
            if part.signature is not None:
                thought["thoughtSignature"] = told_signature(part.signature, part.maker)
            found.append(thought)
        elif isinstance(part, HiddenReasoning):
            found.append(hidden_part(part))
    return found


def call_part(call_id: str, name: str, arguments: str, signature: str | None, maker: str | None) -> Members:
    """A call, whole."""
    part: Members = {"functionCall": {"id": call_id, "name": name, "args": arguments_as_object(arguments)}}
    return part if signature is None else {**part, "thoughtSignature": told_signature(signature, maker)}


def hidden_part(part: HiddenReasoning) -> Members:
    """Gemini's is the signature of a text; another's is a thought that nobody here can read."""
    said = told_hidden(part.data, part.maker)
    return {"text": "", "thoughtSignature": said} if part.maker == NAME else _thought(said)


def _thought(said: str) -> Members:
    return {"text": "", "thought": True, "thoughtSignature": said}


def arguments_as_object(arguments: str) -> Any:
    """Arguments that are no object stand in one as text."""
    try:
        _object(arguments or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"arguments": arguments}
    return msgspec.Raw((arguments or "{}").encode())


def usage_of(usage: Usage) -> Members:
    """Thoughts are told beside what is answered."""
    thoughts = None if usage.reasoning_tokens is None else min(usage.reasoning_tokens, usage.completion_tokens)
    told: Members = {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": usage.completion_tokens - (thoughts or 0),
        "totalTokenCount": usage.prompt_tokens + usage.completion_tokens,
    }
    if thoughts is not None:
        told["thoughtsTokenCount"] = thoughts
    if usage.cached_tokens is not None:
        told["cachedContentTokenCount"] = usage.cached_tokens
    if usage.service_tier is not None:
        told["serviceTier"] = usage.service_tier
    return told


def written_ratings(reasons: Sequence[str]) -> list[Members]:
    """What a filter found."""
    return [{"category": reason, "probability": "HIGH", "blocked": True} for reason in reasons]


class Counter:
    """Of the calls of an answer: those without an id get one, made of the answer's."""

    def __init__(self, response_id: str) -> None:
        self.response_id = response_id
        self.calls = 0
        self.codes = 0

    def call_id(self, call: FunctionCall) -> str:
        """That of the next call."""
        at, self.calls = self.calls, self.calls + 1
        return call.id or (f"call_{self.response_id}_{at}" if self.response_id else f"call_{at}")


def parts_of(part: Part, counter: Counter) -> Iterator[ChatPart]:
    """What a part of an answer is in a chat."""
    if part.is_file():
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a file, which has no place in the answer to a chat")
    signature = read_signature(part.thought_signature)
    hidden = None if part.text else read_hidden(part.thought_signature)
    if part.function_call is not None:
        call = part.function_call
        yield ToolCall(counter.call_id(call), call.name, arguments_of(call), None, *(signature or ()))
        return
    if hidden is not None:
        yield HiddenReasoning(*hidden)
        return
    if part.thought:
        if part.text or signature is not None:
            yield Reasoning(part.text or "", *(signature or ()))
        return
    if part.text:
        yield Text(part.text)
    yield from _by_its_own_tools(part, counter)
    if signature is not None:
        yield HiddenReasoning(*signature)


def _by_its_own_tools(part: Part, counter: Counter) -> Iterator[ChatPart]:
    if is_present(part.executable_code):
        counter.codes += 1
        yield ProviderCall(id=f"code_{counter.codes}", kind=_CODE, native=_text(part.executable_code), maker=NAME)
    elif is_present(part.code_execution_result):
        native = _text(part.code_execution_result)
        yield ProviderResult(call_id=f"code_{counter.codes}", kind=_CODE, native=native, maker=NAME)
    elif is_present(part.tool_call):
        counter.codes += 1
        yield ProviderCall(id=f"tool_{counter.codes}", kind="tool", native=_text(part.tool_call), maker=NAME)
    elif is_present(part.tool_response):
        native = _text(part.tool_response)
        yield ProviderResult(call_id=f"tool_{counter.codes}", kind="tool", native=native, maker=NAME)


def own_tools_part(part: ProviderCall | ProviderResult) -> Members:
    """What Google's own tools did, as it stood in the answer."""
    of_code, of_others = _CALLED if isinstance(part, ProviderCall) else _GIVEN
    return {of_code if part.kind == _CODE else of_others: msgspec.Raw(part.native.encode())}


def arguments_of(call: FunctionCall) -> str:
    """JSON text, on one line: whole answers are written on many."""
    if is_present(call.partial_args) or call.will_continue:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a call's arguments in pieces, which were not asked for")
    return _text(call.args) if is_present(call.args) else "{}"


def block_words(response: Response) -> str:
    """Why a prompt was blocked, in words."""
    feedback = response.prompt_feedback
    said = None if feedback is None else feedback.block_reason_message
    return said or f"The prompt was blocked: {response.blocked()}"


def _text(raw: msgspec.Raw) -> str:
    written = bytes(raw)
    return (msgspec.json.format(written, indent=-1) if b"\n" in written else written).decode("utf-8", "replace")


def _add(parts: list[ChatPart], part: ChatPart) -> None:
    """As a stream of them is put together: text goes on, and a signature is of the thought before it."""
    last = parts[-1] if parts else None
    if isinstance(part, Text) and isinstance(last, Text):
        parts[-1] = Text(last.text + part.text)
    elif isinstance(part, Reasoning) and isinstance(last, Reasoning) and last.signature is None:
        parts[-1] = Reasoning(last.text + part.text, part.signature, part.maker)
    else:
        parts.append(part)


def _cite(parts: list[ChatPart], citations: tuple[Citation, ...]) -> None:
    """Onto the only text, which they count the characters of; of several texts the last has them, without places."""
    texts = [at for at, part in enumerate(parts) if isinstance(part, Text)]
    last = parts[texts[-1]] if texts else None
    if citations and isinstance(last, Text):
        if len(texts) > 1:
            citations = tuple(msgspec.structs.replace(one, start=None, end=None) for one in citations)
        parts[texts[-1]] = msgspec.structs.replace(last, citations=citations)


def _cited(parts: Sequence[ChatPart]) -> list[tuple[Citation, int, str]]:
    found: list[tuple[Citation, int, str]] = []
    before = 0
    for part in parts:
        if isinstance(part, Text):
            found += [(one, before, part.text) for one in part.citations if one.url is not None]
            before += len(part.text.encode())
    return found
