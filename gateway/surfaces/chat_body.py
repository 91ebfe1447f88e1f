"""A chat completion's body: checked as far as the gateway must understand it, the facts drawn, the rest left as bytes.

Fields that are not read here, unknown ones included, are neither checked nor changed: the upstream knows them.
"""

import re
from typing import Any

import msgspec

from gateway.providers.request_fields import EXTRA, is_essential
from gateway.surfaces.fields import Fields, invalid, optional, read, read_list
from gateway.surfaces.prefix import prefix_of
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause
from gateway.values.units import Units

_BOUNDS = ("max_completion_tokens", "max_tokens")
_MOST_TOKENS = 2**31
_TOKENS_PER_IMAGE = 765  # OpenAI's count for 1024 x 1024 in detail; vision models differ
_TOKENS_PER_MESSAGE = 4
_BYTES_PER_TOKEN = 4  # English prose and code under common BPE vocabularies

_TIER = re.compile("[a-z_]{1,32}")
_USUAL_TIERS = ("auto", "default", "standard_only")
_ABSENT = msgspec.Raw(b"null")
_MANY = 512  # messages between two pauses
_SLICE = 32 * 1024  # characters, likewise


class _Part(msgspec.Struct, gc=False):
    type: str
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: msgspec.Raw = _ABSENT
    reasoning: msgspec.Raw = _ABSENT
    reasoning_content: msgspec.Raw = _ABSENT
    prefix: msgspec.Raw = _ABSENT


class StreamOptions(msgspec.Struct, gc=False):
    """`stream_options`."""

    include_usage: bool | None = None
    continuous_usage_stats: msgspec.Raw = _ABSENT

    @property
    def says_running_usage(self) -> bool:
        """Whether `continuous_usage_stats` is there, whatever it says."""
        return self.continuous_usage_stats is not _ABSENT


class _ResponseFormat(msgspec.Struct, gc=False):
    type: str


class Shape(msgspec.Struct, gc=False):
    """What the body says that routing wants to know."""

    model: str
    needs: frozenset[Capability]
    prompt_tokens: int
    max_output_tokens: int | None
    stream: bool
    wants_usage: bool
    choices: int
    service_tier: str | None
    prefix: int | None
    extra_fields: frozenset[str] = frozenset()
    essential_fields: frozenset[str] = frozenset()
    inputs: int = 1
    longest_prompt_tokens: int | None = None
    exact_tokens: bool = False  # the prompt was sent as tokens
    own_tools: bool = False
    unreadable: bool = False
    units: Units | None = None
    binary: bool = False


_NEEDS_NOTHING: frozenset[Capability] = frozenset()
_NO_FIELDS: frozenset[str] = frozenset()


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


_model = _decoder(str)
_messages = _decoder(list[_Message])
_bool = _decoder(bool | None)
_text = _decoder(str | None)
_count = _decoder(int | None)
_list = _decoder(list[msgspec.Raw] | None)
_options = _decoder(StreamOptions | None)
_format = _decoder(_ResponseFormat | None)
_choice = _decoder(str | dict[str, msgspec.Raw] | None)
_logprobs = _decoder(bool | int | None)


def read_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:
    """Raises ApiError 400 with the path of the field and what was expected. `with_prefix`: digest how it begins."""
    model = read(fields, "model", _model)
    messages: list[_Message] = read_list(fields, "messages", _messages, pause)
    if not model:
        raise invalid("model", "a model's name, found an empty string")
    if not messages:
        raise invalid("messages", "at least one message")
    stream = bool(optional(fields, "stream", _bool))
    choices = optional(fields, "n", _count)
    if choices is not None and not 1 <= choices <= 128:
        raise invalid("n", "a number from 1 to 128")
    options: StreamOptions | None = optional(fields, "stream_options", _options)
    needs = _needs(fields, messages, choices or 1, pause)
    return Shape(
        model,
        needs,
        _prompt_tokens(fields, messages, pause),
        _most_output(fields),
        stream,
        bool(options and options.include_usage),
        choices or 1,
        _service_tier(fields),
        prefix_of(messages) if with_prefix else None,
        *_extra_fields(fields, messages, options),
    )


