"""Random small policies and catalogues, and all requests that can be made of them, one by one.

A few dimensions are drawn for each; what is not drawn tells no requests apart, neither by the policy nor by the catalogue.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from gateway.routing.document import (
    DetectionSection,
    Fallback,
    Limits,
    Policy,
    Prefer,
    Privacy,
    Require,
    Rule,
    Time,
    When,
)
from gateway.routing.space import is_open
from gateway.values.caller import Caller, Role
from gateway.values.deployment import Capability, Catalogue, Deployment, Hosting, Model, Price, PriceTier, Timeouts
from gateway.values.finding import SensitiveKind
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity

NOW = 1_750_000_000.0
NAMES, MODELS = ("a", "b", "c"), ("m1", "m2")
DIMENSIONS = ("caller", "needs", "found", "tags", "stream", "session", "prompt", "output", "time", "cost")
NEEDS = (Capability.TOOLS, Capability.JSON_OBJECT, Capability.JSON_SCHEMA)
PRICED = (Capability.AUDIO, Capability.MULTIPLE_CHOICES)
LARGEST = 14  # tokens; every bound of policy and catalogue is below
SIZES = {"prompt", "output", "cost"}
CLASSES = {SensitiveKind.EMAIL: Sensitivity.CONFIDENTIAL, SensitiveKind.API_KEY: Sensitivity.RESTRICTED}
WINDOWS = (Time(start="09:00", end="17:00"), Time(days=["sat"]), Time(days=["fri"], start="22:00", end="01:00"))

sensitivities = st.sampled_from(list(Sensitivity))
tokens = st.integers(1, LARGEST - 2)
names = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)


@dataclass(frozen=True)
class World:
    """What is verified."""

    dimensions: frozenset[str]
    policy: Policy
    catalogue: Catalogue
    callers: tuple[Caller, ...]


def conditions(dimensions: frozenset[str]) -> dict[str, st.SearchStrategy[Any]]:
    by_dimension: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "caller": {"key": st.just(["k1"]), "team": st.sampled_from([["blue"], ["green"], ["blue", "red"]])},
        "needs": {"needs": st.lists(st.sampled_from(NEEDS), min_size=1, max_size=2, unique=True)},
        "found": {
            "found": st.lists(st.sampled_from([*CLASSES, SensitiveKind.IBAN]), min_size=1, max_size=2, unique=True)
        },
        "tags": {"tags": st.sampled_from([{"x": "1"}, {"x": ["1", "2"]}, {"x": "not possible"}, {"x": "1", "y": "1"}])},
        "stream": {"stream": st.booleans()},
        "session": {"session": st.booleans()},
        "prompt": {"min_prompt_tokens": tokens, "max_prompt_tokens": tokens},
        "output": {"min_output_tokens": tokens, "max_output_tokens": st.integers(0, LARGEST - 2)},
        "time": {"time": st.sampled_from(WINDOWS)},
    }
    always = {
        "model": st.lists(st.sampled_from(MODELS + NAMES), min_size=1, max_size=3),
        "sensitivity": st.lists(sensitivities, max_size=3),
    }
    return {**always, **{k: v for name in dimensions for k, v in by_dimension.get(name, {}).items()}}


def whens(dimensions: frozenset[str]) -> st.SearchStrategy[When]:
    plain = st.fixed_dictionaries({}, optional=conditions(dimensions)).map(lambda fields: When(**fields))
    return plain | st.builds(When, any=st.lists(plain, min_size=1, max_size=3), not_=st.none() | plain)


@st.composite
def rules(draw: st.DrawFn, name: str, dimensions: frozenset[str], *, last: bool) -> Rule:
    return Rule(
        name=name,
        when=When() if last else draw(whens(dimensions)),
        require=Require(
            hosting=draw(st.none() | st.none() | st.sampled_from(list(Hosting))),
            region=draw(st.none() | st.none() | st.just(["eu"])),
            clearance=draw(st.none() | st.none() | sensitivities),
            deployments=draw(st.none() | st.none() | names),
        ),
        prefer=Prefer(order=draw(st.none() | names)),
        limits=Limits(
            max_cost_usd=draw(st.none() | st.sampled_from([5e-6, 2e-5, 1e-4])) if "cost" in dimensions else None
        ),
        fallback=Fallback(to=draw(st.lists(st.sampled_from(NAMES + MODELS), max_size=2, unique=True))),
        privacy=Privacy(refuse=draw(st.integers(0, 9)) == 0),
    )


@st.composite
def deployments(draw: st.DrawFn, name: str, dimensions: frozenset[str]) -> Deployment:
    capabilities = set(Capability)
    if "needs" in dimensions:
        capabilities -= set(draw(st.lists(st.sampled_from(NEEDS), max_size=2)))
    if "cost" in dimensions:
        capabilities -= set(draw(st.lists(st.sampled_from(PRICED), max_size=1)))
    return Deployment(
        name=name, provider="openai", model=name, base_url=f"http://{draw(st.sampled_from('xy'))}/v1",
        hosting=draw(st.sampled_from(list(Hosting))), region=draw(st.sampled_from(["eu", "us"])),
        clearance=draw(sensitivities), capabilities=frozenset(capabilities),
        context_tokens=draw(st.none() | tokens) if dimensions & SIZES else None,
        max_output_tokens=draw(st.none() | tokens) if dimensions & SIZES else None,
        price=draw(prices()) if "cost" in dimensions else None, timeouts=Timeouts(),
    )  # fmt: skip


@st.composite
def prices(draw: st.DrawFn) -> Price | None:
    if draw(st.integers(0, 4)) == 0:
        return None

    def flat() -> dict[str, float]:
        usd = st.sampled_from([0.2, 1.0, 5.0])
        return {
            "input_usd_per_mtok": draw(usd),
            "output_usd_per_mtok": draw(usd),
            "input_audio_usd_per_mtok": draw(usd),
        }

    tiers = tuple(PriceTier(bound, Price(**flat())) for bound in draw(st.lists(tokens, max_size=1)))
    others = {"flex": Price(**flat())} if draw(st.booleans()) else {}
    return Price(**flat(), tiers=tiers, service_tiers=others, request_usd=draw(st.sampled_from([0.0, 1e-5])))


@st.composite
def callers(draw: st.DrawFn) -> tuple[Caller, ...]:
    known = [("k1", "blue"), ("k2", None), ("k3", "green")]
    scopes = st.none() | st.frozensets(st.sampled_from(MODELS + NAMES), min_size=1, max_size=2)
    tags = st.sampled_from([(), (), (("x", "1"),), (("x", "9"), ("y", "1"))])
    return tuple(
        Caller(
            key=key, role=Role.APPLICATION, team=team, floor=draw(sensitivities), models=draw(scopes), tags=draw(tags)
        )
        for key, team in known[: draw(st.integers(0, 3))]
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    dimensions = frozenset(draw(st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True)))
    if dimensions & SIZES:  # all sizes are tried
        dimensions = frozenset([*sorted(dimensions & SIZES), *sorted(dimensions - SIZES)][:2])
    pools = names.map(tuple)
    catalogue = Catalogue(
        deployments={name: draw(deployments(name, dimensions)) for name in NAMES},
        models={name: Model(name=name, deployments=draw(pools)) for name in MODELS},
    )
    count = draw(st.integers(0, 4))
    policy = Policy(
        rules=[draw(rules(f"r{index}", dimensions, last=index == count)) for index in range(count + 1)],
        detection=DetectionSection(kinds=list(CLASSES)),
    )
    return World(dimensions, policy, catalogue, draw(callers()) if "caller" in dimensions else ())


def requests(world: World) -> Iterator[tuple[Facts, float]]:
    """All that can be made, as far as the drawn dimensions tell them apart, and when they come."""
    dimensions = world.dimensions
    sizes = range(1, LARGEST + 1) if dimensions & SIZES else (1,)
    needed = (*(NEEDS if "needs" in dimensions else ()), *(PRICED if "cost" in dimensions else ()))
    everybody = world.callers or (Caller.anonymous(),)
    given = {
        "caller": everybody,
        "sensitivity": list(Sensitivity),
        "model": MODELS + NAMES,
        "needs": [frozenset(one) for one in subsets(needed) if not set(NEEDS[1:]) <= set(one)],
        "found": list(subsets(tuple(CLASSES))) if "found" in dimensions else [()],
        "tags": [{}, {"x": "1"}, {"x": "2"}, {"y": "1"}, {"x": "1", "y": "1"}] if "tags" in dimensions else [{}],
        "stream": [False, True] if "stream" in dimensions else [False],
        "session": [None, "s"] if "session" in dimensions else [None],
        "prompt_tokens": sizes,
        "max_output_tokens": [None, *sizes],
        "service_tier": [None, "flex"] if "cost" in dimensions else [None],
        "at": instants() if "time" in dimensions else [NOW],
    }
    for values in itertools.product(*given.values()):
        members: dict[str, Any] = dict(zip(given, values, strict=True))
        caller, at = members.pop("caller"), members.pop("at")
        if members["model"] not in (caller.models or MODELS + NAMES):
            continue
        floors = [caller.floor, *(CLASSES[kind] for kind in members["found"])]
        if any(members["sensitivity"].rank < floor.rank for floor in floors):
            continue
        members["tags"] = {**members["tags"], **dict(caller.tags)}
        choices = 2 if Capability.MULTIPLE_CHOICES in members["needs"] else 1
        yield Facts(**members, choices=choices, key=caller.key, team=caller.team, scope=caller.models), at


def subsets(of: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(of, count) for count in range(len(of) + 1))


@cache
def instants() -> list[float]:
    """One for each combination of open windows in a week, minute by minute."""
    found: dict[tuple[bool, ...], float] = {}
    for minute in range(7 * 24 * 60):
        local = datetime.fromtimestamp(NOW, UTC) + timedelta(minutes=minute)
        found.setdefault(tuple(is_open(window, local) for window in WINDOWS), local.timestamp())
    return list(found.values())
