"""A request, and the facts that routing may know of it. The body's parts that nobody touches stay bytes."""

import re

import msgspec

from gateway.values.deployment import Capability
from gateway.values.finding import SensitiveKind
from gateway.values.priority import Priority
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Surface
from gateway.values.units import Units
from gateway.values.upload import Upload

TAG = re.compile(r"[A-Za-z0-9._/-]{1,64}")  # a tag's name, and its value
LEAST_PROMPT_TOKENS = 1  # there is at least one message


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What routing may know: sizes, features, names. Never the text (law 11)."""

    model: str
    sensitivity: Sensitivity
    needs: frozenset[Capability]
    prompt_tokens: int
    max_output_tokens: int | None
    stream: bool
    surface: Surface = Surface.CHAT
    longest_prompt_tokens: int | None = None  # of several inputs; None: there is one, of prompt_tokens
    exact_tokens: bool = (
        False  # prompt_tokens was counted by the model's own tokenizer, or sent as tokens; else it is an estimate
    )
    counted_at: str | None = None  # the deployment that was asked to count them, whether or not it did
    choices: int = 1
    extra_fields: frozenset[str] = (
        frozenset()
    )  # members of the body that not every server takes, of those known by name
    essential_fields: frozenset[str] = frozenset()  # of these, those without which the answer would be another one
    service_tier: str | None = None  # asked for (`flex`, `fast`); None is the usual way
    own_tools: bool = False  # it names tools that a provider runs itself, as often as the model likes
    key: str | None = None
    team: str | None = None
    scope: frozenset[str] | None = None  # the models that the key may ask for; None is all
    session: str | None = None  # a digest of what the caller sent
    prefix: int | None = None  # 32 bits of a digest of how the conversation begins, salted by process
    tags: dict[str, str] = {}
    batch: str | None = None  # the id of the batch that it is a line of
    batch_line: int | None = None  # which; from 1
    strict: bool = False  # the caller wants nothing of it lost
    losses: tuple[
        tuple[str, tuple[str, ...]], ...
    ] = ()  # by deployment, what its translation loses; where that was asked for
    units: Units | None = None  # what it will use by another measure than tokens, as far as its body says
    found: tuple[SensitiveKind, ...] = ()  # by detection, sorted by name
    detection_failed: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the application sent it. `id` is the decision's: what the caller calls it goes nowhere.

    `fields` holds the body's top-level members as the caller wrote them, in order; a duplicate name keeps its last.
    `size` is the body's, in bytes. `unreadable`: the prompt, or a part, is no text: numbers of tokens, or embeddings.
    `wants_usage` is whether the caller asked for usage in its stream. `deadline_s` and `max_cost_usd` are the caller's
    own bounds; None where it set none. `headers`: those of the caller's that its dialect is told by, (lower-case name,
    value), for a provider of the same one: `anthropic-version`, `anthropic-beta`. `binary`: the answer is bytes that are
    passed on as they come, no events. `upload`: the files of a form, whose texts are `fields`.
    """

    id: str
    fields: dict[str, msgspec.Raw]
    size: int
    facts: Facts
    wants_usage: bool
    deadline_s: float | None = None
    max_cost_usd: float | None = None
    priority: Priority = Priority.NORMAL  # of the caller's key; of a line of a batch BATCH
    arrived_at: int = 0  # seconds since the epoch
    inputs: int = 1  # of embeddings: how many texts
    unreadable: bool = False
    earlier: int = 0  # of its input's items, those of responses that it goes on from; they come first
    headers: tuple[tuple[str, str], ...] = ()
    binary: bool = False
    upload: Upload | None = None
