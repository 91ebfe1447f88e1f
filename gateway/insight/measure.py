"""What requests cost, how they kept their objectives and where they went, added up from rows: simulated or on record."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.insight.rows import RequestRow, Tried, known_usd
from gateway.values.deployment import Deployment
from gateway.values.outcome import Outcome
from gateway.values.slo import Slo

REFUSED = frozenset({Outcome.NO_CANDIDATE, Outcome.REFUSED_BY_RULE})


class MeasuredQuantiles(msgspec.Struct, frozen=True):
    """Seconds; nearest ranks. None if there is nothing to take them of."""

    p50: float | None
    p95: float | None
    p99: float | None


class Attainment(msgspec.Struct, frozen=True):
    """Of so many requests that count, the share that kept its objective; None if none counts. Refusals and failures miss."""

    requests: int
    share: float | None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars. `billed`: what providers charge for tokens, as far as known. `hardware`: what own machines cost over the
    time, whatever they do, if they were asked at all; of it `charged` to answers, and the rest `idle`. `unasked_hardware`:
    those that were not asked. `total`: billed and hardware.
    `unknown_attempts` cost something that is not in it; None where nothing else was spent.
    """

    total: float | None
    billed: float | None
    hardware: float
    charged: float
    idle: float
    unasked_hardware: float
    unknown_attempts: int


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Of one deployment: what it answered, was asked, and costs, as in `Cost`.

    `failures`: attempts by how they ended, but for those that were answered or lost to another.
    """

    answered: int
    share: float
    attempts: int
    cost_usd: float | None
    prompt_tokens: int
    output_tokens: int
    failures: dict[str, int]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison. Shares are of the requests. `spills`: by `from: why`. `leaks` must be empty."""

    name: str
    requests: int
    answered: int
    refused: dict[str, int]
    failed: dict[str, int]
    attempts: int
    hedges: int
    cost: Cost
    objective: Attainment  # the one that both sides are held to
    rules: dict[str, Attainment]  # each rule's own
    first_output_s: MeasuredQuantiles
    total_s: MeasuredQuantiles
    deployments: dict[str, Share]
    spills: dict[str, int]
    leaks: dict[str, int]


def measured(
    name: str,
    rows: Sequence[RequestRow],
    deployments: Mapping[str, Deployment],
    objectives: Mapping[str, Slo | None],
    leaks: Mapping[str, int],
) -> Measured:
    """`objectives`: by request, the one that both sides are held to."""
    ends = Counter(row.outcome for row in rows if row.outcome is not Outcome.OK)
    own = _hardware(rows, deployments)
    shares = _shares(rows, deployments, own)
    rules: dict[str, list[RequestRow]] = {}
    for row in rows:
        rules.setdefault(row.rule, []).append(row)
    return Measured(
        name=name,
        requests=len(rows),
        answered=len(rows) - ends.total(),
        refused=dict(Counter(_refusal(row) for row in rows if row.outcome in REFUSED).most_common()),
        failed={outcome.value: count for outcome, count in ends.most_common() if outcome not in REFUSED},
        attempts=sum(len(row.tried) for row in rows),
        hedges=sum(any(one.outcome is Outcome.HEDGE_LOST for one in row.tried) for row in rows),
        cost=_cost(rows, own, shares),
        objective=_attainment([row.kept(objectives.get(row.id)) for row in rows]),
        rules={rule: _attainment([row.kept(row.slo) for row in of]) for rule, of in sorted(rules.items())},
        first_output_s=quantiles(row.first_output_s for row in rows if row.first_output_s is not None),
        total_s=quantiles(row.total_s for row in rows if row.outcome is Outcome.OK),
        deployments=shares,
        spills=dict(Counter(f"{row.spilled[0]}: {row.spilled[1]}" for row in rows if row.spilled).most_common()),
        leaks=dict(leaks),
    )


def quantiles(seconds: Iterable[float]) -> MeasuredQuantiles:
    """Of as many as there are."""
    in_order = sorted(seconds)
    if not in_order:
        return MeasuredQuantiles(None, None, None)
    return MeasuredQuantiles(*(in_order[math.ceil(share * len(in_order)) - 1] for share in (0.5, 0.95, 0.99)))


def _refusal(row: RequestRow) -> str:
    """By what stood against the candidates, each cause once."""
    causes = sorted({one.word for one in row.seen})
    return row.outcome.value if not causes else f"{row.outcome.value}: {', '.join(causes)}"


def _attainment(verdicts: Sequence[bool | None]) -> Attainment:
    counted = [one for one in verdicts if one is not None]
    return Attainment(len(counted), sum(counted) / len(counted) if counted else None)


def _hardware(rows: Sequence[RequestRow], deployments: Mapping[str, Deployment]) -> dict[str, float]:
    """What each deployment with hardware of one's own costs while the requests last, asked or not."""
    seconds = max((row.at + row.total_s for row in rows), default=0.0) - min((row.at for row in rows), default=0.0)
    return {name: one.own_cost.usd_per_s * seconds for name, one in deployments.items() if one.own_cost is not None}


def _cost(rows: Sequence[RequestRow], own: Mapping[str, float], shares: Mapping[str, Share]) -> Cost:
    billed = known_usd(one for row in rows for one in row.tried if one.deployment not in own)
    asked = [usd for name, usd in own.items() if shares[name].attempts]
    hardware = sum(asked)
    charged = known_usd(one for row in rows for one in row.tried if one.deployment in own) or 0.0
    return Cost(
        total=None if billed is None and not asked else (billed or 0.0) + hardware,
        billed=billed,
        hardware=hardware,
        charged=charged,
        idle=hardware - charged,
        unasked_hardware=sum(own.values()) - hardware,
        unknown_attempts=sum(
            one.cost_usd is None and one.may_have_cost for row in rows for one in row.tried if one.deployment not in own
        ),
    )


def _shares(
    rows: Sequence[RequestRow], deployments: Mapping[str, Deployment], own: Mapping[str, float]
) -> dict[str, Share]:
    answered = Counter(row.by for row in rows)
    tried: dict[str, list[Tried]] = {name: [] for name in deployments}
    for row in rows:
        for one in row.tried:
            tried.setdefault(one.deployment, []).append(one)  # a record may name one that is no more
    return {
        name: Share(
            answered=answered[name],
            share=answered[name] / len(rows) if rows else 0.0,
            attempts=len(of),
            cost_usd=known_usd(of) if name not in own else own[name] if of else 0.0,
            prompt_tokens=sum(one.prompt_tokens for one in of),
            output_tokens=sum(one.output_tokens for one in of),
            failures=dict(
                Counter(
                    one.outcome.value for one in of if one.outcome not in (Outcome.OK, Outcome.HEDGE_LOST)
                ).most_common()
            ),
        )
        for name, of in tried.items()
    }
