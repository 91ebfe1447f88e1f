"""A simulation for people: a table with both policies side by side, and what changed hands."""

from collections.abc import Callable, Iterator
from operator import attrgetter

from gateway.insight.compare import Compared
from gateway.insight.measure import Attainment, Measured, Quantiles, Share
from gateway.insight.verdict import unanswered, verdict

_MOST_MOVES = 12
_Row = tuple[str, ...]  # a label, and a cell for each side


def simulation_sentences(found: Compared) -> list[str]:
    """Lines."""
    judged = verdict(found)
    sides = [one for one in (found.recorded, found.current, found.draft) if one is not None]
    lines = [f"the draft: {judged}", ""] if judged is not None else [*filter(None, [unanswered(found)])]
    lines += [f"{found.requests} requests in {found.seconds:.0f} s of {found.traffic}, seed {found.seed}"]
    lines += [f"  not usable, {why}: {count}" for why, count in found.left_out.items()]
    lines += [f"  length of the answer assumed, {why}: {count}" for why, count in found.assumed.items()]
    lines += [f"note: {note}" for note in found.notes]
    rows = [("", *(side.name for side in sides)), *_rows(sides, _between(found))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines.append("")
    for label, *cells in rows:
        shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        lines.append(f"{label:{widths[0]}}  {shown}".rstrip())
    if found.fits:
        lines += ["", *_fits(found)]
    if found.draft is not None:
        lines += ["", *_moves(found)]
    return lines


def _rows(sides: list[Measured], between: "_Between") -> Iterator[_Row]:
    yield from _costs(sides, between)
    yield from _kept(sides, between)
    for name in dict.fromkeys(name for side in sides for name in side.deployments):
        yield (f"answered by {name}", *(_answered(side.deployments.get(name)) for side in sides))
    yield from _counts("refused", "  ", [side.refused for side in sides])
    yield from _counts("failed", "  ", [side.failed for side in sides])
    yield _row("attempts", sides, lambda side: str(side.attempts))
    yield _row("hedges", sides, lambda side: str(side.hedges))
    yield from _counts("spilled", "  from ", [side.spills for side in sides])
    yield from _counts("leaks", "  ", [side.leaks for side in sides])


def _costs(sides: list[Measured], between: "_Between") -> Iterator[_Row]:
    yield _row("cost", sides, lambda side: _usd(side.cost.total))
    yield from between(lambda side: side.cost.total, _usd)
    yield _row("  billed by providers", sides, lambda side: _usd(side.cost.billed))
    yield _row("  own hardware", sides, lambda side: f"${side.cost.hardware:.4f}")
    if any(side.cost.hardware for side in sides):
        yield _row("    charged to answers", sides, lambda side: f"${side.cost.charged:.4f}")
        yield _row("    idle, or not full", sides, lambda side: f"${side.cost.idle:.4f}")
    if any(side.cost.unasked_hardware for side in sides):
        yield _row("  not in it: hardware never asked", sides, lambda side: f"${side.cost.unasked_hardware:.4f}")
    yield _row("  attempts of unknown cost", sides, lambda side: str(side.cost.unknown_attempts))


def _kept(sides: list[Measured], between: "_Between") -> Iterator[_Row]:
    yield _row("kept the current objective", sides, lambda side: _share(side.objective))
    yield from between(lambda side: side.objective.share, "{:.2%}".format)
    for rule in dict.fromkeys(rule for side in sides for rule, kept in side.rules.items() if kept.share is not None):
        yield (f"  own, rule {rule}", *(_share(side.rules.get(rule)) for side in sides))
    for what, times in (("first output", attrgetter("first_output_s")), ("whole answer", attrgetter("total_s"))):
        for rank in ("p50", "p95", "p99"):
            yield (f"{what} {rank}", *(_seconds(getattr(times(side), rank)) for side in sides))
            if rank == "p95":
                yield from between(_p95(times), _seconds)


def _between(found: Compared) -> "_Between":
    """What makes a row of how far a figure of each simulated side goes, where behaviours are in doubt."""
    drafts = [] if found.draft is None else [(found.draft, *(one.draft for one in found.otherwise if one.draft))]
    sides = [(found.current, *(one.current for one in found.otherwise)), *drafts]
    before = () if found.recorded is None else ("-",)

    def rows(figure: Callable[[Measured], float | None], told: Callable[[float], str]) -> Iterator[_Row]:
        if found.otherwise:
            known = [sorted(one for one in map(figure, of) if one is not None) for of in sides]
            yield ("  between", *before, *(f"{told(of[0])} and {told(of[-1])}" if of else "-" for of in known))

    return rows


def _p95(times: Callable[[Measured], Quantiles]) -> Callable[[Measured], float | None]:
    return lambda side: times(side).p95


_Between = Callable[[Callable[[Measured], float | None], Callable[[float], str]], Iterator[_Row]]


def _counts(label: str, indent: str, counts: list[dict[str, int]]) -> Iterator[_Row]:
    """A sum, and below it what it is made of."""
    yield (label, *(str(sum(one.values())) for one in counts))
    for why in dict.fromkeys(why for one in counts for why in one):
        yield (f"{indent}{why}", *(str(one.get(why, 0)) for one in counts))


def _row(label: str, sides: list[Measured], cell: Callable[[Measured], str]) -> _Row:
    return (label, *map(cell, sides))


def _fits(found: Compared) -> Iterator[str]:
    yield "fitted to the journal; the last third of it as predicted, and as recorded:"
    for name, one in found.fits.items():
        if one.first_output is None:
            yield f"  {name}, {one.answered} answers: not fitted"
            continue
        kinds = (("first output", one.first_output), ("whole answer", one.total))
        times = [
            f"{what} {rank} {_seconds(getattr(held.predicted, rank))}, {_seconds(getattr(held.recorded, rank))}"
            for what, held in kinds
            if held is not None
            for rank in ("p50", "p95")
        ]
        yield f"  {name}, {one.answered} answers: {'; '.join(times)}"


def _moves(found: Compared) -> Iterator[str]:
    yield f"{found.changed_hands} requests change hands"
    for one in found.moved[:_MOST_MOVES]:
        places = f"{one.source or 'refused'} -> {one.target or 'refused'}"
        kept = f", {one.kept:+d} keep the objective" if one.kept else ""
        yield f"  {one.requests:6d}  {places} by {one.rule} ({one.why}): {_difference(one.cost_usd)}{kept}"
    if len(found.moved) > _MOST_MOVES:
        yield f"  and {len(found.moved) - _MOST_MOVES} smaller groups"


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:.4f}"


def _difference(usd: float | None) -> str:
    return "unknown cost" if usd is None else f"{'-' if usd < 0 else '+'}${abs(usd):.4f}"


def _share(one: Attainment | None) -> str:
    return "-" if one is None or one.share is None else f"{one.share:.2%}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3f} s"


def _answered(share: Share | None) -> str:
    return "-" if share is None else f"{share.answered} ({share.share:.1%})"
