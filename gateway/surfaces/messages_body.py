"""The body of Anthropic's Messages: checked as far as the gateway must understand it, the facts drawn.

Source: Anthropic's API reference, Messages (2026-11). Fields that are not read here are neither checked nor changed.
"""

import re

import msgspec

from gateway.dialects.anthropic.tier import tier_of
from gateway.dialects.anthropic.wire import ABSENT, is_present
from gateway.http.errors import ApiError
from gateway.surfaces.chat_body import Shape, text_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read, read_list
from gateway.surfaces.prefix import prefix_of
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause

_MOST_TOKENS = 2**31
_TOKENS_PER_MESSAGE = 4
_TOKENS_PER_IMAGE = 1_600  # of the largest that is not scaled down: width x height / 750
_BYTES_PER_TOKEN = 4
# tools that Anthropic runs; of the rest of those that it defines a caller runs each call
_OWN_TOOL = re.compile(rb'"type"\s*:\s*"(?:web_search_|web_fetch_|code_execution_|advisor_|mcp_toolset)')
_BASE64_PER_TOKEN = 40  # of a PDF: 30 bytes, of which most are fonts and pictures


class _Source(msgspec.Struct, gc=False):
    data: str | None = None


class _Block(msgspec.Struct, gc=False):
    type: str
    text: str | None = None
    thinking: str | None = None
    source: _Source | None = None
    input: msgspec.Raw = msgspec.Raw(b"null")
    content: "str | list[_Block] | dict[str, msgspec.Raw] | None" = None  # a server tool's result may be an object


class _Message(msgspec.Struct, gc=False):
    role: str
    content: str | list[_Block]


class _ToolChoice(msgspec.Struct, gc=False):
    type: str


class _Format(msgspec.Struct, gc=False):
    type: str | None = None


class _OutputConfig(msgspec.Struct, gc=False):
    format: _Format | None = None


_model = msgspec.json.Decoder(str)
_messages = msgspec.json.Decoder(list[_Message])
_system = msgspec.json.Decoder(str | list[_Block] | None)
_count = msgspec.json.Decoder(int)
_bool = msgspec.json.Decoder(bool | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_text = msgspec.json.Decoder(str | None)
_choice = msgspec.json.Decoder(_ToolChoice | None)
_format = msgspec.json.Decoder(_Format | None)
_output = msgspec.json.Decoder(_OutputConfig | None)
_NONE: frozenset[Capability] = frozenset()
_NO_THREADS = "The gateway keeps no conversations between requests: send the whole conversation, without 'thread'."


def messages_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:
    """Of `POST /v1/messages`. Raises ApiError 400 with the path of the field and what was expected."""
    _refuse_threads(fields)
    most: int = read(fields, "max_tokens", _count)
    if not 0 <= most <= _MOST_TOKENS:  # 0 fills a cache
        raise invalid("max_tokens", f"a number from 0 to {_MOST_TOKENS}")
    return _shape(
        fields, most or None, stream=bool(optional(fields, "stream", _bool)), with_prefix=with_prefix, pause=pause
    )


def _refuse_threads(fields: Fields) -> None:
    """A conversation that Anthropic holds between requests (beta `message-threads-2026-08-12`).

    What came before would be seen neither by detection and redaction nor by another deployment. The error is the one
    after which the SDKs' tool runners and Claude Code send everything again, and go on without threads.
    """
    if is_present(fields.get("thread", ABSENT)):
        raise ApiError(400, "thread_unsupported_request", _NO_THREADS, param="thread")


def count_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:
    """Of `POST /v1/messages/count_tokens`, which asks for no answer."""
    return _shape(fields, None, stream=False, with_prefix=with_prefix, pause=pause)


def _shape(fields: Fields, most: int | None, *, stream: bool, with_prefix: bool, pause: Pause) -> Shape:
    try:
        return _read_shape(fields, most, stream=stream, with_prefix=with_prefix, pause=pause)
    except RecursionError:
        raise ApiError(400, "nested_too_deeply", "'messages' is nested too deeply.", param="messages") from None


def _read_shape(fields: Fields, most: int | None, *, stream: bool, with_prefix: bool, pause: Pause) -> Shape:
    model = read(fields, "model", _model)
    messages: list[_Message] = read_list(fields, "messages", _messages, pause)
    if not model:
        raise invalid("model", "a model's name, found an empty string")
    if not messages:
        raise invalid("messages", "at least one message")
    for at, message in enumerate(messages):
        if message.role not in ("user", "assistant", "system"):
            raise invalid(f"messages[{at}].role", f"user or assistant, found {message.role!r}")
    system: str | list[_Block] | None = optional(fields, "system", _system)
    tokens = _tokens(system, pause)
    tokens += sum(_TOKENS_PER_MESSAGE + _tokens(message.content, pause) for message in messages)
    if "tools" in fields:
        tokens += memoryview(fields["tools"]).nbytes // _BYTES_PER_TOKEN
    return Shape(
        model=model,
        needs=_needs(fields, messages),
        prompt_tokens=max(tokens, 1),
        max_output_tokens=most,
        stream=stream,
        wants_usage=True,
        choices=1,
        service_tier=tier_of(None, optional(fields, "speed", _text), optional(fields, "inference_geo", _text)),
        own_tools=_OWN_TOOL.search(bytes(fields.get("tools", b""))) is not None or "mcp_servers" in fields,
        prefix=prefix_of([_Message("system", system or ""), *messages]) if with_prefix else None,
    )


def _tokens(content: str | list[_Block] | None, pause: Pause) -> int:
    if isinstance(content, str):
        return text_tokens(content, pause)
    return sum(_block_tokens(block, pause) for block in content or ())


def _block_tokens(block: _Block, pause: Pause) -> int:
    if block.type == "image":
        return _TOKENS_PER_IMAGE
    pause()
    tokens = text_tokens(block.text, pause) if block.text else 0
    tokens += text_tokens(block.thinking, pause) if block.thinking else 0
    tokens += memoryview(block.input).nbytes // _BYTES_PER_TOKEN
    if block.source is not None:
        tokens += len(block.source.data or "") // _BASE64_PER_TOKEN
    return tokens + (_tokens(block.content, pause) if isinstance(block.content, str | list) else 0)


def _needs(fields: Fields, messages: list[_Message]) -> frozenset[Capability]:
    needs: set[Capability] = set()
    if optional(fields, "tools", _list):
        needs.add(Capability.TOOLS)
        chosen: _ToolChoice | None = optional(fields, "tool_choice", _choice)
        if chosen is not None and chosen.type in ("any", "tool"):
            needs.add(Capability.FORCED_TOOLS)
    output: _OutputConfig | None = optional(fields, "output_config", _output)
    wanted: _Format | None = output.format if output is not None else optional(fields, "output_format", _format)
    if wanted is not None and wanted.type == "json_schema":
        needs.add(Capability.JSON_SCHEMA)
    if any(_holds_image(message.content) for message in messages):
        needs.add(Capability.VISION)
    return frozenset(needs) if needs else _NONE


def _holds_image(content: str | list[_Block] | dict[str, msgspec.Raw] | None) -> bool:
    return isinstance(content, list) and any(one.type == "image" or _holds_image(one.content) for one in content)
