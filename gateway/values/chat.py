"""A conversation in no dialect, and what answers it: what a request is put into where its caller and its provider speak
different dialects. The words are the sum of what the dialects can say; what one of them cannot say is named as lost.

Text that is JSON in every dialect (a tool's schema, its arguments) stays JSON text. What only one provider can read (a
signature, an encrypted thought, a file's id, a call of its own tool) has a `maker`: the name of the dialect whose provider
made it. It is given back to that one, and to no other.
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


class Citation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a text has something from: a page (`url`), or a document of the prompt, by its number there (`document`) or its id
    (`file_id`). `start` and `end`: which characters of the text, where that is told. `native`: JSON text, as its maker wrote it.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    document: int | None = None
    file_id: str | None = None
    start: int | None = None
    end: int | None = None
    native: str | None = None
    maker: str | None = None


class Text(msgspec.Struct, frozen=True, omit_defaults=True):
    """`cache_s`: the prompt up to the end of this part is to be cached for so long (300 or 3600)."""

    text: str
    cache_s: int | None = None
    citations: tuple[Citation, ...] = ()


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Either `data`, in base64, with its `media_type`, or a `url`, or a `file_id` at its `maker`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None  # low, high, auto
    cache_s: int | None = None
    file_id: str | None = None
    maker: str | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file to be read: `data` in base64, or as it is where `media_type` is text/plain; or a `url`, or a `file_id` at its
    `maker`. `context`: what it is, for the model; `cites`: the answer is to cite it.
    """

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    name: str | None = None
    cache_s: int | None = None
    file_id: str | None = None
    maker: str | None = None
    context: str | None = None
    cites: bool | None = None


class Audio(msgspec.Struct, frozen=True):
    """`data` in base64; `format` is wav or mp3."""

    data: str
    format: str


class Reasoning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model thought. `signature`: its maker's, without which that does not take it back."""

    text: str
    signature: str | None = None
    maker: str | None = None


class HiddenReasoning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model thought, as its maker encrypted it; or a maker's signature of the part that follows."""

    data: str
    maker: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The model's own words why it does not answer."""

    text: str


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """`arguments` is JSON text, of an object where the model kept to it. `signature`: its maker's, as of a thought."""

    id: str
    name: str
    arguments: str
    cache_s: int | None = None
    signature: str | None = None
    maker: str | None = None


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the tool gave back, of which call."""

    call_id: str
    parts: "tuple[Text | Image | Document, ...]"
    is_error: bool = False
    cache_s: int | None = None


class ProviderCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call of a tool that the provider itself ran (`kind`: web_search, code_execution, ...). `native`: JSON text, as its
    maker wrote it.
    """

    id: str
    kind: str
    native: str
    maker: str


class ProviderResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What such a call gave back. `native`: JSON text, as its maker wrote it."""

    call_id: str
    kind: str
    native: str
    maker: str


Part = (
    Text
    | Image
    | Document
    | Audio
    | Reasoning
    | HiddenReasoning
    | Refusal
    | ToolCall
    | ToolResult
    | ProviderCall
    | ProviderResult
)


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


class WebSearch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a provider is to search the web. `location`: words of the place, by `city`, `region`, `country`, `timezone`."""

    max_uses: int | None = None
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()
    location: tuple[tuple[str, str], ...] = ()
    context_size: str | None = None  # low, medium, high


class ProviderTool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool that the provider runs itself. `kind`: web_search, which every dialect says in its own way, with `search`; or
    another word. `native`: JSON text, as it was declared in the dialect `maker`.
    """

    kind: str
    native: str | None = None
    maker: str | None = None
    search: WebSearch | None = None


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
    provider_tools: tuple[ProviderTool, ...] = ()
    logprobs: bool | None = None
    top_logprobs: int | None = None  # alternatives of each token
    verbosity: str | None = None  # low, medium, high
    cache_key: str | None = None  # requests with the same one have their prompts cached together
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


class TokenLogprob(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token of the answer and how likely it was; `top`: with what else might have stood there. `data`: its bytes."""

    token: str
    logprob: float
    data: bytes | None = None
    top: "tuple[TokenLogprob, ...]" = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole answer. `parts` are text, reasoning, refusals, tool calls, and what the provider's own tools did, in order.
    `blocked_for`: why a filter ended it, in the provider's words.
    """

    id: str
    model: str
    parts: tuple[Part, ...]
    finish: Finish
    stop_sequence: str | None = None
    usage: Usage | None = None
    blocked_for: tuple[str, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


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


class ReasoningSigned(msgspec.Struct, frozen=True, omit_defaults=True):
    """The signature of what it thought just now."""

    signature: str
    maker: str | None = None


class RefusalDelta(msgspec.Struct, frozen=True):
    """More of a refusal."""

    text: str


class ToolCallBegan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call, by its `index` among the calls of the answer. Arguments follow. `signature`: its maker's."""

    index: int
    id: str
    name: str
    signature: str | None = None
    maker: str | None = None


class ToolCallDelta(msgspec.Struct, frozen=True):
    """More of the arguments of a call: a piece of JSON text, cut anywhere."""

    index: int
    arguments: str


class Cited(msgspec.Struct, frozen=True):
    """Where the text that comes just now has something from."""

    citation: Citation


class Logprobs(msgspec.Struct, frozen=True):
    """How likely the next tokens of the text were."""

    tokens: tuple[TokenLogprob, ...]


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """No more parts come."""

    finish: Finish
    stop_sequence: str | None = None
    blocked_for: tuple[str, ...] = ()


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
    | Cited
    | Logprobs
    | ProviderCall
    | ProviderResult
    | Ended
    | Used
)
