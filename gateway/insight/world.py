"""The document `world`: how each deployment behaves, as an operator says it or as it was fitted from the journal.

Two kinds. A `self_hosted` one is a server with continuous batching, as vLLM is: what it takes depends on what else it
does. A `commercial` one is a service-time distribution with rate limits and failures: it does not feel our load.
docs/decisions/0019-latency-of-deployments.md has the formulas and what they leave out.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta
from msgspec.structs import replace

from gateway.documents import Document, load_struct, parse
from gateway.values.problem import InvalidDocument, Problem

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
_DIGITS, _WIDTH, _ALWAYS_S = 4, 140, 1e10


class Batching(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A server with continuous batching. Prompts are worked on one after the other, beside the sequences that generate."""

    prefill_tokens_per_s: Annotated[Positive, Meta(description="Prompt tokens a second, with nothing else to do.")]
    step_s: Annotated[Positive, Meta(description="One decoding step, which gives each running sequence one token.")]
    step_per_sequence_s: Annotated[
        Seconds, Meta(description="How much longer a step takes for each running sequence.")
    ] = 0.0
    max_running: Annotated[Count, Meta(description="Sequences at once; vLLM's --max-num-seqs.")] = 256
    batched_tokens: Annotated[
        Count, Meta(description="Prompt tokens in one step at most; vLLM's --max-num-batched-tokens.")
    ] = 2048
    kv_tokens: Annotated[
        Count | None, Meta(description="Tokens that its cache holds, prompts and output. Absent: no bound.")
    ] = None
    overhead_s: Annotated[
        Seconds, Meta(description="Before the work begins: network, tokenising, the step that is under way.")
    ] = 0.0
    overhead_sigma: Annotated[
        float, Meta(ge=0, le=3, description="How far that spreads: log-normal, the deviation of its logarithm.")
    ] = 0.0


class Spread(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A log-normal time."""

    median_s: Positive
    sigma: Annotated[
        float,
        Meta(ge=0, le=3, description="Of its logarithm: 0.3 means that 95 of 100 take at most 1.6 times as long."),
    ] = 0.0


class FirstOutput(Spread, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Time to the first output; the spread is of the whole."""

    per_prompt_token_s: Seconds = 0.0


class RateLimits(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Buckets that fill up over a minute, as providers have them. Beyond them: 429 with Retry-After."""

    requests_per_minute: Annotated[Positive | None, Meta(description="Absent: no bound.")] = None
    tokens_per_minute: Annotated[Positive | None, Meta(description="Prompt and output together. Absent: no bound.")] = (
        None
    )
    told: Annotated[bool, Meta(description="Whether answers say what is left, in x-ratelimit headers.")] = True


class Failures(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Requests that are not answered."""

    share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    outcome: Annotated[
        Literal["server_error", "overloaded", "connect_failed", "connection_lost", "silent"],
        Meta(description="silent: it never says a word, so that a timeout has to find out."),
    ] = "server_error"
    after_s: Seconds = 0.1


class Service(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Somebody else's machines."""

    first_output: FirstOutput
    output_token: Annotated[Spread, Meta(description="Time for each token after the first; drawn once for an answer.")]
    limits: RateLimits = RateLimits()


class Episode(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A while in which a deployment is not as usual; seconds from the first request on."""

    start_s: Annotated[float, Meta(ge=0)]
    end_s: Annotated[float, Meta(gt=0)]
    slower: Annotated[float, Meta(gt=0, description="Everything takes so many times as long.")] = 1.0
    failures: Failures | None = None


class Behaviour(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One deployment: exactly one of the first two. Each of several addresses is one such server."""

    self_hosted: Batching | None = None
    commercial: Service | None = None
    failures: Failures = Failures()
    episodes: list[Episode] = []


class World(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How deployments behave, by name."""

    deployments: dict[str, Behaviour]


class Unpredictable(Exception):
    """Of some deployments it cannot be said how they would behave. `reasons` are by name. `usual`: the world with the usual
    behaviour of each, to begin with, if there is one.
    """

    def __init__(self, reasons: Mapping[str, str], usual: World | None = None) -> None:
        self.reasons = dict(reasons)
        self.usual = usual
        super().__init__("; ".join(f"{name}: {why}" for name, why in self.reasons.items()))


def slower(world: World, times: Mapping[str, float]) -> World:
    """The same, where everything at some deployments takes so many times as long. Limits stay."""
    found = dict(world.deployments)
    for name, factor in times.items():
        always = Episode(start_s=0.0, end_s=_ALWAYS_S, slower=factor)
        found[name] = replace(found[name], episodes=[*found[name].episodes, always])
    return World(deployments=found)


def world_text(world: World, doubts: Mapping[str, Sequence[str]] | None = None) -> str:
    """The document, to be edited: YAML, with four digits of each number, and what is in doubt as comments."""
    lines = ["deployments:"]
    for name, behaviour in world.deployments.items():
        said = {name: _short(msgspec.to_builtins(behaviour), msgspec.to_builtins(Behaviour()))}
        text = yaml.safe_dump(said, default_flow_style=None, sort_keys=False, width=_WIDTH, allow_unicode=True)
        lines += [f"  # {' '.join(why.split())}" for why in (doubts or {}).get(name, ())]
        lines += [f"  {line}" for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def _short(value: Any, usual: Any = None) -> Any:
    """Without what is absent, and at the top what is as usual."""
    if isinstance(value, dict):
        usual = usual if isinstance(usual, dict) else {}
        return {
            key: _short(one)
            for key, one in value.items()
            if one is not None and (key not in usual or one != usual[key])
        }
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def read_world(text: str, file: str, names: Collection[str]) -> World:
    """The world of a document. `names` are the deployments there are. Raises InvalidDocument with all that is wrong."""
    document = parse(text, file)
    world, problems = load_struct(document, World)
    if world is not None and not problems:
        for name, behaviour in world.deployments.items():
            problems += _problems(name, behaviour, names, document)
    if world is None or problems:
        raise InvalidDocument(problems)
    return world


def _problems(name: str, behaviour: Behaviour, names: Collection[str], document: Document) -> list[Problem]:
    path, found = f"deployments.{name}", []
    if name not in names:
        found.append(document.problem(path, "the name of a deployment of the configuration", repr(name), names))
    given = [f"'{kind}'" for kind in ("self_hosted", "commercial") if getattr(behaviour, kind) is not None]
    if len(given) != 1:
        said = " and ".join(given) or "none of them"
        found.append(document.problem(path, "exactly one of 'self_hosted' and 'commercial'", said))
    for index, episode in enumerate(behaviour.episodes):
        if episode.end_s <= episode.start_s:
            place = f"{path}.episodes[{index}].end_s"
            found.append(document.problem(place, "a time after start_s", str(episode.end_s)))
    return found
