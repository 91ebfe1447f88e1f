"""Deployments and models: who can answer. Built by the catalogue, read by everyone."""

import enum

import msgspec

from gateway.values.sensitivity import Sensitivity


class Hosting(enum.Enum):
    """Whose machines answer."""

    SELF_HOSTED = "self_hosted"
    COMMERCIAL = "commercial"


class Capability(enum.Enum):
    """What a request can need of a deployment beyond text in, text out."""

    TOOLS = "tools"
    FORCED_TOOLS = "forced_tools"  # tool_choice: required, or a named function
    VISION = "vision"
    AUDIO = "audio"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    LOGPROBS = "logprobs"
    MULTIPLE_CHOICES = "multiple_choices"  # n > 1


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars per million tokens. A part that is absent is unknown, never 0."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None = None


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. Comments and pings of a stream reset none of them."""

    connect_s: float = 3.0
    first_output_s: float = 60.0  # from sending the request to the first text, tool call or reasoning
    idle_s: float = 30.0  # between two outputs
    total_s: float = 600.0  # the whole attempt


class EmbeddedServer(msgspec.Struct, frozen=True, kw_only=True):
    """A small model that the gateway itself starts, watches and stops, in a process of its own."""

    context_tokens: int = 8192  # shared by the slots
    slots: int = 2


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One place that can answer.

    `base_url` ends without a slash and includes the API's root (`http://host:8000/v1`);
    it is None for an embedded server, whose address is known once it runs.
    `model` is the name sent upstream. A limit that is None is unknown and bounds nothing.
    """

    name: str
    provider: str
    model: str
    base_url: str | None
    hosting: Hosting
    region: str | None
    clearance: Sensitivity
    capabilities: frozenset[Capability]
    context_tokens: int | None
    max_output_tokens: int | None
    price: Price | None
    timeouts: Timeouts
    embedded: EmbeddedServer | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The name that applications ask for; it stands for a pool of deployments, in the operator's order."""

    name: str
    deployments: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can answer. A deployment's own name can be asked for as well as a model's."""

    deployments: dict[str, Deployment]
    models: dict[str, Model]
