"""What is known of each address: suspicion, health, queues, and how a decision sees them."""

from typing import Any

import pytest

from gateway.learning.readings import Readings
from gateway.learning.workers import LONGEST_SUSPICION_S, Workers
from gateway.routing.forecast import forecast
from gateway.values.deployment import Deployment, Hosting, Timeouts
from gateway.values.outcome import Outcome
from gateway.values.sensitivity import Sensitivity
from gateway.values.worker import STALE_AFTER_S, VllmMetrics, WorkerHealth
from tests.learning.attempts import asked, attempt, decision

NOW = 1000.0
LOST = Outcome.CONNECTION_LOST


def deployment(
    name: str = "a", addresses: int = 3, provider: str = "vllm", *, urls: tuple[str, ...] | None = None, **more: Any
) -> Deployment:
    fields = {
        "name": name, "provider": provider, "model": "m", "base_url": None, "hosting": Hosting.SELF_HOSTED,
        "region": None, "clearance": Sensitivity.PUBLIC, "capabilities": frozenset(), "context_tokens": None,
        "max_output_tokens": None, "price": None, "timeouts": Timeouts(),
        "addresses": urls or tuple(f"http://127.0.0.1:{port}/v1" for port in range(1, addresses + 1)),
    }  # fmt: skip
    return Deployment(**{"gauges": provider == "vllm", **fields, **more})


def workers(*deployments: Deployment) -> Workers:
    made = Workers()
    made.declare(deployments or (deployment(),))
    return made


def full(waiting: int, ended: float = 0.0, running: int = 8) -> VllmMetrics:
    return VllmMetrics(running, waiting, 0.5, 0.0, 0.0, 0.0, ended)


def test_only_what_can_be_told_apart_or_read_is_shown() -> None:
    known = workers(
        deployment("several"), deployment("one", 1), deployment("other", 1, "llama_cpp"),
        deployment("others", 2, "llama_cpp"), deployment("embedded", 0),
    )  # fmt: skip
    shown = {name: len(known.of(name)) for name in ("several", "one", "other", "others", "embedded", "nobody")}
    assert shown == {"several": 3, "one": 1, "other": 0, "others": 2, "embedded": 0, "nobody": 0}


def test_requests_are_counted_by_address() -> None:
    known = workers()
    for address in (0, 0, 2):
        known.began("a", address)
    known.ended("a", 0, Outcome.OK, 1.0, NOW)
    assert [one.in_flight for one in known.of("a")] == [1, 0, 1]


def test_a_clock_that_is_set_back_leaves_nobody_suspect() -> None:
    workers = Workers()
    workers.declare([deployment()])
    workers.began("a", 0)
    workers.ended("a", 0, Outcome.CONNECT_FAILED, 0.1, 10_000.0)
    assert workers.of("a")[0].rank(10_000.5) == 1
    assert workers.of("a")[0].rank(100.0) == 0


def test_a_failed_attempt_makes_its_address_suspect_at_once_and_for_longer_each_time() -> None:
    known = workers()
    for number, pause in enumerate((1, 2, 4, 8, 8)):
        now = NOW + 100 * number
        known.began("a", 1)
        known.ended("a", 1, LOST, 0.1, now)
        assert [one.rank(now) for one in known.of("a")] == [0, 1, 0]
        assert known.of("a")[1].rank(now + pause - 0.01) == 1
        assert known.of("a")[1].rank(now + pause) == 0
    assert LONGEST_SUSPICION_S == 8 < 10
    known.began("a", 1)
    known.ended("a", 1, Outcome.OK, 0.1, now)
    assert known.of("a")[1].rank(now) == 0


@pytest.mark.parametrize("outcome", [Outcome.OVERLOADED, Outcome.RATE_LIMITED])
def test_a_full_queue_sets_an_address_aside_for_a_moment_and_is_no_failure(outcome: Outcome) -> None:
    known = workers()
    for number in range(5):
        known.began("a", 0)
        known.ended("a", 0, outcome, 0.01, NOW + number / 100)
    assert known.of("a")[0].rank(NOW + 0.5) == 1
    assert known.of("a")[0].rank(NOW + 1.05) == 0
    assert known.of("a")[0].health is not WorkerHealth.DOWN


