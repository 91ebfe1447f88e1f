"""The body of `POST /v1/responses`: checked as far as the gateway must understand it, the facts drawn.

Source: CreateResponse of OpenAI's OpenAPI description 2.3.0. Fields that are not read here are neither checked nor changed.
"""

import re
from typing import Any

import msgspec

from gateway.http.errors import ApiError
from gateway.surfaces.chat_body import Shape, text_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read, read_list
from gateway.surfaces.prefix import prefix_of
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause

_MOST_TOKENS = 2**31
_TOKENS_PER_ITEM = 4
_TOKENS_PER_IMAGE = 765  # OpenAI's count for 1024 x 1024 in detail; vision models differ
_BYTES_PER_TOKEN = 4
_BASE64_PER_TOKEN = 40  # of a PDF: 30 bytes, of which most are fonts and pictures
_TIER = re.compile("[a-z_]{1,32}")
_USUAL_TIERS = ("auto", "default")
# tools that a provider runs and bills by itself; those that it defines and a caller runs are none
_OWN_TOOL = re.compile(rb'"type"\s*:\s*"(?:web_search|file_search|code_interpreter|image_generation|mcp|hosted_)')
_ROLES = frozenset({"user", "assistant", "system", "developer"})


class _Piece(msgspec.Struct, gc=False):
    type: str
    text: str | None = None
    refusal: str | None = None
    file_data: str | None = None


class _Item(msgspec.Struct, gc=False):
    """`name` and `arguments` of a call; `output` of a tool, whose own kinds give objects."""

    type: str | None = None
    role: str | None = None
    content: str | list[_Piece] | None = None
    summary: list[_Piece] | None = None
    encrypted_content: str | None = None
    arguments: str | dict[str, msgspec.Raw] | None = None
    output: str | list[_Piece] | dict[str, msgspec.Raw] | None = None


class _Said(msgspec.Struct, gc=False):
    """What of an item makes how a conversation begins."""

    role: str
    content: str | list[_Piece] | None


class _Format(msgspec.Struct, gc=False):
    type: str | None = None


class _TextConfig(msgspec.Struct, gc=False):
    format: _Format | None = None


class _Choice(msgspec.Struct, gc=False):
    type: str
    mode: str | None = None


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


_model = _decoder(str)
_items = _decoder(list[_Item])
_input = _decoder(str)
_bool = _decoder(bool | None)
_text = _decoder(str | None)
_instructions = _decoder(str | list[msgspec.Raw] | None)
_count = _decoder(int | None)
_list = _decoder(list[msgspec.Raw] | None)
_tools = _decoder(list[dict[str, msgspec.Raw]] | None)
_object = _decoder(dict[str, msgspec.Raw] | None)
_config = _decoder(_TextConfig | None)
_choice = _decoder(str | _Choice | None)
_words = _decoder(list[str] | None)


def responses_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:
    """Raises ApiError 400 with the path of the field and what was expected."""
    _refuse(fields)
    model = read(fields, "model", _model)
    if not model:
        raise invalid("model", "a model's name, found an empty string")
    items = _all_items(fields, pause)
    instructions = optional(fields, "instructions", _instructions)
    tokens = sum(_item_tokens(item, pause) for item in items)
    tokens += text_tokens(instructions, pause) if isinstance(instructions, str) else 0
    if "tools" in fields:
        tokens += memoryview(fields["tools"]).nbytes // _BYTES_PER_TOKEN
    said = [_Said(item.role or "", item.content or "") for item in items if item.role is not None]
    return Shape(
        model=model,
        needs=_needs(fields, items),
        prompt_tokens=max(tokens, 1),
        max_output_tokens=_most_output(fields),
        stream=bool(optional(fields, "stream", _bool)),
        wants_usage=True,
        choices=1,
        service_tier=_service_tier(fields),
        own_tools=_OWN_TOOL.search(bytes(fields.get("tools", b""))) is not None,
        prefix=prefix_of([_Said("system", instructions if isinstance(instructions, str) else ""), *said])
        if with_prefix
        else None,
    )


