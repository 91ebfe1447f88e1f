"""The sections `deployments` and `models` as an operator writes them. The descriptions end up in the published schema."""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.values.deployment import Capability, Hosting
from gateway.values.sensitivity import Sensitivity

Usd = Annotated[float, Meta(ge=0)]
Tokens = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class PriceEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """US dollars per million tokens."""

    input_usd_per_mtok: Usd
    output_usd_per_mtok: Usd
    cached_input_usd_per_mtok: Annotated[
        Usd | None, Meta(description="For the cached part of a prompt. Absent: the cost of such a request is unknown.")
    ] = None


class TimeoutsEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Seconds."""

    connect_s: Seconds = 3.0
    first_output_s: Annotated[Seconds, Meta(description="From sending to the first text, tool call or reasoning.")] = (
        60.0
    )
    idle_s: Annotated[Seconds, Meta(description="Between two outputs of a stream; pings do not count.")] = 30.0
    total_s: Annotated[Seconds, Meta(description="One attempt as a whole.")] = 600.0


class EmbeddedEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A small model on this machine's CPU, run by the gateway in a process of its own."""

    context_tokens: Annotated[int, Meta(ge=256, le=8192, description="Shared by the slots.")] = 8192
    slots: Annotated[int, Meta(ge=1, le=16, description="Requests at the same time.")] = 2


class DeploymentEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One place that can answer: exactly one of `base_url` and `embedded` says where."""

    provider: Annotated[str, Meta(description="A row of the vendor table: vllm, llama_cpp, openai, openai_compatible.")]
    model: Annotated[str, Meta(min_length=1, description="The model's name there.")]
    hosting: Annotated[Hosting, Meta(description="Whose machines answer.")]
    base_url: Annotated[str | None, Meta(description="With the API's root, like http://127.0.0.1:8000/v1.")] = None
    embedded: EmbeddedEntry | None = None
    api_key: Annotated[str | None, Meta(description="A reference: ${env:NAME} or ${file:PATH}.")] = None
    region: str | None = None
    clearance: Annotated[
        Sensitivity | None,
        Meta(
            description="The highest sensitivity it may see. Default: restricted if self-hosted, public if commercial."
        ),
    ] = None
    capabilities: Annotated[list[Capability], Meta(description="What it can do beyond text in, text out.")] = []
    context_tokens: Annotated[Tokens | None, Meta(description="Prompt and output together.")] = None
    max_output_tokens: Tokens | None = None
    price: Annotated[PriceEntry | None, Meta(description="Absent: unknown, which is not 0.")] = None
    timeouts: TimeoutsEntry = TimeoutsEntry()


class ModelEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A name that applications ask for."""

    deployments: Annotated[list[str], Meta(min_length=1, description="The pool, in the order of preference.")]
    description: str | None = None
