"""Fitting: what was recorded of a world that is known gives that world back; and when it gives none, it says why."""

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from gateway.insight.fit import ASSUMED_OFF, FEWEST, LEAST, DeploymentFit, beyond, fit, with_beyond
from gateway.insight.fit_commercial import fit_commercial
from gateway.insight.least_squares import nonnegative
from gateway.insight.predict import predict
from gateway.insight.rows import row_of
from gateway.insight.sample import Sample, samples_of
from gateway.insight.traffic import Arrival
from gateway.insight.world import Batching, Behaviour, Failures, FirstOutput, Service, Spread, Unpredictable, World
from gateway.values.outcome import Outcome
from gateway.values.records import RequestFinished
from tests.insight.worlds import BEGAN, arrivals, catalogue, deployment, facts, planned, simulated

OWN = catalogue(deployment("it", own=True))
THEIRS = catalogue(deployment("it"))
SERVER = Batching(
    prefill_tokens_per_s=8000,
    step_s=0.015,
    step_per_sequence_s=0.0004,
    max_running=12,
    overhead_s=0.04,
    overhead_sigma=0.3,
)
SERVICE = Service(
    first_output=FirstOutput(median_s=0.4, sigma=0.35, per_prompt_token_s=0.0002),
    output_token=Spread(median_s=0.02, sigma=0.25),
)


def traffic(count: int, per_s: float, seed: int = 3) -> list[Arrival]:
    """Poisson arrivals with prompts and answers of many lengths."""
    dice, at = random.Random(seed), 0.0
    found = []
    for number in range(count):
        at += dice.expovariate(per_s)
        prompt = int(dice.lognormvariate(6.5, 0.9)) + 5
        (one,) = arrivals([at], int(dice.lognormvariate(4.6, 0.7)) + 1, facts(prompt))
        found.append(msgspec.structs.replace(one, id=f"{number:06d}", seed=dice.getrandbits(32)))
    return found


def recorded(of: Any, behaviour: Behaviour, count: int, per_s: float) -> list[RequestFinished]:
    return simulated(planned(of), of, {"it": behaviour}, traffic(count, per_s))


def samples(records: Iterable[RequestFinished]) -> list[Sample]:
    return [sample for record in records for _, sample in samples_of(record)]


@pytest.fixture(scope="module")
def busy() -> list[Sample]:
    return samples(recorded(OWN, Behaviour(self_hosted=SERVER), 2500, 3.0))


def test_a_server_that_batches_is_found_again_with_its_seats(busy: list[Sample]) -> None:
    found = fit(OWN.deployments["it"], busy)
    assert found.doubts == ()
    assert found.behaviour is not None
    its = found.behaviour.self_hosted
    assert its is not None
    assert its.prefill_tokens_per_s == pytest.approx(SERVER.prefill_tokens_per_s, rel=0.05)
    assert its.step_s == pytest.approx(SERVER.step_s, rel=0.05)
    assert its.step_per_sequence_s == pytest.approx(SERVER.step_per_sequence_s, rel=0.15)
    assert its.overhead_s == pytest.approx(SERVER.overhead_s, rel=0.15)
    assert its.overhead_sigma == pytest.approx(SERVER.overhead_sigma, rel=0.35)
    assert its.max_running == SERVER.max_running
    assert found.first_output is not None
    assert found.first_output.predicted.p95 == pytest.approx(found.first_output.recorded.p95, rel=0.1)


def test_a_service_is_found_again() -> None:
    found = fit(THEIRS.deployments["it"], samples(recorded(THEIRS, Behaviour(commercial=SERVICE), 3000, 5.0)))
    assert found.behaviour is not None
    its = found.behaviour.commercial
    assert its is not None
    assert its.first_output.median_s == pytest.approx(0.4, rel=0.1)
    assert its.first_output.per_prompt_token_s == pytest.approx(0.0002, rel=0.15)
    assert its.first_output.sigma == pytest.approx(0.35, rel=0.1)
    assert its.output_token.median_s == pytest.approx(0.02, rel=0.05)
    assert its.output_token.sigma == pytest.approx(0.25, rel=0.1)


def test_what_was_cut_off_is_not_forgotten() -> None:
    """A caller's patience of half a second cuts a third of the answers off; the median is above it nonetheless for long prompts."""
    whole = samples(recorded(THEIRS, Behaviour(commercial=SERVICE), 3000, 5.0))
    patience = 0.6
    cut = [
        msgspec.structs.replace(
            one, first_s=None, total_s=patience, outcome=Outcome.LIMIT_PASSED, counted=False, output_tokens=0
        )
        if (one.first_s or 0) > patience
        else one
        for one in whole
    ]
    assert 0.2 < sum(one.first_s is None for one in cut) / len(cut) < 0.6
    its = fit_commercial(cut).commercial
    naive = fit_commercial([one for one in cut if one.first_s is not None]).commercial
    assert its is not None
    assert naive is not None

    def at_usual(service: Service) -> float:
        return service.first_output.median_s + 700 * service.first_output.per_prompt_token_s

    assert at_usual(its) == pytest.approx(at_usual(SERVICE), rel=0.1)
    assert at_usual(naive) < 0.85 * at_usual(SERVICE)