def _refuse(fields: Fields) -> None:
    """What would have to be kept or done here and is not, and what the answer repeats, whoever gives it."""
    if optional(fields, "background", _bool):
        raise ApiError(
            400,
            "unsupported_parameter",
            "'background' is not supported here: a response is answered, or streamed, on the connection that asks for it.",
            param="background",
        )
    conversation = fields.get("conversation")
    if conversation is not None and bytes(conversation) != b"null":
        raise ApiError(
            400,
            "unsupported_parameter",
            "'conversation' is not supported here: go on by 'previous_response_id', or send the items of the conversation.",
            param="conversation",
        )
    for name, decoder in (
        ("store", _bool),
        ("previous_response_id", _text),
        ("metadata", _object),
        ("reasoning", _object),
        ("tools", _tools),
    ):
        optional(fields, name, decoder)


def _all_items(fields: Fields, pause: Pause) -> list[_Item]:
    raw = fields.get("input")
    if raw is not None and bytes(raw).startswith(b'"'):
        return [_Item(role="user", content=read(fields, "input", _input))]
    items: list[_Item] = read_list(fields, "input", _items, pause)
    if not items:
        raise invalid("input", "at least one item")
    for at, item in enumerate(items):
        if item.type in (None, "message") and item.role not in _ROLES:
            raise invalid(f"input[{at}].role", f"user, assistant, system or developer, found {item.role!r}")
    return items


def _item_tokens(item: _Item, pause: Pause) -> int:
    pause()
    tokens = _TOKENS_PER_ITEM + _tokens(item.content, pause) + _tokens(item.summary, pause)
    tokens += len(item.encrypted_content or "") // _BASE64_PER_TOKEN
    for part in (item.arguments, item.output):
        if isinstance(part, dict):
            tokens += sum(memoryview(raw).nbytes for raw in part.values()) // _BYTES_PER_TOKEN
        else:
            tokens += _tokens(part, pause)
    return tokens


def _tokens(content: str | list[_Piece] | None, pause: Pause) -> int:
    if isinstance(content, str):
        return text_tokens(content, pause)
    tokens = 0
    for piece in content or ():
        tokens += _TOKENS_PER_IMAGE if piece.type == "input_image" else 0
        tokens += text_tokens(piece.text, pause) if piece.text else 0
        tokens += len(piece.file_data or "") // _BASE64_PER_TOKEN
    return tokens


def _most_output(fields: Fields) -> int | None:
    tokens = optional(fields, "max_output_tokens", _count)
    if tokens is not None and not 1 <= tokens <= _MOST_TOKENS:
        raise invalid("max_output_tokens", f"a number from 1 to {_MOST_TOKENS}")
    return None if tokens is None else int(tokens)


def _service_tier(fields: Fields) -> str | None:
    word = optional(fields, "service_tier", _text)
    return word if word is not None and _TIER.fullmatch(word) and word not in _USUAL_TIERS else None


def _needs(fields: Fields, items: list[_Item]) -> frozenset[Capability]:
    needs: set[Capability] = set()
    if optional(fields, "tools", _list):
        needs.add(Capability.TOOLS)
        if _is_forced(optional(fields, "tool_choice", _choice)):
            needs.add(Capability.FORCED_TOOLS)
    config: _TextConfig | None = optional(fields, "text", _config)
    form = None if config is None or config.format is None else config.format.type
    if form in ("json_schema", "json_object"):
        needs.add(Capability(form))
    if optional(fields, "top_logprobs", _count) or "message.output_text.logprobs" in (
        optional(fields, "include", _words) or ()
    ):
        needs.add(Capability.LOGPROBS)
    kinds = {
        piece.type for item in items for part in (item.content, item.output) if isinstance(part, list) for piece in part
    }
    needs.update(capability for kind, capability in _MEDIA.items() if kind in kinds)
    return frozenset(needs)


_MEDIA = {"input_image": Capability.VISION, "input_audio": Capability.AUDIO}


def _is_forced(choice: str | _Choice | None) -> bool:
    if isinstance(choice, _Choice):
        return choice.type != "allowed_tools" or choice.mode == "required"
    return choice not in (None, "auto", "none")