@pytest.mark.parametrize("outcome", [Outcome.BAD_REQUEST, Outcome.CALLER_LEFT, Outcome.CONTEXT_TOO_LONG])
def test_what_is_not_the_address_s_fault_says_nothing_of_it(outcome: Outcome) -> None:
    known = workers()
    known.began("a", 0)
    known.ended("a", 0, outcome, 0.01, NOW)
    assert known.of("a")[0].rank(NOW) == 0


def test_an_answer_to_a_later_question_clears_suspicion_an_earlier_one_does_not() -> None:
    known = workers()
    known.began("a", 0)
    known.ended("a", 0, LOST, 0.1, NOW)
    known.answered("a", 0, NOW - 0.1)
    assert known.of("a")[0].rank(NOW) == 1
    known.answered("a", 0, NOW + 0.1)
    assert known.of("a")[0].rank(NOW + 0.1) == 0
    assert known.of("a")[0].health is WorkerHealth.UP


def test_a_closed_port_is_down_soon_a_late_answer_later() -> None:
    known = workers()
    health = []
    for number in range(3):
        known.silent("a", 0, NOW + number, refused=True)
        known.silent("a", 1, NOW + number, refused=False)
        health.append([one.health for one in known.of("a")[:2]])
        assert [one.rank(NOW + number) > 0 for one in known.of("a")] == [True, True, False]
    unknown, down = WorkerHealth.UNKNOWN, WorkerHealth.DOWN
    assert health == [[unknown, unknown], [down, unknown], [down, down]]
    assert not known.all_down("a")
    for number in range(2):
        known.silent("a", 2, NOW + number, refused=True)
    assert known.all_down("a")
    known.answered("a", 1, NOW + 5)
    assert not known.all_down("a")
    assert known.of("a")[1].rank(NOW + 5) == 0


def test_a_busy_server_that_gives_output_is_never_taken_for_dead() -> None:
    known = workers()
    for number in range(20):
        known.silent("a", 0, NOW + number, refused=False)
        if number % 2:
            known.gave_output("a", 0)
    assert known.of("a")[0].health is not WorkerHealth.DOWN


def test_others_up() -> None:
    known = workers()
    assert known.others_up("a", {0}, NOW)
    known.silent("a", 1, NOW, refused=True)
    assert known.others_up("a", {0}, NOW)
    assert not known.others_up("a", {0, 2}, NOW)
    assert known.others_up("a", {0, 2}, NOW + 60)
    assert not known.others_up("a", {0, 1, 2}, NOW + 60)
    assert not known.others_up("nobody", set(), NOW)


def test_the_wait_follows_from_the_queue_and_how_fast_it_moves() -> None:
    known = workers(deployment("a", 1))
    for second in range(11):  # 8 run, 6 wait, 4 end in a second
        known.gauged("a", 0, full(6, ended=4.0 * second), NOW + second)
    (worker,) = known.of("a")
    assert worker.gauges is not None
    assert worker.gauges.ended_per_s == pytest.approx(4.0)
    assert worker.wait_s(NOW + 10) == pytest.approx((6 + 1) / 4)
    for _ in range(5):  # what is sent after the reading is behind them
        known.began("a", 0)
    assert known.of("a")[0].wait_s(NOW + 10) == pytest.approx((6 + 5 + 1) / 4)
    assert known.of("a")[0].wait_s(NOW + 10 + STALE_AFTER_S + 0.1) is None


def test_before_the_rate_was_seen_it_follows_from_how_long_answers_take() -> None:
    known = workers(deployment("a", 1))
    known.began("a", 0)
    known.ended("a", 0, Outcome.OK, 4.0, NOW)
    known.gauged("a", 0, full(3), NOW)
    assert known.of("a")[0].wait_s(NOW) == pytest.approx((3 + 1) / (8 / 4.0))


def test_seats_that_were_seen_to_be_all_are_remembered() -> None:
    known = workers(deployment("a", 1))
    for second in range(5):
        known.gauged("a", 0, full(2, ended=4.0 * second), NOW + second)
    known.gauged("a", 0, full(0, ended=20.0, running=6), NOW + 5)
    assert known.of("a")[0].wait_s(NOW + 5) == 0
    known.began("a", 0)
    assert known.of("a")[0].wait_s(NOW + 5) == 0  # the seventh of eight
    known.began("a", 0)
    assert known.of("a")[0].wait_s(NOW + 5) == pytest.approx(1 / 4)  # the ninth waits for one to end


