"""Two policies on the same requests: which requests changed hands, why, and what that costs or saves."""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.insight.fit import DeploymentFit
from gateway.insight.measure import Measured
from gateway.insight.rows import PROBE, READY, RequestRow

_FEW_UNKNOWN = 0.001  # of the requests: so many attempts of unknown cost more make no difference


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Requests whose first attempt goes elsewhere. None: nowhere, it is refused. `cost_usd` is how much more they cost with
    the draft, as their attempts are charged, None if that is known of none; `kept` how many more of them keep the objective.
    """

    rule: str  # of the draft
    source: str | None
    target: str | None
    why: str
    requests: int
    cost_usd: float | None
    kept: int


class Otherwise(msgspec.Struct, frozen=True):
    """The same traffic where all deployments whose behaviour is in doubt are `how`: slower, or faster, as far as they may be."""

    how: str
    current: Measured
    draft: Measured | None = None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation found. `seconds` is how long the traffic took; without a draft there is one side only.

    `notes` say what the figures do not show. `left_out` and `assumed` are of the traffic. `recorded`: what became of it, by
    the journal. `fits`: the deployments whose behaviour was fitted, or assumed. `otherwise`: how it may be, if any of them are
    in doubt.
    """

    traffic: str
    requests: int
    seconds: float
    seed: int
    left_out: dict[str, int]
    assumed: dict[str, int]
    current: Measured
    draft: Measured | None = None
    cost_difference_usd: float | None = None
    changed_hands: int = 0
    moved: tuple[Moved, ...] = ()
    notes: tuple[str, ...] = ()
    recorded: Measured | None = None
    fits: dict[str, DeploymentFit] = {}
    otherwise: tuple[Otherwise, ...] = ()


def moves(current: Sequence[RequestRow], draft: Sequence[RequestRow]) -> tuple[Moved, ...]:
    """Grouped, the largest group first. Both are of the same requests; each is held to the current one's objective."""
    before = {row.id: row for row in current}
    groups: dict[tuple[str, str | None, str | None, str], list[tuple[RequestRow, RequestRow]]] = {}
    for row in draft:
        was = before.get(row.id)
        if was is not None and was.first != row.first:
            groups.setdefault((row.rule, was.first, row.first, _why(was, row)), []).append((was, row))
    found = [
        Moved(
            rule=rule,
            source=source,
            target=target,
            why=why,
            requests=len(pairs),
            cost_usd=_dearer(pairs),
            kept=sum(_kept(row, was) - _kept(was, was) for was, row in pairs),
        )
        for (rule, source, target, why), pairs in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.requests, one.rule, one.why)))


def dearer(was: Measured, draft: Measured) -> float | None:
    """By how much the draft is. None where either cost is unknown, or the one that looks cheaper has noticeably more
    attempts of unknown cost: they may cost the difference, or more.
    """
    before, after = was.cost.total, draft.cost.total
    if before is None or after is None:
        return None
    more_unknown = draft.cost.unknown_attempts - was.cost.unknown_attempts
    if abs(more_unknown) > _FEW_UNKNOWN * was.requests and (after - before) * more_unknown <= 0:
        return None
    return after - before


def _dearer(pairs: Iterable[tuple[RequestRow, RequestRow]]) -> float | None:
    known = [
        row.cost_usd - was.cost_usd for was, row in pairs if row.cost_usd is not None and was.cost_usd is not None
    ]  # fmt: skip
    return sum(known) if known else None


def _kept(row: RequestRow, was: RequestRow) -> int:
    return row.kept(was.slo) is True


def _why(was: RequestRow, row: RequestRow) -> str:
    """What the draft's decision has against the old place, else what no longer stands against the new one, else taste."""
    old, new = was.first, row.first
    if new is None or old is None:
        return row.outcome.value if new is None else f"no longer {was.outcome.value}"
    then, now = ({one.deployment: one for one in side.seen} for side in (was, row))
    word = now[old].word if old in now else "no candidate"
    before = then[new].word if new in then else "no candidate"
    if now[new].word == PROBE:
        return f"{new} is probed"
    if word != READY:
        return f"{old}: {word}"
    if before != READY:
        return f"{new}: no longer {before}"
    if not row.scored:
        return "by order or weights"
    usd = now[old].expected_usd, now[new].expected_usd
    cheaper = usd[0] is not None and usd[1] is not None and usd[1] < usd[0]
    return "by score, and cheaper" if cheaper else "by score"
