"""A whole response as a reply, and back."""

from collections.abc import Iterator, Sequence

import msgspec

from gateway.dialects.anthropic.wire import read
from gateway.dialects.responses.answer import FILTERED, reason_of
from gateway.dialects.responses.sealed import call_signature_in, thoughts_in
from gateway.dialects.responses.usage import read_usage
from gateway.dialects.responses.wire import Item, response
from gateway.dialects.responses.writer import ResponseWriter
from gateway.values.chat import (
    Began,
    Cited,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    Part,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    Refusal,
    RefusalDelta,
    Reply,
    Text,
    TextDelta,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_encode = msgspec.json.Encoder().encode


def read_reply(body: bytes) -> Reply:
    """A response that was found to be one. What tools of the provider's own did is left out: it is in the text."""
    found = read(response, body)
    if found is None or found.output is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not a response")
    parts = tuple(_all_parts(found.output))
    return Reply(
        id=found.id or "",
        model=found.model or "",
        parts=parts,
        finish=finish_of(
            reason_of(found),
            calls=any(isinstance(part, ToolCall) for part in parts),
            refuses=any(isinstance(part, Refusal) for part in parts),
        ),
        usage=read_usage(found.usage, found.service_tier, found.output).usage,
    )


def finish_of(reason: str, *, calls: bool, refuses: bool) -> Finish:
    """Why it ended."""
    if reason == "completed":
        return Finish.REFUSAL if refuses else Finish.TOOL_CALLS if calls else Finish.STOP
    return Finish.REFUSAL if reason == FILTERED else Finish.LENGTH


def _all_parts(items: Sequence[Item]) -> Iterator[Part]:
    signed: tuple[str, str | None] | None = None
    for item in items:
        for part in parts_of(item):
            is_signed = isinstance(part, ToolCall) and signed is not None
            yield msgspec.structs.replace(part, signature=signed[0], maker=signed[1]) if is_signed and signed else part
        signed = call_signature_in(item.encrypted_content)


def parts_of(item: Item) -> Iterator[Part]:
    """What an item of the output says."""
    if item.type == "message":
        for one in item.content or ():
            if one.text:
                cited = tuple(citation for said in one.annotations or () for citation in said.citations())
                yield Text(one.text, citations=cited)
            if one.refusal:
                yield Refusal(one.refusal)
    elif item.type == "reasoning":
        texts = [one.text for one in item.texts() if one.text]
        yield from thoughts_in("\n\n".join(texts), item.encrypted_content)
    elif item.type == "function_call":
        yield ToolCall(item.call_id or item.id or "", item.name or "", arguments_of(item) or "{}")


def arguments_of(item: Item) -> str:
    """JSON text."""
    said = item.arguments
    return said if isinstance(said, str) else "" if said is None else _encode(said).decode()


def write_reply(reply: Reply, request: Request) -> bytes:
    """A response for a caller: what its stream would have come to."""
    writer = ResponseWriter(request, is_silent=True)
    writer.write([Began(reply.id, reply.model), *_events(reply.parts), Ended(reply.finish, reply.stop_sequence)])
    if reply.usage is not None:
        writer.write([Used(reply.usage)])
    return _encode(writer.response())


def _events(parts: Sequence[Part]) -> Iterator[Event]:
    calls = 0
    for part in parts:
        if isinstance(part, Text):
            yield TextDelta(part.text)
            yield from map(Cited, part.citations)
        elif isinstance(part, Refusal):
            yield RefusalDelta(part.text)
        elif isinstance(part, Reasoning):
            yield ReasoningDelta(part.text)
            if part.signature is not None:
                yield ReasoningSigned(part.signature, part.maker)
        elif isinstance(part, HiddenReasoning):
            yield part
        elif isinstance(part, ToolCall):
            yield ToolCallBegan(calls, part.id, part.name, part.signature, part.maker)
            yield ToolCallDelta(calls, part.arguments)
            calls += 1