def test_failures_and_rates_are_found() -> None:
    failing = Behaviour(commercial=SERVICE, failures=Failures(share=0.08, outcome="overloaded", after_s=0.3))
    found = fit(THEIRS.deployments["it"], samples(recorded(THEIRS, failing, 2000, 2.0))).behaviour
    assert found is not None
    assert found.failures.share == pytest.approx(0.08, abs=0.02)
    assert found.failures.outcome == "overloaded"
    assert found.failures.after_s == pytest.approx(0.3, rel=0.05)
    asked = [
        Sample(
            began=BEGAN + number, prompt_tokens=10, output_tokens=20, first_s=0.2, total_s=0.5, stream=True, address=0,
            outcome=Outcome.RATE_LIMITED if number % 60 >= 40 else Outcome.OK, counted=True,
        )
        for number in range(600)
    ]  # fmt: skip
    service = fit_commercial(asked).commercial
    assert service is not None
    assert service.limits.requests_per_minute == 40


def test_of_few_what_can_be_is_fitted_and_in_doubt_and_the_fewer_the_more() -> None:
    few = samples(recorded(THEIRS, Behaviour(commercial=SERVICE), FEWEST - 1, 5.0))
    found = fit(THEIRS.deployments["it"], few)
    assert found.behaviour is not None
    assert found.behaviour.commercial is not None
    assert found.behaviour.commercial.output_token.median_s == pytest.approx(0.02, rel=0.2)
    assert found.doubts == ("99 requests answered in full are on record, 100 are needed",)
    fewer = fit(THEIRS.deployments["it"], few[:9])
    assert 1.0 < found.off < fewer.off
    assert fit(THEIRS.deployments["it"], few[: LEAST - 1]).behaviour is None
    assert fit(THEIRS.deployments["it"], []).doubts
    assert fit(OWN.deployments["it"], []).doubts == ("0 streams answered in full are on record, 100 are needed",)


def test_a_few_streams_of_a_server_are_fitted_too(busy: list[Sample]) -> None:
    found = fit(OWN.deployments["it"], busy[:LEAST])
    assert found.behaviour is not None
    its = found.behaviour.self_hosted
    assert its is not None
    assert SERVER.step_s / found.off < its.step_s < SERVER.step_s * found.off


def test_answers_whose_tokens_nobody_counted_are_taken_by_their_estimates() -> None:
    """As of a provider that reports no usage in streams."""
    seen = samples(recorded(THEIRS, Behaviour(commercial=SERVICE), 400, 5.0))
    found = fit(THEIRS.deployments["it"], [msgspec.structs.replace(one, counted=False) for one in seen])
    assert found.doubts == ("the tokens of 400 answers are estimates",)
    assert found.behaviour is not None


def test_what_nothing_is_known_of_is_assumed_after_the_others_and_in_doubt() -> None:
    of = catalogue(deployment("seen"), deployment("new"), deployment("own", own=True)).deployments
    seen = samples(recorded(THEIRS, Behaviour(commercial=SERVICE), 400, 5.0))
    found = predict(None, {"seen": seen}, of, frozenset(of))
    assert found.fits["seen"].doubts == ()
    service, new, own = (found.world.deployments[name] for name in of)
    assert service.commercial is not None
    assert new.commercial is not None
    assert new.commercial.first_output.median_s == pytest.approx(service.commercial.first_output.median_s)
    assert own.self_hosted is not None
    assert found.fits["new"].off == found.fits["own"].off == ASSUMED_OFF
    assert found.fits["new"].doubts[-1] == "the mean of the other commercial ones is taken"
    alone = predict(None, {}, of, frozenset({"new"}))
    assert alone.fits["new"].doubts[-1] == "the usual ones of a small commercial model are taken"


def test_without_a_journal_nothing_is_assumed_but_there_is_a_world_to_begin_with() -> None:
    of = catalogue(deployment("said"), deployment("new")).deployments
    given = World(deployments={"said": Behaviour(commercial=SERVICE)})
    with pytest.raises(Unpredictable) as unknown:
        predict(given, None, of, frozenset(of))
    assert unknown.value.reasons == {"new": "nothing says how it behaves"}
    assert unknown.value.usual is not None
    assert set(unknown.value.usual.deployments) == {"said", "new"}


def test_what_does_not_predict_its_later_part_is_in_doubt_by_as_much(busy: list[Sample]) -> None:
    """In the last fifth of the record everything took three times as long."""
    cut = len(busy) * 4 // 5
    slower = [
        msgspec.structs.replace(one, first_s=one.first_s and one.first_s * 3, total_s=one.total_s * 3)
        for one in busy[cut:]
    ]
    found = fit(OWN.deployments["it"], busy[:cut] + slower)
    assert found.behaviour is not None
    assert found.doubts[0].startswith("it does not predict its later attempts: first output p")
    assert found.off > 1.5


