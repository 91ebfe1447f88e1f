"""What a decision says of itself: who was first and why, in numbers that add up."""

import re

import pytest

from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Mix, Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.routing.sentences import decision_sentences, reason_sentence
from gateway.values.decision import Cause, Decision, Reason
from gateway.values.deployment import Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Snapshot

SLO = SloEntry(first_output=TargetEntry(under_s=1.0))
PRICES = {"a": 1.0, "b": 4.0, "c": 2.0}
QUALITIES = {"a": 0.5, "b": 0.9, "c": 0.6}


def decided(prefer: Prefer, slo: SloEntry | None = None, *, seed: int = 1, bound: int | None = 100) -> Decision:
    deployments = {
        name: Deployment(
            name=name, provider="openai", model="m", base_url=f"http://{name}/v1", hosting=Hosting.COMMERCIAL, region=None,
            clearance=Sensitivity.PUBLIC, capabilities=frozenset(), context_tokens=1000, max_output_tokens=None,
            price=Price(input_usd_per_mtok=usd, output_usd_per_mtok=usd), timeouts=Timeouts(), quality=QUALITIES[name],
        )
        for name, usd in PRICES.items()
    }  # fmt: skip
    catalogue = Catalogue(deployments=deployments, models={"m": Model(name="m", deployments=tuple(deployments))})
    policy = Policy(rules=[Rule(name="only", prefer=prefer, slo=slo)])
    facts = Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=10, max_output_tokens=bound,
        stream=False,
    )  # fmt: skip
    plan = compile_plan(policy, catalogue, number=1, default_deadline_s=60)
    return decide(plan, facts, Snapshot(0.0, {}), decision_id="d", seed=seed)


def about(decision: Decision, name: str) -> str:
    return next(line for line in decision_sentences(decision) if line.startswith(f"{name}: "))


def test_a_mix_is_the_sum_that_it_says() -> None:
    decision = decided(Prefer(objective=Mix(cost=3, quality=1)))
    for name in PRICES:
        score, sum_of = re.search(r"score (\S+) \((.+)\)", about(decision, name)).groups()
        parts = re.findall(r"(\d\.\d\d) x (?:cost|quality) (\d\.\d\d)", sum_of)
        assert len(parts) == 2
        assert sum(float(weight) * float(part) for weight, part in parts) == pytest.approx(float(score), abs=0.011)
    assert "0.75 x cost 0.25 + 0.25 x quality 0.90" in about(decision, "b")


def test_one_objective_names_no_other_part() -> None:
    assert about(decided(Prefer(objective="cost")), "c").endswith("score 0.50 (cost 0.50).")
    assert about(decided(Prefer(objective="latency")), "c").endswith("score unknown (latency unknown).")


def test_weights_are_said() -> None:
    decision = decided(Prefer(weights={"a": 95, "b": 5}))
    assert about(decision, "a").endswith("weight 95 of 100.")
    assert about(decision, "c").endswith("no weight: a fallback only.")


@pytest.mark.parametrize("seed", range(8))
def test_those_that_nobody_read_stand_by_what_is_known(seed: int) -> None:
    """Before the first answers an objective's latency is unknown of all; their prices are not."""
    decision = decided(Prefer(objective="cost"), SLO, seed=seed)
    assert decision.attempts == ("a", "c", "b")
    assert "ranked after those of known latency" in about(decision, "a")
    assert "ranked after those of known latency" not in about(decided(Prefer(objective="cost")), "a")


def test_what_was_asked_says_its_bound() -> None:
    assert "at most 100 output tokens" in decision_sentences(decided(Prefer()))[0]
    assert "any number of output tokens" in decision_sentences(decided(Prefer(), bound=None))[0]


@pytest.mark.parametrize(
    ("ceiling", "most", "said"),
    [
        (5e-05, 6.149999999999999e-05, "it may cost 0.0000615 USD, the ceiling is 0.00005 USD"),
        (1e-09, 4.2e-08, "it may cost 0.000000042 USD, the ceiling is 0.000000001 USD"),
        (5e-05, 5.00004e-05, "it may cost 0.0000500004 USD, the ceiling is 0.00005 USD"),  # they look different
        (0.5, 12.3456789012, "it may cost 12.345679 USD, the ceiling is 0.500000 USD"),
        (0.0, None, "it may cost unknown, the ceiling is 0.000000 USD"),
        (1, 2, "it may cost 2.000000 USD, the ceiling is 1.000000 USD"),
    ],
)
def test_money_has_six_digits_and_no_exponent(ceiling: float, most: float | None, said: str) -> None:
    assert reason_sentence(Reason(Cause.COST, ceiling, most)) == said
