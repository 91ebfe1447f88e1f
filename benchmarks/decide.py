"""`decide` alone: 50 deployments in one pool, 200 rules, on one core. Run: python -m benchmarks.decide

The bounds: median at most 60 µs, 99th percentile at most 200 µs, and no growth with rules that do not match: what is more
than a fifth counts as growth, less is noise.
What is read of the deployments was learned from attempts, as in the service.
"""

import gc
import statistics
import sys
import time
from typing import NamedTuple

from benchmarks.report import Bound, Section
from gateway.learning.readings import Readings
from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Mix, Policy, Prefer, Rule, SloEntry, TargetEntry, When
from gateway.routing.plan import Plan
from gateway.values.deployment import Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Snapshot
from gateway.values.usage import Usage

MEDIAN_US, P99_US, GROWTH = 60.0, 200.0, 1.2
NOW = 1_000_000.0
DECISIONS = 5_000
DEPLOYMENTS, RULES = 50, 200


def catalogue(count: int) -> Catalogue:
    """A pool of commercial deployments with prices of their own."""
    deployments = {
        f"d{n}": Deployment(
            name=f"d{n}", provider="openai", model="m", base_url=f"http://10.0.0.{n}/v1", hosting=Hosting.COMMERCIAL,
            quality=0.5 + n / 100, region="eu" if n % 2 else "us", clearance=Sensitivity.INTERNAL, capabilities=frozenset(),
            context_tokens=128_000, max_output_tokens=8192, timeouts=Timeouts(),
            price=Price(input_usd_per_mtok=0.1 + n / 50, output_usd_per_mtok=0.4 + n / 20),
        )
        for n in range(count)
    }  # fmt: skip
    return Catalogue(deployments=deployments, models={"chat": Model(name="chat", deployments=tuple(deployments))})


def plan(rules: int, prefer: Prefer, slo: SloEntry | None) -> Plan:
    """`rules` - 1 rules that do not match, with conditions of several kinds, then one that does."""
    others = [
        Rule(name=f"r{n}", when=When(team=[f"team-{n}"], tags={"app": f"a{n % 7}"}, min_prompt_tokens=n * 100))
        for n in range(rules - 1)
    ]
    policy = Policy(rules=[*others, Rule(name="last", prefer=prefer, slo=slo)])
    return compile_plan(policy, catalogue(DEPLOYMENTS), number=1, default_deadline_s=60)


def facts(number: int) -> Facts:
    """Requests that differ in what is not conditioned on, and in some that is."""
    return Facts(
        model="chat", sensitivity=Sensitivity.INTERNAL, needs=frozenset(), prompt_tokens=200 + number % 5000,
        max_output_tokens=500, stream=bool(number % 2), key=f"k{number % 50}", team=f"team-{number % 400 + 200}",
        tags={"app": f"a{number % 5}"},
    )  # fmt: skip


def learned(of: Catalogue) -> Snapshot:
    """What the service knows after 40 streams from each deployment, the further ones slower; one in 50 was late."""
    readings = Readings()
    last = Rule(name="last", slo=SloEntry(first_output=TargetEntry(under_s=1.0)))
    teacher = compile_plan(Policy(rules=[last]), of, number=1, default_deadline_s=60)
    for number in range(40):
        decision = decide(teacher, facts(2 * number + 1), readings.snapshot(NOW), decision_id="t", seed=number)
        for index, name in enumerate(of.deployments):
            hold = readings.began(name, NOW + number)
            first = (0.1 + index / 200) * (1 + number % 7 / 10)
            attempt = Attempt(
                deployment=name, outcome=Outcome.OK, started_s=0.0, duration_s=first + 3.0, first_output_s=first,
                usage=Usage(prompt_tokens=400, completion_tokens=300), slo_met=bool(number % 50),
                in_flight=hold.in_flight,
            )  # fmt: skip
            readings.ended(attempt, hold, decision, NOW + number)
    for index, name in enumerate(of.deployments):
        for _ in range(index % 9):
            readings.began(name, NOW + 40)
    return readings.snapshot(NOW + 45)


class Times(NamedTuple):
    """Microseconds of a decision."""

    median: float
    p99: float

    def __str__(self) -> str:
        return f"{self.median:.1f} ({self.p99:.1f})"


class Row(NamedTuple):
    """Of one preference, with one rule and with many."""

    preference: str
    few: Times
    many: Times


def measured(asked: Plan, world: Snapshot) -> Times:
    requests = [facts(number) for number in range(DECISIONS)]
    for request in requests[:500]:
        decide(asked, request, world, decision_id="w", seed=1)
    took: list[float] = []
    for number, request in enumerate(requests):
        since = time.perf_counter()
        decide(asked, request, world, decision_id="d", seed=number * 7919)
        took.append((time.perf_counter() - since) * 1e6)
    return Times(statistics.median(took), statistics.quantiles(took, n=100)[98])


PREFERENCES: dict[str, tuple[Prefer, SloEntry | None]] = {
    "order": (Prefer(), None),
    "order, SLO": (Prefer(), SloEntry(first_output=TargetEntry(under_s=1.0))),
    "weights": (Prefer(weights={f"d{n}": 1.0 + n for n in range(DEPLOYMENTS)}), None),
    "cost": (Prefer(objective="cost"), None),
    "cost + latency + quality + load, SLO": (
        Prefer(objective=Mix(cost=0.4, latency=0.4, quality=0.1, load=0.1)),
        SloEntry(first_output=TargetEntry(under_s=1.0), total=TargetEntry(under_s=20.0)),
    ),
}


def rows() -> list[Row]:
    """A row for each preference. Garbage is collected as the service has it."""
    before = gc.get_threshold()
    gc.set_threshold(10_000, 10, 10)
    try:
        world = learned(catalogue(DEPLOYMENTS))
        return [
            Row(name, *(measured(plan(rules, prefer, slo), world) for rules in (1, RULES)))
            for name, (prefer, slo) in PREFERENCES.items()
        ]
    finally:
        gc.set_threshold(*before)


def section() -> Section:
    found = rows()
    slowest = max(found, key=lambda row: row.many.median)
    worst = max(found, key=lambda row: row.many.p99)
    grown = max(found, key=lambda row: row.many.median / row.few.median)
    median, p99, times = slowest.many.median, worst.many.p99, grown.many.median / grown.few.median
    return Section(
        "A decision",
        f"`python -m benchmarks.decide`: {DEPLOYMENTS} deployments in the pool, all eligible; µs a decision, median (p99).",
        ["preference", "1 rule", f"{RULES} rules"],
        [[row.preference, str(row.few), str(row.many)] for row in found],
        [
            Bound(f"median at most {median:.1f} µs ({slowest.preference}), bound {MEDIAN_US:.0f}", median <= MEDIAN_US),
            Bound(f"p99 at most {p99:.1f} µs ({worst.preference}), bound {P99_US:.0f}", p99 <= P99_US),
            Bound(f"{RULES} rules: {times:.2f} times the median of one ({grown.preference}), bound {GROWTH}", times <= GROWTH),
        ],
    )  # fmt: skip


def main() -> int:
    """Exit status 1 if a bound is not held."""
    found = section()
    print(found)
    return int(not found.held)


if __name__ == "__main__":
    sys.exit(main())
