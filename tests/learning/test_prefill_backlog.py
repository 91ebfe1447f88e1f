"""What is ahead of a deployment's next request: counted while it waits, and what it taught is learned when output comes."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.gauges import GaugeModel
from gateway.learning.latency import LatencyModel
from gateway.learning.prefill_backlog import PrefillBacklog
from gateway.learning.readings import Readings
from gateway.learning.tokens import OutputTokens
from gateway.values.outcome import Outcome
from gateway.values.snapshot import Latency
from gateway.values.worker import VllmMetrics
from tests.learning.attempts import asked, attempt, decision, used

PREFILL_S = 1e-4  # for a prompt token
STREAMS = st.lists(st.tuples(st.integers(1, 9_000), st.sampled_from(["output", "fails", "runs"])), max_size=20)


@given(STREAMS)
def test_prompts_are_ahead_until_their_first_output_or_their_end(streams: list[tuple[int, str]]) -> None:
    readings, waiting = Readings(), 0
    for prompt, then in streams:
        hold = readings.began("a", 1.0, prompt, streamed=prompt)
        waiting += prompt
        assert readings.of("a").ahead_tokens == waiting
        if then == "output":
            readings.gave_output("a", hold, 2.0)
            waiting -= prompt
            assert readings.of("a").ahead_tokens == waiting
        elif then == "fails":
            readings.ended(attempt(Outcome.SERVER_ERROR), hold, decision(), 2.0)
            waiting -= prompt
    readings.began("a", 3.0, 50)  # a whole answer: nobody sees when its prompt is done
    assert readings.of("a").ahead_tokens == waiting


EVENTS = st.lists(st.tuples(st.sampled_from(["begins", "output", "ends"]), st.integers(0, 9)), max_size=40)


@given(EVENTS)
def test_silent_since_the_first_that_waits_and_was_not_overtaken(events: list[tuple[str, int]]) -> None:
    ahead, waits, newest = PrefillBacklog(), dict[int, float](), -1
    for now, (what, which) in enumerate(events):
        if what == "begins":
            ahead.began(now, 10, 0.0, float(now))
            waits[now] = float(now)
        elif waits:
            ticket = sorted(waits)[which % len(waits)]
            del waits[ticket]
            if what == "output":
                assert ahead.answered(ticket) is not None
                newest = max(newest, ticket)
            else:
                assert ahead.over(ticket) is not None
            assert ahead.over(ticket) is None
        assert ahead.silent_since == min((at for ticket, at in waits.items() if ticket > newest), default=None)
        assert ahead.tokens == 10 * len(waits)


def test_a_first_output_is_learned_when_it_comes_and_once() -> None:
    readings = Readings()
    for number in range(8):
        hold = readings.began("a", float(number), 100, streamed=100)
        readings.gave_output("a", hold, number + 0.5)
        latency = readings.of("a").latency
        assert latency is not None
        assert latency.samples == number + 1
        ended = attempt(first_output_s=0.5, duration_s=60.0, usage=used(100, 20))
        readings.ended(ended, hold, decision(), number + 60.0)
        latency = readings.of("a").latency
        assert latency is not None
        assert latency.samples == number + 1
        assert latency.first_output is not None
        assert abs(latency.first_output.base_s - 0.5) < 0.01


def test_a_queue_that_nobody_has_answered_is_predicted() -> None:
    """Each prompt waits for those before it; then six are sent at once, and none has answered yet."""
    readings, now = Readings(), 100.0
    for number in range(60):
        prompts = [500 + number * 37 % 900 for _ in range(1 + number % 3)]
        holds = [readings.began("a", now, prompt, streamed=prompt) for prompt in prompts]
        done = now
        for prompt, one in zip(prompts, holds, strict=True):
            done += prompt * PREFILL_S
            readings.gave_output("a", one, done)
        for one in holds:
            readings.ended(attempt(first_output_s=0.1, usage=used(500, 10)), one, decision(asked(500)), done)
        now += 1.0
    idle = readings.snapshot(now + 2).of("a")
    for _ in range(6):
        readings.began("a", now + 2, 1000, streamed=1000)
    busy = readings.of("a")
    assert busy.ahead_tokens == 6000
    assert idle.latency is not None
    assert busy.latency is not None
    free = idle.latency.first_output_at(1000, 0, 50, idle.ahead_tokens)
    queued = busy.latency.first_output_at(1000, 6, 50, busy.ahead_tokens)
    assert free is not None
    assert queued is not None
    assert abs(free - 0.1) < 0.03
    assert 0.45 < queued < 0.95  # 0.7 s


def of(model: LatencyModel) -> Latency:
    assert model.latency is not None
    return model.latency


def test_the_pace_is_that_of_the_load() -> None:
    model = LatencyModel()
    for number in range(100):
        others = number % 20
        made = attempt(
            first_output_s=0.1, duration_s=0.1 + 99 * (0.01 + 0.001 * others), in_flight=others, usage=used(10, 100)
        )
        model.learn(made, stream=True, prompt_tokens=10, output_tokens=100, now=float(number))
    for others in (0, 10, 19):
        pace_s = of(model).pace_s(others, 50)
        assert pace_s is not None
        assert abs(pace_s - (0.01 + 0.001 * others)) < 0.002


def test_two_fast_answers_in_a_row_are_the_beginning_of_a_jump_and_six_are_one() -> None:
    model, falls = LatencyModel(), []
    for number in range(40):
        seconds = 2.0 + number % 5 / 10 if number < 30 else 0.2
        made = attempt(first_output_s=seconds, duration_s=seconds + 1.0, usage=used(100, 10))
        model.learn(made, stream=True, prompt_tokens=100, output_tokens=10, now=2.0 * number)
        falls.append(of(model).falls)
    assert falls[:31] == [None] * 31
    assert falls[31] is not None
    assert falls[31] < 0.2
    assert falls[35:] == [None] * 5
    typical = of(model).first_output_at(100, 0, 50)
    assert typical is not None
    assert abs(typical - 0.2) < 0.02


@given(st.lists(st.integers(1, 2000), min_size=5, max_size=300))
def test_lengths_are_those_of_the_newest_answers(lengths: list[int]) -> None:
    tokens = OutputTokens()
    for length in lengths:
        tokens.learn(attempt(usage=used(10, length)), asked())
    newest = sorted(lengths[-128:])
    found = tokens.lengths
    assert found is not None
    assert (found.p50, found.p99) == (newest[round(0.5 * (len(newest) - 1))], newest[round(0.99 * (len(newest) - 1))])


def test_a_queue_for_the_next_step_does_not_lower_the_seats() -> None:
    """Prompts wait for their turn in a step while there is room for many more sequences."""
    gauges = GaugeModel()
    assert gauges.read(VllmMetrics(running=40, waiting=1), 41, 1.0).seats == 40
    assert gauges.read(VllmMetrics(running=5, waiting=1), 6, 2.0).seats == 40
    assert gauges.read(VllmMetrics(running=12, waiting=1, kv_use=0.99), 13, 3.0).seats == 12
