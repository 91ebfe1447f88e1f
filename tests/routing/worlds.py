"""Random catalogues, policies, facts and snapshots, for property tests of routing."""

from hypothesis import strategies as st

from gateway.routing.document import Fallback, Limits, Policy, Prefer, Require, Rule, When
from gateway.values.deployment import Capability, Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Health, Reading, Snapshot

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
        )
        for name in NAMES
    }  # fmt: skip
    pools = st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple)
    return Catalogue(deployments=deployments, models={m: Model(name=m, deployments=draw(pools)) for m in MODELS})


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Up to three rules with conditions, and one that matches all."""
    some = st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
    whens = st.builds(
        When,
        model=st.none() | st.lists(st.sampled_from(MODELS + NAMES), min_size=1, max_size=2),
        team=st.none() | st.just(["blue"]),
        tags=st.none() | st.just({"app": "x"}),
        sensitivity=st.none() | st.lists(sensitivities, min_size=1, max_size=3),
        needs=st.none() | st.lists(st.sampled_from(list(Capability)), min_size=1, max_size=1),
        stream=st.none() | st.booleans(),
        min_prompt_tokens=st.none() | st.integers(0, 3000),
    )
    requires = st.builds(
        Require,
        hosting=st.none() | st.sampled_from(list(Hosting)),
        region=st.none() | st.lists(st.sampled_from(REGIONS), min_size=1, max_size=1),
        clearance=st.none() | sensitivities,
        capabilities=st.none() | st.lists(st.sampled_from(list(Capability)), min_size=1, max_size=1),
        deployments=some,
    )
    limits = st.builds(
        Limits,
        deadline_s=st.none() | st.floats(1, 100),
        max_attempts=st.integers(1, 5),
        max_cost_usd=st.none() | st.floats(1e-6, 1),
    )
    rest = {"require": requires, "prefer": st.builds(Prefer, order=some), "limits": limits}
    first = [
        Rule(name=f"r{i}", when=draw(whens), fallback=Fallback(), **{key: draw(value) for key, value in rest.items()})
        for i in range(draw(st.integers(0, 3)))
    ]
    return Policy(rules=[*first, Rule(name="last", **{key: draw(value) for key, value in rest.items()})])


facts = st.builds(
    Facts,
    model=st.sampled_from(MODELS + NAMES),
    sensitivity=sensitivities,
    needs=capabilities,
    prompt_tokens=st.integers(0, 6000),
    max_output_tokens=st.none() | st.integers(1, 3000),
    stream=st.booleans(),
    choices=st.integers(1, 3),
    team=st.none() | st.just("blue"),
    tags=st.just({}) | st.just({"app": "x", "b": "y"}),
)
readings = st.builds(
    Reading,
    health=st.sampled_from(list(Health)),
    in_flight=st.integers(0, 50),
    shut_until=st.none() | st.floats(NOW - 10, NOW + 10),
    first_output_s=st.none() | st.floats(0.001, 5),
)
snapshots = st.builds(
    Snapshot, now=st.just(NOW), readings=st.dictionaries(st.sampled_from(NAMES), readings)
)  # fmt: skip