def _most_output(fields: Fields) -> int | None:
    """The larger of the two bounds: which of them an upstream reads is its own business. None without one, and for 0."""
    return max([_tokens(fields, name) for name in _BOUNDS if name in fields], default=0) or None


def _tokens(fields: Fields, name: str) -> int:
    tokens: int = read(fields, name, _count) or 0
    if not 0 <= tokens <= _MOST_TOKENS:
        raise invalid(name, f"a number from 0 to {_MOST_TOKENS}")
    return tokens


def _service_tier(fields: Fields) -> str | None:
    """A word that has a price of its own; the usual ways, and what is no word, are None."""
    word = optional(fields, "service_tier", _text) if "service_tier" in fields else None
    return word if word is not None and _TIER.fullmatch(word) and word not in _USUAL_TIERS else None


def _needs(fields: Fields, messages: list[_Message], choices: int, pause: Pause) -> frozenset[Capability]:
    needs: set[Capability] = set()
    if optional(fields, "tools", _list) or optional(fields, "functions", _list):
        needs.add(Capability.TOOLS)
    chosen = optional(fields, "tool_choice", _choice) or optional(fields, "function_call", _choice)
    if chosen and chosen not in ("auto", "none"):
        needs.add(Capability.FORCED_TOOLS)
    form: _ResponseFormat | None = optional(fields, "response_format", _format)
    if form is not None and form.type in ("json_schema", "json_object"):
        needs.add(Capability(form.type))
    if optional(fields, "logprobs", _logprobs):
        needs.add(Capability.LOGPROBS)
    if choices > 1:
        needs.add(Capability.MULTIPLE_CHOICES)
    for at, message in enumerate(messages):
        if at % _MANY == _MANY - 1:
            pause()
        if isinstance(message.content, list):
            needs.update(_MEDIA[part.type] for part in message.content if part.type in _MEDIA)
    return frozenset(needs) if needs else _NEEDS_NOTHING


def _extra_fields(
    fields: Fields, messages: list[_Message], options: StreamOptions | None
) -> tuple[frozenset[str], frozenset[str]]:
    """The members of the body that not every server takes, by name; and those of them that the answer depends on."""
    found = [] if EXTRA.isdisjoint(fields) else [(name, fields[name]) for name in fields.keys() & EXTRA]
    if options is not None and options.says_running_usage:
        found.append(("stream_options.continuous_usage_stats", options.continuous_usage_stats))
    for one in messages:
        if one.reasoning_content is not _ABSENT:
            found.append(("messages.reasoning_content", one.reasoning_content))
        if one.reasoning is not _ABSENT:
            found.append(("messages.reasoning", one.reasoning))
        if one.prefix is not _ABSENT:
            found.append(("messages.prefix", one.prefix))
    if not found:
        return _NO_FIELDS, _NO_FIELDS
    essential = frozenset(name for name, value in found if is_essential(name, value))
    return frozenset(name for name, _ in found), essential


_MEDIA = {"image_url": Capability.VISION, "input_audio": Capability.AUDIO}


def _prompt_tokens(fields: Fields, messages: list[_Message], pause: Pause) -> int:
    """An estimate: text by its bytes, images by a usual count, tool definitions and calls by their JSON."""
    tokens = _TOKENS_PER_MESSAGE * len(messages)
    for at, message in enumerate(messages):
        if at % _MANY == _MANY - 1:
            pause()
        content = message.content
        if isinstance(content, str):
            tokens += text_tokens(content, pause)
        elif content:
            tokens += sum(
                _TOKENS_PER_IMAGE if part.type in _MEDIA else text_tokens(part.text or "", pause) for part in content
            )
        if message.tool_calls is not _ABSENT:
            tokens += memoryview(message.tool_calls).nbytes // _BYTES_PER_TOKEN
    if "tools" in fields:
        tokens += memoryview(fields["tools"]).nbytes // _BYTES_PER_TOKEN
    return tokens


def text_tokens(text: str, pause: Pause = no_pause) -> int:
    """About as many as BPE vocabularies give: 4 characters a token in ASCII, 3 bytes in other scripts."""
    if text.isascii():
        return len(text) // _BYTES_PER_TOKEN + 1
    size = 0
    for start in range(0, len(text), _SLICE):
        pause()
        size += len(text[start : start + _SLICE].encode())
    return size // 3 + 1
