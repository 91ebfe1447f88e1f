"""A whole simulation: the current policy and a draft on the same traffic in the same world, and the result."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from gateway.insight.chooser import Chooser
from gateway.insight.compare import Compared, Otherwise, dearer, moves
from gateway.insight.fit import DeploymentFit, with_beyond
from gateway.insight.leaks import Leaks
from gateway.insight.measure import Measured, measured
from gateway.insight.predict import Predicted
from gateway.insight.rows import RequestRow, row_of
from gateway.insight.simulate import Simulation
from gateway.insight.traffic import Traffic
from gateway.insight.world import World, slower
from gateway.routing.document import Policy
from gateway.values.deployment import Deployment
from gateway.values.records import RequestFinished

UNKNOWN_MODEL = "no such model"
OTHER_DETECTION = (
    "the draft detects otherwise: what it would find is not known, requests keep the sensitivity that they had"
)


class Side(msgspec.Struct, frozen=True):
    """What decides, and the policy that it was compiled from, whose words attempts are checked by."""

    chooser: Chooser
    policy: Policy | None = None


class Played(msgspec.Struct, frozen=True):
    """What came of one side. `leaks` by what went where it may not."""

    rows: list[RequestRow]
    leaks: dict[str, int]
    unknown_models: int


def play(  # noqa: PLR0913 - what is played
    side: Side,
    deployments: Mapping[str, Deployment],
    world: World,
    traffic: Traffic,
    *,
    seed: int = 0,
    told: Callable[[], None] | None = None,
    prepare: Callable[[Simulation], None] | None = None,
) -> Played:
    """All of the traffic; `told` hears of each request that has ended. Raises Unpredictable.

    `prepare` is given the simulation before it begins: to put events on its clock, or for a chooser that looks inside.
    """
    rows: list[RequestRow] = []
    leaks = Leaks(deployments, side.policy)
    preferred = side.chooser.preferred

    def finished(record: RequestFinished) -> None:
        rows.append(row_of(record, preferred(record.decision)))
        if told is not None:
            told()

    began = traffic.requests[0].at if traffic.requests else 0.0
    simulation = Simulation(
        side.chooser, deployments, world, began=began, seed=seed, finished=finished, watched=leaks.watch
    )
    if prepare is not None:
        prepare(simulation)
    simulation.run(traffic.requests)
    rows.sort(key=lambda row: (row.at, row.id))
    return Played(rows, leaks.found, simulation.unknown_models)


def compare(  # noqa: PLR0913 - what a comparison is of
    current: Side,
    draft: Side | None,
    deployments: Mapping[str, Deployment],
    predicted: Predicted,
    traffic: Traffic,
    *,
    seed: int,
    recorded: Sequence[RequestRow] = (),
    notes: Sequence[str] = (),
    told: Callable[[], None] | None = None,
) -> tuple[Compared, list[Played], list[RequestRow]]:
    """The result, and the rows that it was made of: of each side, and those of `recorded`, the journal's of this traffic, whose
    requests could be played. `notes` come first among the result's.

    Where behaviours are in doubt it is all played again with these slower, and faster.
    """
    sides = [current, *([] if draft is None else [draft])]

    def of(world: World, told: Callable[[], None] | None = None) -> list[Played]:
        return [play(side, deployments, world, traffic, seed=seed, told=told) for side in sides]

    def results(played: Sequence[Played]) -> list[Measured]:
        return [
            measured(side.chooser.name, one.rows, deployments, objectives, one.leaks)
            for side, one in zip(sides, played, strict=True)
        ]

    played = of(predicted.world, told)
    fits = with_beyond(predicted.fits, [one.rows for one in played])
    ids = {row.id for row in played[0].rows}
    on_record = [row for row in recorded if row.id in ids]  # else it would be another traffic, over another time
    objectives = {row.id: row.slo for one in reversed(played) for row in one.rows if row.slo}  # the current one's first
    found = results(played)
    off = {name: one.off for name, one in fits.items() if one.doubts}
    otherwise = [
        Otherwise(how, *results(of(slower(predicted.world, times))))
        for how, times in (("slower", off), ("faster", {name: 1.0 / times for name, times in off.items()}))
        if off
    ]
    moved = moves(played[0].rows, played[1].rows) if draft is not None else ()
    unknown = max(one.unknown_models for one in played)
    return (
        Compared(
            traffic=traffic.source,
            requests=len(ids),
            seconds=_lasted(played[0].rows),
            seed=seed,
            left_out=traffic.left_out | ({UNKNOWN_MODEL: unknown} if unknown else {}),
            assumed=traffic.assumed,
            recorded=measured("on record", on_record, deployments, objectives, {}) if on_record else None,
            fits=fits,
            current=found[0],
            draft=found[1] if draft is not None else None,
            otherwise=tuple(otherwise),
            cost_difference_usd=None if draft is None else dearer(found[0], found[1]),
            changed_hands=sum(one.requests for one in moved),
            moved=moved,
            notes=(*notes, *_doubts(fits), *_unmatched(sides, found), *_unplayed(current, draft)),
        ),
        played,
        on_record,
    )


def _doubts(fits: Mapping[str, DeploymentFit]) -> Iterator[str]:
    for name, one in fits.items():
        if one.doubts:
            said = "; ".join(one.doubts)
            yield f"{name} may be up to {one.off:.1f} times as slow, or as quick, as it was taken to be: {said}"


def _unmatched(sides: Sequence[Side], found: Sequence[Measured]) -> Iterator[str]:
    """A rule that no request came to was not tried: the figures say nothing of it."""
    for word, side, one in zip(("current policy", "draft"), sides, found, strict=False):
        rules = [] if side.policy is None else [rule.name for rule in side.policy.rules]
        never = [rule for rule in rules if rule not in one.rules]
        if never:
            yield f"no request came to the {word}'s rule{'' if len(never) == 1 else 's'} {', '.join(never)}"


def _lasted(rows: Sequence[RequestRow]) -> float:
    """Seconds from the first arrival to the last; rows are in their order."""
    return rows[-1].at - rows[0].at if rows else 0.0


def _unplayed(current: Side, draft: Side | None) -> tuple[str, ...]:
    """What the draft changes and no simulation can show, as there is no text in any traffic."""
    if draft is None or current.policy is None or draft.policy is None:
        return ()
    return () if current.policy.detection == draft.policy.detection else (OTHER_DETECTION,)