@pytest.mark.parametrize(
    ("metrics", "waits"),
    [
        (VllmMetrics(8, 0, 0.5, 0.0, ended=4.0), False),
        (VllmMetrics(8, 0, 0.99, 0.0, ended=4.0), True),
        (VllmMetrics(8, 0, 0.5, 3.0, ended=4.0), True),
        (VllmMetrics(0, 0, 0.99, 0.0, ended=4.0), False),
    ],
)
def test_a_full_cache_and_preemptions_are_a_queue_too(metrics: VllmMetrics, waits: bool) -> None:
    known = workers(deployment("a", 1))
    known.gauged("a", 0, VllmMetrics(8, 0, 0.5, 0.0, ended=0.0), NOW)
    known.began("a", 0)
    known.ended("a", 0, Outcome.OK, 2.0, NOW)
    known.gauged("a", 0, metrics, NOW + 1)
    wait = known.of("a")[0].wait_s(NOW + 1)
    assert wait == pytest.approx(1 / 4) if waits else wait == 0


def test_a_restarted_server_is_learned_anew() -> None:
    known = workers(deployment("a", 1))
    for second in range(5):
        known.gauged("a", 0, full(2, ended=100.0 + 4.0 * second), NOW + second)
    known.gauged("a", 0, full(0, ended=1.0, running=7), NOW + 5)
    gauges = known.of("a")[0].gauges
    assert gauges is not None
    assert (gauges.seats, gauges.ended_per_s, gauges.preempting) == (None, None, False)


def test_the_hit_share_is_of_lately() -> None:
    known = workers(deployment("a", 1))
    for second in range(40):
        hits = 0.0 if second < 10 else 90.0 * (second - 9)
        known.gauged("a", 0, VllmMetrics(1, 0, prefix_queries=100.0 * second, prefix_hits=hits), NOW + second)
    gauges = known.of("a")[0].gauges
    assert gauges is not None
    assert gauges.hit_share == pytest.approx(0.9, abs=0.01)


def test_a_snapshot_shows_the_addresses_and_the_best_wait() -> None:
    readings = Readings()
    readings.workers.declare([deployment(), deployment("plain", 1, "openai")])
    for name in ("a", "plain"):
        readings.began(name, NOW)
    for address, waiting in enumerate((6, 2, 9)):
        for second in range(3):
            readings.workers.gauged("a", address, full(waiting, ended=4.0 * second), NOW + second)
    snapshot = readings.snapshot(NOW + 2)
    assert snapshot.of("a").in_flight == 1
    assert snapshot.of("a").wait_s == pytest.approx(3 / 4)
    assert len(snapshot.of("a").workers) == 3
    assert (snapshot.of("plain").workers, snapshot.of("plain").wait_s) == ((), None)
    assert readings.snapshot(NOW + 3).of("a") is snapshot.of("a")  # nothing changed
    late = readings.snapshot(NOW + 2 + STALE_AFTER_S + 0.1).of("a")
    assert late.wait_s is None
    readings.workers.began("a", 1)
    assert readings.snapshot(NOW + 2).of("a").wait_s == pytest.approx(4 / 4)
    for number in range(2):
        readings.workers.silent("a", 1, NOW + number, refused=True)
    assert readings.snapshot(NOW + 2).of("a").wait_s == pytest.approx(7 / 4)
    assert snapshot.of("a").wait_s == pytest.approx(3 / 4)  # what was read stays what it was


def test_the_queue_is_predicted_anew_each_time_and_not_learned() -> None:
    """First output comes 0.2 s after the queue, which was 3 s long; when the queue has gone, 0.2 s is predicted."""
    readings, place = Readings(), deployment("a", 1)
    readings.workers.declare([place])
    for second in range(30):
        readings.workers.gauged("a", 0, full(11, ended=4.0 * second), NOW + second)
        wait = readings.snapshot(NOW + second).of("a").wait_s or 0.0
        hold = readings.began("a", NOW + second)
        one = attempt(first_output_s=wait + 0.2, duration_s=wait + 1.0, wait_s=wait)
        readings.ended(one, hold, decision(asked(100)), NOW + second)
    now = NOW + 29

    def first_output_s() -> float:
        seen = forecast(place, readings.snapshot(now).of("a"), asked(100), None)
        first, per_token = seen[12], seen[13]
        assert first is not None
        return first + 100 * per_token

    assert first_output_s() == pytest.approx(3.2, abs=0.3)
    readings.workers.gauged("a", 0, full(0, ended=200.0, running=1), now)
    assert first_output_s() == pytest.approx(0.2, abs=0.1)
