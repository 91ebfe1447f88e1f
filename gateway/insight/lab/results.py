"""What came of the lab, in numbers: what each contender cost, how it kept the objective, and what it lost to the oracle."""

import math
from collections.abc import Sequence

import msgspec

from gateway.insight.lab.scenarios import Scenario
from gateway.insight.measure import Measured
from gateway.insight.rows import RequestRow
from gateway.values.outcome import Outcome

MISS_USD = 0.002  # two and a half answers of the dearer commercial deployment: rather than miss, one would buy
WINDOW_S = 30.0
LEAST_KEPT = 0.9  # of the requests; what keeps fewer has saved no money, it has not done the work
HOME_AGAIN = 0.8  # of its share in the minute before


class Recovery(msgspec.Struct, frozen=True):
    """Around a slow-down. Seconds from its beginning until every window of 30 s (by arrival) has its p95 of first outputs
    inside the objective, to its end; and from its end until the deployment's share of first attempts in such a window is
    80 % of what it was before. None: never.
    """

    back_in_objective_s: float | None
    home_again_s: float | None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One contender in one scenario. US dollars; `total_usd` is what providers billed and all own hardware, used or not.

    `regret` is the share by which `total_usd` and `MISS_USD` for each request that missed, failed or was refused exceed the
    oracle's; `billed_regret` the same without hardware. `answered`: requests by deployment.
    """

    name: str
    is_policy: bool
    requests: int
    attainment: float
    total_usd: float
    billed_usd: float
    unknown_attempts: int
    refused: int
    failed: int
    leaks: int
    first_output_p95_s: float | None
    total_p95_s: float | None
    regret: float
    billed_regret: float
    answered: dict[str, int]
    recovery: Recovery | None = None


class BestOther(msgspec.Struct, frozen=True, kw_only=True):
    """A policy beside the cheapest other strategy that keeps the objective as often, or, if none does (`as_good` false),
    the one that keeps it most often. `cheaper` is the share of the other's total cost that is saved; it says something only
    if `kept`, how often the policy keeps the objective, is at least LEAST_KEPT. `most` is how often the best of the others does.
    """

    policy: str
    other: str
    as_good: bool
    kept: float
    most: float
    cheaper: float
    billed_cheaper: float


class PlayedScenario(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario. The oracle's score comes first."""

    name: str
    sentence: str
    requests: int
    scores: tuple[Score, ...]
    against: tuple[BestOther, ...]


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    seed: int
    miss_usd: float
    scenarios: tuple[PlayedScenario, ...]


def penalised_usd(measured: Measured, miss_usd: float, *, hardware: bool = True) -> float:
    """The cost, and the price of every request that did not keep the objective."""
    return (total_usd(measured) if hardware else _known(measured.cost.billed)) + miss_usd * _misses(measured)


def total_usd(measured: Measured) -> float:
    """Own hardware is paid whether it is asked or not."""
    return _known(measured.cost.total) + measured.cost.unasked_hardware


def _known(usd: float | None) -> float:
    if usd is None:
        raise ValueError("a deployment of the scenario has no price")
    return usd


def _misses(measured: Measured) -> float:
    kept = measured.objective
    return kept.requests * (1.0 - (kept.share or 0.0))


def score_of(
    measured: Measured, oracle: Measured, miss_usd: float, *, is_policy: bool, recovery: Recovery | None
) -> Score:
    """One contender beside the oracle."""
    return Score(
        name=measured.name,
        is_policy=is_policy,
        requests=measured.requests,
        attainment=round(measured.objective.share or 0.0, 4),
        total_usd=round(total_usd(measured), 4),
        billed_usd=round(_known(measured.cost.billed), 4),
        unknown_attempts=measured.cost.unknown_attempts,
        refused=sum(measured.refused.values()),
        failed=sum(measured.failed.values()),
        leaks=sum(measured.leaks.values()),
        first_output_p95_s=_rounded(measured.first_output_s.p95),
        total_p95_s=_rounded(measured.total_s.p95),
        regret=round(penalised_usd(measured, miss_usd) / penalised_usd(oracle, miss_usd) - 1, 4),
        billed_regret=round(
            penalised_usd(measured, miss_usd, hardware=False) / penalised_usd(oracle, miss_usd, hardware=False) - 1, 4
        ),
        answered={name: share.answered for name, share in measured.deployments.items()},
        recovery=recovery,
    )


def against(scores: Sequence[Score]) -> tuple[BestOther, ...]:
    """Each policy beside the best of the others."""
    others = [one for one in scores[1:] if not one.is_policy]
    return tuple(_against(one, others) for one in scores if one.is_policy) if others else ()


def _against(ours: Score, others: Sequence[Score]) -> BestOther:
    as_good = [one for one in others if one.attainment >= ours.attainment]
    if as_good:
        other = min(as_good, key=lambda one: one.total_usd)
    else:
        other = max(others, key=lambda one: (one.attainment, -one.total_usd))
    return BestOther(
        policy=ours.name,
        other=other.name,
        as_good=bool(as_good),
        kept=ours.attainment,
        most=max(one.attainment for one in others),
        cheaper=round(1 - ours.total_usd / other.total_usd, 4),
        billed_cheaper=round(1 - ours.billed_usd / other.billed_usd, 4) if other.billed_usd else 0.0,
    )


def recovery(rows: Sequence[RequestRow], scenario: Scenario) -> Recovery | None:
    """What is there of it, if the scenario has a slow-down. `rows` are in the order of time."""
    if scenario.slow is None or not rows or scenario.slo.first_output is None:
        return None
    name, start, end = scenario.slow
    began, under_s = rows[0].at, scenario.slo.first_output.under_s
    waits = [
        (row.at - began, row.first_output_s if row.outcome is Outcome.OK else math.inf) for row in rows if row.stream
    ]
    back = _last_bad(waits, under_s, start, end)
    firsts = [(row.at - began, row.first == name) for row in rows]
    before = _share(firsts, start - 60.0, start)
    home = next(
        (at for at in _whole(0.0, scenario.kind.seconds - WINDOW_S - end)
         if _share(firsts, end + at, end + at + WINDOW_S) >= HOME_AGAIN * before),
        None,
    )  # fmt: skip
    return Recovery(back, home)


def _last_bad(waits: Sequence[tuple[float, float | None]], under_s: float, start: float, end: float) -> float | None:
    """Seconds after the last window that is outside; None if that is the last one there is."""
    bad = [at for at in _whole(0.0, end - start - WINDOW_S) if _p95(waits, start + at, start + at + WINDOW_S) > under_s]
    if not bad:
        return 0.0
    return None if bad[-1] >= end - start - WINDOW_S else bad[-1] + 1.0


def _p95(waits: Sequence[tuple[float, float | None]], start: float, end: float) -> float:
    found = sorted(math.inf if wait is None else wait for at, wait in waits if start <= at < end)
    return found[math.ceil(0.95 * len(found)) - 1] if found else 0.0


def _share(firsts: Sequence[tuple[float, bool]], start: float, end: float) -> float:
    found = [there for at, there in firsts if start <= at < end]
    return sum(found) / len(found) if found else 0.0


def _whole(first: float, last: float) -> list[float]:
    return [first + second for second in range(int(last - first) + 1)]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
