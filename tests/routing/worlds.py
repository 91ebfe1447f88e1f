"""Random catalogues, policies, facts and snapshots, for property tests of routing."""

from typing import Any

from hypothesis import strategies as st

from gateway.routing.document import (
    Fallback,
    Limits,
    Mix,
    Policy,
    Prefer,
    Privacy,
    Require,
    Rule,
    SloEntry,
    TargetEntry,
    Time,
    When,
)
from gateway.values.admissibility import OPEN, Admissibility, Health
from gateway.values.deployment import Capability, Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.finding import SensitiveKind
from gateway.values.headroom import Headroom, Quota
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.slo import SloReading
from gateway.values.snapshot import Latency, Line, OwnCost, Quantiles, Reading, Snapshot

NAMES = ("a", "b", "c", "d", "e")
MODELS = ("m1", "m2")
REGIONS = ("eu", "us")
NOW = 1_000.0
sensitivities = st.sampled_from(list(Sensitivity))
capabilities = st.frozensets(st.sampled_from(list(Capability)), max_size=3)
prices = st.none() | st.builds(
    Price, input_usd_per_mtok=st.floats(0, 10), output_usd_per_mtok=st.floats(0, 30)
)  # fmt: skip


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Five deployments, two models over them."""
    deployments = {
        name: Deployment(
            name=name, provider="openai", model=name, base_url="http://127.0.0.1:1/v1",
            hosting=draw(st.sampled_from(list(Hosting))), region=draw(st.none() | st.sampled_from(REGIONS)),
            clearance=draw(sensitivities), capabilities=draw(capabilities),
            context_tokens=draw(st.none() | st.integers(100, 5000)),
            max_output_tokens=draw(st.none() | st.integers(10, 2000)), price=draw(prices), timeouts=Timeouts(),
            quality=draw(st.none() | st.floats(0, 1)),
        )
        for name in NAMES
    }  # fmt: skip
    pools = st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple)
    return Catalogue(deployments=deployments, models={m: Model(name=m, deployments=draw(pools)) for m in MODELS})


conditions = st.fixed_dictionaries(
    {},
    optional={
        "model": st.lists(st.sampled_from(MODELS + NAMES), min_size=1, max_size=2),
        "key": st.just(["k"]),
        "team": st.just(["blue"]),
        "tags": st.sampled_from([{"app": "x"}, {"app": ["x", "z"], "b": "y"}]),
        "sensitivity": st.lists(sensitivities, min_size=1, max_size=3),
        "found": st.lists(st.sampled_from(list(SensitiveKind)), min_size=1, max_size=2),
        "needs": st.lists(st.sampled_from(list(Capability)), min_size=1, max_size=1),
        "stream": st.booleans(),
        "session": st.booleans(),
        "min_prompt_tokens": st.integers(0, 3000),
        "max_prompt_tokens": st.integers(0, 3000),
        "min_output_tokens": st.integers(0, 2000),
        "max_output_tokens": st.integers(0, 2000),
        "time": st.sampled_from(
            [Time(start="00:10", end="01:00"), Time(days=["thu"]), Time(days=["fri"], start="23:00", end="01:00")]
        ),
    },
)
whens = st.recursive(
    conditions,
    lambda inner: st.fixed_dictionaries(
        {}, optional={"all": st.lists(inner, min_size=1, max_size=2), "any": st.lists(inner, min_size=1, max_size=2), "not_": inner}
    ),
    max_leaves=3,
)  # fmt: skip


def when_of(fields: dict[str, Any]) -> When:
    """A condition from plain fields."""
    made = {name: [when_of(one) for one in value] for name, value in fields.items() if name in ("all", "any")}
    if "not_" in fields:
        made["not_"] = when_of(fields["not_"])
    return When(**{**fields, **made})


some_names = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
weights = st.floats(0.1, 10)
prefers = st.one_of(
    st.just(Prefer()),
    st.builds(Prefer, order=some_names),
    st.builds(
        Prefer,
        weights=st.dictionaries(st.sampled_from(NAMES), weights, min_size=1),
        split_by=st.sampled_from(["request", "session", "key", "team"]),
    ),
    st.builds(
        Prefer,
        objective=st.sampled_from(["cost", "latency", "quality", "load"]) | st.builds(Mix, cost=weights, latency=weights, quality=st.just(0.0) | weights),
        explore=st.floats(0, 0.2),
    ),
)  # fmt: skip
targets = st.builds(TargetEntry, under_s=st.floats(0.01, 5), percentile=st.sampled_from([50, 90, 95, 99]))
slos = st.builds(SloEntry, first_output=targets, output_token=st.none() | targets, total=st.none() | targets)
requires = st.builds(
    Require,
    hosting=st.none() | st.sampled_from(list(Hosting)),
    region=st.none() | st.lists(st.sampled_from(REGIONS), min_size=1, max_size=1),
    clearance=st.none() | sensitivities,
    capabilities=st.none() | st.lists(st.sampled_from(list(Capability)), min_size=1, max_size=1),
    deployments=st.none() | some_names,
    known_price=st.booleans(),
)
limits = st.builds(
    Limits,
    deadline_s=st.none() | st.floats(1, 100),
    max_attempts=st.integers(1, 5),
    max_cost_usd=st.none() | st.floats(1e-6, 1),
)
bodies = st.fixed_dictionaries(
    {
        "require": requires,
        "slo": st.none() | slos,
        "prefer": prefers,
        "limits": limits,
        "fallback": st.builds(Fallback, to=st.lists(st.sampled_from(NAMES + MODELS), max_size=2, unique=True)),
        "privacy": st.builds(Privacy, refuse=st.integers(0, 9).map(lambda one: one == 0)),
    }
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Up to three rules with conditions, and one that matches all."""
    first = [Rule(name=f"r{i}", when=when_of(draw(whens)), **draw(bodies)) for i in range(draw(st.integers(0, 3)))]
    return Policy(rules=[*first, Rule(name="last", **draw(bodies))])


