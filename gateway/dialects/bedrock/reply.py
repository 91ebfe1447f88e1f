"""A whole answer of Converse as a reply. It has neither an id nor a model's name."""

from collections.abc import Iterator

from gateway.dialects.bedrock.answer import read_converse
from gateway.dialects.bedrock.reported_usage import read_usage
from gateway.dialects.bedrock.stop import BLOCKED, finish_of
from gateway.dialects.bedrock.wire import SERVER_TOOL, Block, ReasoningContent, is_present, stop_sequence_of
from gateway.values.chat import HiddenReasoning, Part, Reasoning, Reply, Text, ToolCall

MAKER = "bedrock"


def read_reply(body: bytes) -> Reply:
    """An answer that was found to be one. What tools of Bedrock's own did is left out: it is in the text."""
    found = read_converse(body)
    message = found.output.message if found.output is not None else None
    parts = tuple(part for block in (message.content if message is not None else None) or () for part in _parts(block))
    reason = found.stop_reason
    return Reply(
        id="",
        model="",
        parts=parts,
        finish=finish_of(reason, calls=any(isinstance(part, ToolCall) for part in parts)),
        stop_sequence=stop_sequence_of(found.additional_model_response_fields),
        usage=read_usage(found.usage, found.service_tier).usage,
        blocked_for=(reason,) if reason in BLOCKED else (),
    )


def _parts(block: Block) -> Iterator[Part]:
    if words := block.words():
        yield Text(words)
    call = block.tool_use
    if call is not None and call.type != SERVER_TOOL:
        arguments = bytes(call.input).decode("utf-8", "replace") if is_present(call.input) else "{}"
        yield ToolCall(call.tool_use_id or "", call.name or "", arguments)
    if block.reasoning_content is not None:
        yield from _thoughts(block.reasoning_content)


def _thoughts(content: ReasoningContent) -> Iterator[Part]:
    told = content.reasoning_text
    if told is not None:
        signature = told.signature or None
        yield Reasoning(told.text or "", signature, None if signature is None else MAKER)
    if content.redacted_content:
        yield HiddenReasoning(content.redacted_content, MAKER)
