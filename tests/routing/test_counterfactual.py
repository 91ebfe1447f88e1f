"""What a candidate that was left out would cost and take is what it would have been told if it were eligible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.routing.compile import compile_plan
from gateway.routing.counterfactual import with_counterfactuals
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Prefer, Require, Rule
from gateway.routing.sentences import decision_sentences
from gateway.values.admissibility import Admissibility, Health
from gateway.values.deployment import Catalogue
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Snapshot
from tests.routing.worlds import MODELS, NOW, catalogues, snapshots


@given(catalogues(), snapshots, st.integers(1, 400), st.none() | st.integers(1, 500), st.booleans())
def test_the_same_numbers_as_if_it_were_eligible(
    catalogue: Catalogue, snapshot: Snapshot, prompt: int, output: int | None, stream: bool
) -> None:
    roomy = {
        name: replace(one, context_tokens=None, max_output_tokens=None, clearance=Sensitivity.RESTRICTED)
        for name, one in catalogue.deployments.items()
    }
    catalogue = replace(catalogue, deployments=roomy)
    readings = {
        name: replace(one, health=Health.ADMITTING, admissibility=Admissibility())
        for name, one in snapshot.readings.items()
    }
    snapshot = Snapshot(NOW, readings, {})
    facts = Facts(
        model=MODELS[0], sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=prompt,
        max_output_tokens=output, stream=stream,
    )  # fmt: skip
    prefer = Prefer(order=list(catalogue.models[MODELS[0]].deployments))
    rules = [Rule(name="all", prefer=prefer), Rule(name="none", require=Require(region=["nowhere"]))]
    told = {}
    for rule in rules:
        plan = compile_plan(Policy(rules=[rule]), catalogue, number=1, default_deadline_s=60)
        decision = decide(plan, facts, snapshot, decision_id="d", seed=1)
        told[rule.name] = with_counterfactuals(decision, catalogue.deployments, snapshot)
    assert not told["none"].attempts
    eligible = {one.deployment: one for one in told["all"].candidates}
    for candidate in told["none"].candidates:
        same = eligible[candidate.deployment]
        assert candidate.reading == same.reading
        assert candidate.quality == same.quality
        for name in ("most_usd", "expected_usd", "first_output_s", "total_s"):
            assert getattr(candidate, name) == pytest.approx(getattr(same, name))
    assert len(decision_sentences(told["none"])) >= 3


@given(catalogues())
def test_those_with_a_rank_stay_as_they_are(catalogue: Catalogue) -> None:
    """Only what was left out is filled in."""
    plan = compile_plan(Policy(rules=[Rule(name="all")]), catalogue, number=1, default_deadline_s=60)
    facts = Facts(
        model=MODELS[0], sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=1,
        stream=False,
    )  # fmt: skip
    decision = decide(plan, facts, Snapshot(NOW, {}), decision_id="d", seed=1)
    told = with_counterfactuals(decision, catalogue.deployments, Snapshot(NOW, {}))
    ranked = [one for one in decision.candidates if not one.against]
    assert [one for one in told.candidates if not one.against] == ranked
