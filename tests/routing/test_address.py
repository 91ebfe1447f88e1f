"""The address that an attempt goes to is in its decision, or on its record with what it was chosen from: it can be chosen again."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.insight.world import Behaviour, Failures
from gateway.routing.address import chosen_again, next_address
from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Rule
from gateway.routing.replay import addresses_again, replay
from gateway.routing.sentences import decision_sentences
from gateway.values.decision import Decision
from gateway.values.outcome import Outcome
from gateway.values.records import RequestFinished
from gateway.values.request import Facts
from gateway.values.snapshot import Reading, Snapshot
from gateway.values.worker import AddressesSeen, Gauges, WorkerHealth, WorkerReading
from tests.insight.worlds import arrivals, batching, catalogue, deployment, facts, planned, simulated
from tests.routing.worlds import NOW

URLS = tuple(f"http://10.0.0.{number}/v1" for number in range(4))
HOME = deployment("home", own=True, base_url=URLS[0], addresses=URLS)
POOL = catalogue(HOME, deployment("cloud"))
PLAN = compile_plan(Policy(rules=[Rule(name="all")]), POOL, number=1, default_deadline_s=60)

gauges = st.builds(
    Gauges, read_at=st.floats(NOW - 9, NOW), running=st.integers(0, 9), waiting=st.integers(0, 9),
    seats=st.none() | st.integers(1, 9), ended_per_s=st.none() | st.floats(0.1, 9),
)  # fmt: skip
worker = st.builds(
    WorkerReading, health=st.sampled_from(list(WorkerHealth)), in_flight=st.integers(0, 5),
    suspect_until=st.sampled_from([0.0, NOW + 5]), gauges=st.none() | gauges,
)  # fmt: skip
workers = st.tuples(worker, worker, worker, worker)
asked = st.builds(facts, st.integers(1, 9000), session=st.none() | st.sampled_from("abcdef"))
seeds = st.integers(0, 2**32 - 1)


def decided(request: Facts, seen: tuple[WorkerReading, ...], seed: int = 1) -> Decision:
    return decide(PLAN, request, Snapshot(NOW, {"home": Reading(workers=seen)}), decision_id="d", seed=seed)


def recorded(decision: Decision) -> Decision:
    return msgspec.json.decode(msgspec.json.encode(decision), type=Decision)


@given(asked, workers, seeds)
def test_a_decision_says_where_its_first_attempt_goes_and_says_so_again(
    request: Facts, seen: tuple[WorkerReading, ...], seed: int
) -> None:
    decision = decided(request, seen, seed)
    assert decision.address in range(4)
    assert next_address(decision, HOME, seen, (), NOW) == (decision.address, None)
    assert next_address(recorded(decision), HOME, seen, (), NOW + 0.1) == (decision.address, None)
    assert replay(PLAN, recorded(decision)) == decision
    assert f"address {decision.address + 1} of 4 of home" in " ".join(decision_sentences(decision))


@given(asked, workers, workers, seeds, st.lists(st.integers(0, 3), max_size=4))
def test_what_is_chosen_later_is_chosen_again_from_what_is_on_record(
    request: Facts, before: tuple[WorkerReading, ...], later: tuple[WorkerReading, ...], seed: int, tried: list[int]
) -> None:
    decision = decided(request, before, seed)
    found = next_address(decision, HOME, later, [("home", one) for one in tried], NOW + 3)
    assert found.position not in tried or set(tried) == set(range(4))
    if found.seen is None:
        assert (before, tried, found.position) == (later, [], decision.address)
    else:
        seen = msgspec.json.decode(msgspec.json.encode(found.seen), type=AddressesSeen)
        assert chosen_again(recorded(decision), HOME, seen) == found.position


def test_one_address_is_no_choice() -> None:
    single = deployment("home", own=True)
    of = catalogue(single)
    plan = compile_plan(Policy(rules=[Rule(name="all")]), of, number=1, default_deadline_s=60)
    seen = (WorkerReading(),)
    decision = decide(plan, facts(), Snapshot(NOW, {"home": Reading(workers=seen)}), decision_id="d", seed=1)
    assert decision.address is None
    assert next_address(decision, single, seen, (), NOW) == (0, None)
    assert next_address(decision, single, (), (), NOW) == (None, None)


def test_the_part_of_a_request_has_its_own_tokens_on_record() -> None:
    """What a cached prefix is worth goes by the tokens of what is sent."""
    idle, busy = WorkerReading(), WorkerReading(in_flight=4)
    decision = decided(facts(9_000, session="a"), (idle,) * 4)
    part = replace(decision, facts=replace(decision.facts, prompt_tokens=10))
    found = next_address(part, HOME, (busy, idle, idle, idle), (), NOW)
    assert found.seen is not None
    assert found.seen.prompt_tokens == 10
    assert chosen_again(decision, HOME, found.seen) == found.position


def ended(home: Behaviour) -> RequestFinished:
    (record,) = simulated(planned(POOL), POOL, {"home": home, "cloud": batching()}, arrivals([0.0]))
    return record


def test_the_simulator_goes_to_the_decisions_address() -> None:
    record = ended(batching())
    (attempt,) = record.attempts
    assert (attempt.address, attempt.seen) == (record.decision.address, None)
    assert list(addresses_again(planned(POOL).plan, record.decision, record.attempts)) == [attempt.address]


def test_after_a_failure_another_address_is_chosen_and_what_it_was_chosen_from_is_on_record() -> None:
    record = ended(replace(batching(), failures=Failures(share=1.0, outcome="server_error", after_s=0.1)))
    first, second, *_ = record.attempts
    assert (first.deployment, first.outcome, second.deployment) == ("home", Outcome.SERVER_ERROR, "home")
    assert (first.address, first.seen) == (record.decision.address, None)
    assert second.seen is not None
    assert (second.seen.tried, second.address in second.seen.tried) == ((first.address,), False)
    went = [attempt.address for attempt in record.attempts]
    assert list(addresses_again(planned(POOL).plan, record.decision, record.attempts)) == went
