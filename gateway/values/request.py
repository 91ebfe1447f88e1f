"""A request, and the facts that routing may know of it. The body's parts that nobody touches stay bytes."""

import msgspec

from gateway.values.deployment import Capability
from gateway.values.sensitivity import Sensitivity


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What routing may know: sizes, features, names. Never the text (law 11)."""

    model: str
    sensitivity: Sensitivity
    needs: frozenset[Capability]
    prompt_tokens: int  # estimated
    max_output_tokens: int | None
    stream: bool
    choices: int = 1
    key: str | None = None
    team: str | None = None
    tags: dict[str, str] = {}


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A chat completion as the application sent it.

    `fields` holds the body's top-level members as the caller wrote them, in order; a duplicate name keeps its last.
    `wants_usage` is whether the caller asked for usage in its stream. `deadline_s` and `max_cost_usd` are the caller's
    own bounds; None where it set none.
    """

    id: str
    fields: dict[str, msgspec.Raw]
    facts: Facts
    wants_usage: bool
    deadline_s: float | None = None
    max_cost_usd: float | None = None
