"""The sections `deployments` and `models` as an operator writes them. The descriptions end up in the published schema."""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.catalogue.credential_document import CredentialEntry
from gateway.values.deployment import Capability, Hosting
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Serves

Usd = Annotated[float, Meta(ge=0)]
Tokens = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


UNITS = ("audio_minute_usd", "input_usd_per_mchar", "image_usd", "search_usd")  # of a price, beside tokens
_UNKNOWN = "Absent: unknown, and so is the cost of a request that has such tokens."


class _Parts(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    input_usd_per_mtok: Annotated[Usd | None, Meta(description="For prompt tokens.")] = None
    output_usd_per_mtok: Annotated[Usd | None, Meta(description="For generated tokens.")] = None
    cached_input_usd_per_mtok: Annotated[
        Usd | None, Meta(description=f"For the part of a prompt that came from the provider's cache. {_UNKNOWN}")
    ] = None
    cache_write_usd_per_mtok: Annotated[
        Usd | None, Meta(description=f"For the part of a prompt that was written to the provider's cache. {_UNKNOWN}")
    ] = None
    cache_write_1h_usd_per_mtok: Annotated[
        Usd | None, Meta(description=f"For what of it is kept there for an hour. {_UNKNOWN}")
    ] = None
    reasoning_usd_per_mtok: Annotated[
        Usd | None, Meta(description="For generated tokens that are reasoning. Absent: billed as output.")
    ] = None
    input_audio_usd_per_mtok: Annotated[Usd | None, Meta(description=f"For audio in a prompt. {_UNKNOWN}")] = None
    output_audio_usd_per_mtok: Annotated[Usd | None, Meta(description=f"For generated audio. {_UNKNOWN}")] = None
    input_image_usd_per_mtok: Annotated[
        Usd | None, Meta(description="For images in a prompt, where their tokens are told apart. Absent: as text.")
    ] = None
    output_image_usd_per_mtok: Annotated[
        Usd | None,
        Meta(description="For generated images, where their tokens are told apart. Absent: as other output."),
    ] = None


class PriceTierEntry(_Parts, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The price of requests with long prompts. US dollars per million tokens; what is absent is as for shorter ones."""

    above_prompt_tokens: Annotated[Tokens, Meta(description="It holds for the whole request if the prompt is longer.")]


class PriceEntry(_Parts, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """US dollars per million tokens, or by another unit: written here, or looked up in the list of a provider; what is written
    wins. What has a price by the unit costs that, whatever tokens are counted beside it.
    """

    provider: Annotated[
        str | None, Meta(description="Look the price up in this provider's list, as genai-prices names it: openai.")
    ] = None
    model: Annotated[str | None, Meta(description="The model's name in that list. Default: the deployment's.")] = None
    request_usd: Annotated[Usd | None, Meta(description="For each request, on top of its tokens.")] = None
    web_search_usd: Annotated[
        Usd | None,
        Meta(
            description="For each web search that the provider's own tool made. Absent: unknown, and so is the cost of a "
            "request that has such searches."
        ),
    ] = None
    audio_minute_usd: Annotated[
        Usd | None, Meta(description="For each minute of sound that is transcribed or translated, to the second.")
    ] = None
    input_usd_per_mchar: Annotated[Usd | None, Meta(description="For a million characters of text that is spoken.")] = (
        None
    )
    image_usd: Annotated[
        dict[str, Usd] | None,
        Meta(
            description="For each image that is made, by SIZE/QUALITY, by either, or by any: "
            "{1024x1024/hd: 0.08, 1024x1024: 0.04, any: 0.12}. The most exact that fits holds."
        ),
    ] = None
    search_usd: Annotated[
        Usd | None, Meta(description="For each search unit of a reranker: a query with up to 100 documents.")
    ] = None
    tiers: Annotated[
        list[PriceTierEntry] | None,
        Meta(description="Prices of longer prompts, the shortest first. They replace a list's."),
    ] = None
    service_tiers: Annotated[
        dict[str, Annotated[float, Meta(gt=0)]] | None,
        Meta(
            description="What all tokens cost in other service tiers, as a factor: {flex: 0.5, priority: 2}. "
            "A tier that is absent is of unknown price. They replace a list's."
        ),
    ] = None


class OwnCostEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a self-hosted deployment runs on. The cost of a token is its share of that."""

    gpu_hour_usd: Annotated[float, Meta(gt=0, description="One GPU (or machine) for one hour, in US dollars.")]
    gpus: Annotated[float, Meta(gt=0, description="How many; 0.5 for half of one.")] = 1.0
    tokens_per_s: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Prompt and output tokens it serves a second when full. Absent: the most that was seen."),
    ] = None
    concurrent: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Requests at the same time that fill it.")
    ] = None
    window_s: Annotated[
        float, Meta(ge=1, le=86_400, description="The time over which the average cost of a token is taken.")
    ] = 3600.0


class TimeoutsEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Seconds, but for `adaptive`."""

    connect_s: Seconds = 3.0
    first_output_s: Annotated[Seconds, Meta(description="From sending to the first text, tool call or reasoning.")] = (
        60.0
    )
    idle_s: Annotated[Seconds, Meta(description="Between two outputs of a stream; pings do not count.")] = 30.0
    total_s: Annotated[Seconds, Meta(description="One attempt as a whole.")] = 600.0
    adaptive: Annotated[
        bool,
        Meta(
            description="Also give up an attempt that has given no byte for far longer than such answers lately took "
            "(no_sign_of_life)."
        ),
    ] = True


class LimitsEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What may be asked of a deployment at once."""

    max_in_flight: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(
            description="Attempts in progress at most, of this gateway process; more go to the next candidate. "
            "Absent: as many as it takes without saying that it is overloaded."
        ),
    ] = None


class EmbeddedEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A small model on this machine's CPU, run by the gateway in a process of its own."""

    context_tokens: Annotated[int, Meta(ge=256, le=8192, description="Shared by the slots.")] = 8192
    slots: Annotated[int, Meta(ge=1, le=16, description="Requests at the same time.")] = 2


class DeploymentEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One place that can answer: one of `base_url`, `addresses` and `embedded` says where, or the vendor's one address."""

    provider: Annotated[str, Meta(description="A row of the vendor table, such as vllm, openai or anthropic.")]
    model: Annotated[str, Meta(min_length=1, description="The model's name there.")]
    hosting: Annotated[Hosting, Meta(description="Whose machines answer.")]
    base_url: Annotated[
        str | None,
        Meta(description="With the API's root, like http://127.0.0.1:8000/v1. Absent: the vendor's, where it has one."),
    ] = None
    api_version: Annotated[
        Annotated[str, Meta(min_length=1, max_length=32)] | None,
        Meta(description="What addresses of Azure's deployments carry. Absent: the vendor's own."),
    ] = None
    addresses: Annotated[
        Annotated[list[str], Meta(min_length=1, max_length=64)] | None,
        Meta(
            description="Several base URLs of the same model, each like `base_url`: requests are balanced over them. "
            "All get the same key.",
        ),
    ] = None
    scrape_s: Annotated[
        float,
        Meta(ge=0.2, le=60, description="How often self-hosted addresses are asked how they are; for vLLM, how full."),
    ] = 1.0
    embedded: EmbeddedEntry | None = None
    api_key: Annotated[str | None, Meta(description="A reference: ${env:NAME} or ${file:PATH}.")] = None
    credential: Annotated[
        CredentialEntry | None,
        Meta(description="Instead of a key: what signs its calls, and is replaced before it ends."),
    ] = None
    region: str | None = None
    clearance: Annotated[
        Sensitivity | None,
        Meta(
            description="The highest sensitivity it may see. Default: restricted if self-hosted, public if commercial."
        ),
    ] = None
    capabilities: Annotated[
        list[Capability] | None,
        Meta(description="What it can do beyond text in, text out. Absent: what models of its vendor can."),
    ] = None
    context_tokens: Annotated[Tokens | None, Meta(description="Prompt and output together.")] = None
    max_output_tokens: Tokens | None = None
    price: Annotated[
        PriceEntry | None,
        Meta(
            description="What the provider bills. Absent: unknown, which is not 0.",
            extra_json_schema={
                "if": {"not": {"anyOf": [{"required": [name]} for name in ("provider", *UNITS)]}},
                "then": {"required": ["input_usd_per_mtok", "output_usd_per_mtok"]},
            },
        ),
    ] = None
    own_cost: Annotated[
        OwnCostEntry | None, Meta(description="Instead of a price: what a self-hosted deployment costs to run.")
    ] = None
    surfaces: Annotated[
        Annotated[list[Serves], Meta(min_length=1)] | None,
        Meta(
            description="What its model is for: chat, completions, embeddings, rerank, transcriptions, images, ... "
            "Who serves chat serves /v1/messages, too. "
            "Absent: chat, and what else the provider's servers do with every model of theirs."
        ),
    ] = None
    quality: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="Your own judgement of its answers; what feedback says replaces it."),
    ] = None
    timeouts: TimeoutsEntry = TimeoutsEntry()
    limits: LimitsEntry = LimitsEntry()


class ModelEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A name that applications ask for."""

    deployments: Annotated[list[str], Meta(min_length=1, description="The pool, in the order of preference.")]
    description: str | None = None
