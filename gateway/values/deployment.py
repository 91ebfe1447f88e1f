"""Deployments and models: who can answer. Built by the catalogue, read by everyone."""

import enum
import functools

import msgspec

from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import SURFACES, Serves, Surface
from gateway.values.units import NO_UNIT_PRICES, UnitPrices
from gateway.values.word import Word


class Hosting(enum.Enum):
    """Whose machines answer."""

    SELF_HOSTED = "self_hosted"
    COMMERCIAL = "commercial"


class Capability(Word):
    """What a request can need of a deployment beyond text in, text out."""

    TOOLS = "tools"
    FORCED_TOOLS = "forced_tools"  # tool_choice: required, or a named function
    VISION = "vision"
    AUDIO = "audio"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    LOGPROBS = "logprobs"
    MULTIPLE_CHOICES = "multiple_choices"  # n > 1


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """US dollars per million tokens. A part that is None is unknown, never 0; no tokens of a part cost nothing.

    Reasoning without a price of its own is billed as output, and tokens of images as those of text beside them.
    `request_usd` is charged once for each request, `web_search_usd` for each search that a provider's own tool made.
    `units`: what is billed by another measure; what was used of that is then billed by it alone.
    `tiers` rise by `above_prompt_tokens`: the last that a prompt exceeds prices all of the request. `service_tiers` are
    the prices of other ways of processing (`flex`, `priority`, `batch`), by the word of the provider's answer.
    """

    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cached_input_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    cache_write_1h_usd_per_mtok: float | None = None
    reasoning_usd_per_mtok: float | None = None
    input_audio_usd_per_mtok: float | None = None
    output_audio_usd_per_mtok: float | None = None
    input_image_usd_per_mtok: float | None = None
    output_image_usd_per_mtok: float | None = None
    request_usd: float = 0.0
    web_search_usd: float | None = None
    units: UnitPrices = NO_UNIT_PRICES
    tiers: tuple["PriceTier", ...] = ()
    service_tiers: dict[str, "Price"] = {}

    def at(self, prompt_tokens: float, service_tier: str | None) -> "Price | None":
        """The price that holds for a request of this size; None if that of its service tier is unknown."""
        price = self if service_tier is None else self.service_tiers.get(service_tier)
        if price is not None:
            for tier in reversed(price.tiers):
                if prompt_tokens > tier.above_prompt_tokens:
                    return tier.price
        return price

    @functools.cached_property
    def usual(self) -> tuple[float, float] | None:
        """USD for one token in and one out, when nothing special is known of it. None where either is unknown."""
        return _per_token(self.input_usd_per_mtok, self.output_usd_per_mtok)

    @functools.cached_property
    def dearest(self) -> tuple[float, float] | None:
        """USD for one token in and one out of a text request, whichever part each turns out to be."""
        if self.usual is None:
            return None
        written = (self.cache_write_usd_per_mtok, self.cache_write_1h_usd_per_mtok)
        into = _highest(self.input_usd_per_mtok, self.cached_input_usd_per_mtok, *written)
        return _per_token(into, _highest(self.output_usd_per_mtok, self.reasoning_usd_per_mtok))

    @functools.cached_property
    def dearest_with_audio(self) -> tuple[float, float] | None:
        """The same of a request with audio. A model without a price for audio out is taken to give none."""
        if self.dearest is None or self.input_audio_usd_per_mtok is None:
            return None
        into, out = self.dearest
        return max(into, self.input_audio_usd_per_mtok / 1e6), max(out, (self.output_audio_usd_per_mtok or 0.0) / 1e6)


def _per_token(into: float | None, out: float | None) -> tuple[float, float] | None:
    return None if into is None or out is None else (into / 1e6, out / 1e6)


def _highest(*usd: float | None) -> float | None:
    return max((one for one in usd if one is not None), default=None)


class PriceTier(msgspec.Struct, frozen=True):
    """The whole price of requests whose prompt is longer than this; it has no tiers itself."""

    above_prompt_tokens: int
    price: Price


class Hardware(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a self-hosted deployment runs on, from which the cost of its tokens follows.

    `gpu_hour_usd` is the price of one GPU for one hour, above 0; `gpus` may be a share of one. `tokens_per_s` (prompt
    and output together) is what it serves when full, `concurrent` the requests at once that fill it; None is unknown.
    What it served is counted over the last `window_s` seconds.
    """

    gpu_hour_usd: float
    gpus: float = 1.0
    tokens_per_s: float | None = None
    concurrent: int | None = None
    window_s: float = 3600.0

    @property
    def usd_per_s(self) -> float:
        """What it costs, busy or idle."""
        return self.gpu_hour_usd * self.gpus / 3600.0

    @functools.cached_property
    def marginal_usd_per_mtok(self) -> float | None:
        """What a million tokens cost when it is full, if it was said how many it then serves."""
        return None if self.tokens_per_s is None else self.usd_per_s / self.tokens_per_s * 1e6


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. Comments and pings of a stream reset none of them."""

    connect_s: float = 3.0
    first_output_s: float = 60.0  # from sending the request to the first text, tool call or reasoning
    idle_s: float = 30.0  # between two outputs
    total_s: float = 600.0  # the whole attempt
    adaptive: bool = True  # silence for far longer than it lately took also ends an attempt (gateway.routing.silence)


class EmbeddedServer(msgspec.Struct, frozen=True, kw_only=True):
    """A small model that the gateway itself starts, watches and stops, in a process of its own."""

    context_tokens: int = 8192  # shared by the slots
    slots: int = 2


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One place that can answer.

    `base_url` ends without a slash and includes the API's root (`http://host:8000/v1`);
    it is None for an embedded server, whose address is known once it runs. `addresses` are all base URLs at which the
    same model answers, `base_url` the first; one is the usual case. Those of its own machines are asked how they are
    every `scrape_s` seconds.
    `model` is the name sent upstream. A limit that is None is unknown and bounds nothing. At most one of `price` and
    `own_cost` says what its tokens cost: a list of prices, or what a self-hosted one runs on.
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
    own_cost: Hardware | None = None
    quality: float | None = None  # the operator's own judgement, in [0, 1]
    addresses: tuple[str, ...] = ()
    scrape_s: float = 1.0
    max_in_flight: int | None = None  # attempts of this process at once
    surfaces: frozenset[Surface] = SURFACES[Serves.CHAT]
    gauges: bool = False  # its servers say how busy they are (vLLM's /metrics)
    continues: bool = False  # its servers go on with an answer that another one began
    api_version: str | None = None  # that its addresses carry
    own_tools: frozenset[Surface] = (
        frozenset()
    )  # whose requests name tools that it runs itself, and bills beside its tokens

    def __post_init__(self) -> None:
        """One base URL is one address."""
        if not self.addresses and self.base_url is not None:
            msgspec.structs.force_setattr(self, "addresses", (self.base_url,))

    @property
    def has_price(self) -> bool:
        """Whether anything was said of what it costs; that a part or a reading is missing can still leave it unknown."""
        return self.price is not None or self.own_cost is not None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The name that applications ask for; it stands for a pool of deployments, in the operator's order."""

    name: str
    deployments: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can answer. A deployment's own name can be asked for as well as a model's.

    `speaks_of_sensitivity`: a deployment is self-hosted or has a clearance of its own, or a key or team a floor.
    """

    deployments: dict[str, Deployment]
    models: dict[str, Model]
    speaks_of_sensitivity: bool = True
