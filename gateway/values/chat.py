"""A conversation in no dialect, and what answers it: what a request is put into where its caller and its provider speak
different dialects. The words are the sum of what the dialects can say; what one of them cannot say is named as lost.

Text that is JSON in every dialect (a tool's schema, its arguments) stays JSON text.
"""

import enum

import msgspec

from gateway.values.usage import Usage


class Role(enum.Enum):
    """Who speaks. What a tool gave back is a part of the user's turn."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


# -- parts of a turn


class Text(msgspec.Struct, frozen=True, omit_defaults=True):
    """`cache_s`: the prompt up to the end of this part is to be cached for so long (300 or 3600)."""

    text: str
    cache_s: int | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Either `data`, in base64, with its `media_type`, or a `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None  # low, high, auto
    cache_s: int | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file to be read: `data` in base64, or as it is where `media_type` is text/plain; or a `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    name: str | None = None
    cache_s: int | None = None


class Audio(msgspec.Struct, frozen=True):
    """`data` in base64; `format` is wav or mp3."""

    data: str
    format: str


class Reasoning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model thought. `signature`: the provider's, without which it does not take it back."""

    text: str
    signature: str | None = None


MARKED = "gw1."  # how encrypted thoughts begin that the gateway marked with their maker: nobody else takes them


class HiddenReasoning(msgspec.Struct, frozen=True):
    """What the model thought, as its provider encrypted it."""

    data: str

    @property
    def is_marked(self) -> bool:
        """Whether only the provider that it names takes it back."""
        return self.data.startswith(MARKED)


class Refusal(msgspec.Struct, frozen=True):
    """The model's own words why it does not answer."""

    text: str


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """`arguments` is JSON text, of an object where the model kept to it."""

    id: str
    name: str
    arguments: str
    cache_s: int | None = None


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the tool gave back, of which call."""

    call_id: str
    parts: "tuple[Text | Image | Document, ...]"
    is_error: bool = False
    cache_s: int | None = None


Part = Text | Image | Document | Audio | Reasoning | HiddenReasoning | Refusal | ToolCall | ToolResult


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one says. `name`: of the participant, where there are several of a role."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


# -- what is asked for


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A function that the model may call. `schema` is JSON text, of its arguments."""

    name: str
    description: str | None = None
    schema: str | None = None
    strict: bool | None = None
    cache_s: int | None = None


class ToolChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """`mode`: auto, none, required; or `name`, the only one that may be called."""

    mode: str
    name: str | None = None


class Format(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer is JSON: any object, or by a `schema` (JSON text)."""

    schema: str | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much the model may think before it answers: none at all, by a budget in tokens, or by a word (low, medium, high)."""

    is_on: bool = True
    budget_tokens: int | None = None
    effort: str | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked. The model's name and whether it streams are the request's. None: the caller said nothing of it.

    `unsaid`: members of the caller's body that have no place here, by their names: they are lost.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    format: Format | None = None
    thinking: Thinking | None = None
    user: str | None = None
    service_tier: str | None = None
    unsaid: tuple[str, ...] = ()


# -- what is answered


class Finish(enum.Enum):
    """Why an answer ended."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"  # by the model or a filter
    PAUSE = "pause"  # the provider wants to be asked to go on


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole answer. `parts` are text, reasoning, refusals and tool calls, in order."""

    id: str
    model: str
    parts: tuple[Part, ...]
    finish: Finish
    stop_sequence: str | None = None
    usage: Usage | None = None


# -- the same as it comes: parts in order, each begun by its first event


class Began(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first event. `usage`: what is known of it before the end."""

    id: str
    model: str
    usage: Usage | None = None


class TextDelta(msgspec.Struct, frozen=True):
    """More text."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """More of what the model thinks."""

    text: str


class ReasoningSigned(msgspec.Struct, frozen=True):
    """The signature of what it thought just now."""

    signature: str


class RefusalDelta(msgspec.Struct, frozen=True):
    """More of a refusal."""

    text: str


class ToolCallBegan(msgspec.Struct, frozen=True):
    """A call, by its `index` among the calls of the answer. Arguments follow."""

    index: int
    id: str
    name: str


class ToolCallDelta(msgspec.Struct, frozen=True):
    """More of the arguments of a call: a piece of JSON text, cut anywhere."""

    index: int
    arguments: str


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """No more parts come."""

    finish: Finish
    stop_sequence: str | None = None


class Used(msgspec.Struct, frozen=True):
    """The usage of the whole answer. It comes once, after `Ended`."""

    usage: Usage


Event = (
    Began
    | TextDelta
    | ReasoningDelta
    | ReasoningSigned
    | HiddenReasoning
    | RefusalDelta
    | ToolCallBegan
    | ToolCallDelta
    | Ended
    | Used
)