def test_what_lies_far_outside_of_all_that_was_seen_is_told() -> None:
    its = DeploymentFit(answered=500, behaviour=Behaviour(self_hosted=SERVER), largest_prompt=1000, most_per_minute=100)
    records = recorded(OWN, Behaviour(self_hosted=SERVER), 300, 0.5)
    usual = [row_of(record) for record in records]
    large = max(tried.prompt_tokens for row in usual for tried in row.tried)
    assert beyond({"it": msgspec.structs.replace(its, largest_prompt=large)}, usual) == {}
    assert "prompts are longer than 1250 tokens" in beyond({"it": its}, usual)["it"][0]
    told = beyond({"it": msgspec.structs.replace(its, largest_prompt=large, most_per_minute=10)}, usual)
    assert told["it"][0].endswith("requests in a minute; 10 is the most on record")
    assert with_beyond({"it": its}, [usual])["it"].off > 1.0


def test_no_coefficient_is_negative_and_an_exact_line_is_found() -> None:
    dice = random.Random(1)
    rows = [(1.0, dice.uniform(1, 100), dice.uniform(1, 50)) for _ in range(200)]
    assert nonnegative(rows, [0.5 + 0.02 * b + 0.3 * c for _, b, c in rows]) == pytest.approx([0.5, 0.02, 0.3])
    assert nonnegative(rows, [10 - 0.02 * b + 0.3 * c for _, b, c in rows])[1] == 0.0
    assert nonnegative([(1.0, 2.0), (2.0, 4.0)], [3.0, 6.0]) == pytest.approx(
        [3.0, 0.0]
    )  # which of the two cannot be told


def test_a_server_that_others_use_too_is_in_doubt(busy: list[Sample]) -> None:
    """What the gateway's own attempts show says nothing of why it was slow."""
    shared = [msgspec.structs.replace(one, there=(12, 9)) for one in busy]
    assert fit(OWN.deployments["it"], shared).doubts == ("25% of the requests there are not this gateway's",)
    alone = [msgspec.structs.replace(one, there=(12, 12)) for one in busy]
    assert fit(OWN.deployments["it"], alone).doubts == ()
    assert any(one.there for one in busy)


def test_a_service_of_which_only_whole_answers_are_seen_is_fitted_and_a_server_as_if_it_were_one() -> None:
    whole = [msgspec.structs.replace(one, facts=facts(one.prompt_tokens, stream=False)) for one in traffic(2000, 5.0)]
    behaviour = Behaviour(commercial=SERVICE)
    seen = samples(simulated(planned(THEIRS), THEIRS, {"it": behaviour}, whole))
    assert all(one.first_s is None for one in seen)
    found = fit(THEIRS.deployments["it"], seen)
    assert found.doubts == ()
    assert found.total is not None
    assert found.total.predicted.p95 == pytest.approx(found.total.recorded.p95, rel=0.2)
    its = found.behaviour and found.behaviour.commercial
    assert its is not None
    assert its.output_token.median_s == pytest.approx(0.02, rel=0.1)
    own = fit(OWN.deployments["it"], seen)
    assert own.behaviour is not None
    assert own.behaviour.commercial is not None
    assert own.doubts == ("it gave no streams, which would show who waited: it is taken not to feel its load",)


@pytest.mark.parametrize("of", [OWN, THEIRS], ids=["own", "commercial"])
def test_answers_of_one_token_are_fitted_too(of: Any) -> None:
    """As those of a classifier: there is no pace to be seen, and none is needed."""
    behaviour = Behaviour(self_hosted=SERVER) if of is OWN else Behaviour(commercial=SERVICE)
    short = [msgspec.structs.replace(one, output_tokens=1) for one in traffic(1000, 3.0)]
    found = fit(of.deployments["it"], samples(simulated(planned(of), of, {"it": behaviour}, short)))
    assert found.doubts == ()
    assert found.first_output is not None
    assert found.first_output.predicted.p50 == pytest.approx(found.first_output.recorded.p50, rel=0.1)


@pytest.mark.parametrize("of", [OWN, THEIRS], ids=["own", "commercial"])
def test_a_record_that_began_otherwise_is_fitted_to_its_answers(of: Any) -> None:
    """Most of it is an outage, or from before the application asked for streams: nothing of it can be fitted."""
    behaviour = Behaviour(self_hosted=SERVER) if of is OWN else Behaviour(commercial=SERVICE)
    seen = samples(recorded(of, behaviour, 2000, 2.0))
    changes: dict[str, Any] = {"first_s": None} | (
        {"stream": False} if of is OWN else {"outcome": Outcome.SERVER_ERROR, "counted": False, "output_tokens": 0}
    )
    cut = len(seen) * 3 // 4
    found = fit(of.deployments["it"], [msgspec.structs.replace(one, **changes) for one in seen[:cut]] + seen[cut:])
    assert found.answered == len(seen) - cut
    assert found.behaviour is not None