facts = st.builds(
    Facts,
    model=st.sampled_from(MODELS + NAMES),
    sensitivity=sensitivities,
    needs=capabilities,
    prompt_tokens=st.integers(0, 6000),
    max_output_tokens=st.none() | st.integers(1, 3000),
    stream=st.booleans(),
    exact_tokens=st.booleans(),
    choices=st.integers(1, 3),
    key=st.none() | st.just("k"),
    team=st.none() | st.just("blue"),
    scope=st.none() | st.frozensets(st.sampled_from(MODELS + NAMES), max_size=3),
    session=st.none() | st.just("0123"),
    tags=st.just({}) | st.just({"app": "x", "b": "y"}),
    found=st.lists(st.sampled_from(list(SensitiveKind)), max_size=2, unique=True).map(tuple),
)
seconds = st.floats(0.001, 5)
quantiles = st.builds(lambda low, more: Quantiles(low, low + more, low + 2 * more, low + 3 * more), seconds, seconds)
lines = st.builds(Line, seconds, st.floats(0, 0.01), st.floats(0, 0.1), quantiles, st.floats(0, 0.1))
latencies = st.builds(
    Latency,
    st.integers(1, 100),
    st.floats(NOW - 1000, NOW),
    st.none() | lines,
    st.none() | quantiles,
    st.none() | lines,
)
moments = st.none() | st.floats(NOW - 10, NOW + 10)
quotas = st.none() | st.builds(Quota, st.floats(-5, 6000), st.floats(NOW - 10, NOW + 10))
admissibilities = st.just(OPEN) | st.builds(
    Admissibility,
    moments,
    st.booleans(),
    moments,
    st.none() | st.integers(1, 60),
    st.none() | st.builds(Headroom, quotas, quotas),
)
usd = st.none() | st.floats(0.01, 10)
readings = st.builds(
    Reading,
    health=st.sampled_from(list(Health)),
    in_flight=st.integers(0, 50),
    admissibility=admissibilities,
    latency=st.none() | latencies,
    output_tokens=st.none() | st.floats(1, 2000),
    prompt_token_ratio=st.none() | st.floats(0.5, 3),
    own_cost=st.none() | st.builds(OwnCost, usd, usd, st.none() | st.floats(0, 1)),
    quality=st.none() | st.floats(0, 1),
    wait_s=st.none() | st.floats(0, 2),
)
slo_readings = st.builds(SloReading, st.integers(0, 100), st.floats(0, 1), st.floats(0, 20), st.booleans())
snapshots = st.builds(
    Snapshot,
    now=st.just(NOW),
    readings=st.dictionaries(st.sampled_from(NAMES), readings),
    slo=st.dictionaries(
        st.sampled_from(["r0", "last"]), st.dictionaries(st.sampled_from(NAMES), slo_readings, max_size=3), max_size=2
    ),
)
