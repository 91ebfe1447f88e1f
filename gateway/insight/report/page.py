"""The page: the verdict, the figures, and the pictures behind them, in the order in which one asks."""

from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from gateway.insight.compare import Compared
from gateway.insight.measure import Measured
from gateway.insight.report.style import STYLE
from gateway.insight.report.svg import areas, bars, curves
from gateway.insight.rows import RequestRow
from gateway.insight.sentences import simulation_sentences
from gateway.insight.verdict import unanswered, verdict
from gateway.values.slo import Target

_COLUMNS = 60  # of shares over time
_MOST_MOVES = 8
_PALETTE = 8
_NUMBER = ' class="number"'
_MOVE_COLUMNS = (("requests", ""), ("from → to", ""), ("why", ""), ("cost", _NUMBER), ("objective kept", _NUMBER))
_UNANSWERED = "not answered"


class ReportSide(NamedTuple):
    """One of up to three: its class in the style, what it is called, what it came to, and its requests."""

    colour: str
    label: str
    measured: Measured
    rows: Sequence[RequestRow]


def report(
    found: Compared,
    recorded: Sequence[RequestRow],
    current: Sequence[RequestRow],
    draft: Sequence[RequestRow],
) -> str:
    """HTML. The rows are those that the result was made of; of a side that it does not have they are not looked at."""
    every = (
        ("record", "on record", found.recorded, recorded),
        ("current", "current", found.current, current),
        ("draft", "draft", found.draft, draft),
    )
    sides = [ReportSide(colour, label, one, rows) for colour, label, one, rows in every if one is not None]
    judged = verdict(found)
    title = "What the policy would have done" if judged is None else f"The draft: {judged.judgement.value}"
    kind = "plain" if judged is None else judged.judgement.name.lower()
    names = _deployments(sides)
    places = _legend(names)
    of_sides = _legend([(side.measured.name, side.colour) for side in sides])
    return "".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><title>', escape(title), "</title>",
        f"<style>{STYLE}</style></head><body>",
        f'<header class="{kind}"><h1>{escape(title)}</h1>',
        *(f"<p><b>{escape(first)}.</b></p>" for first in filter(None, [unanswered(found)])),
        "" if judged is None else f"<p>{escape(judged.sentence)}</p>",
        f'<p class="small">{found.requests:,} requests in {found.seconds / 60:.0f} minutes of {escape(found.traffic)}',
        f", seed {found.seed}</p>",
        *(f"<p>Note: {escape(note)}</p>" for note in found.notes),
        "</header>",
        _tiles(sides),
        '<div class="charts">',
        _figure("Cost", _costs(sides, names), places, "wide"),
        _figure("Time to the first output: so many are as quick", _first_outputs(sides), of_sides),
        _figure("Time of the whole answer: so many are as quick", _totals(sides), of_sides),
        '</div><div class="charts beside">',
        *(_figure(f"Who answers, {side.label}", _over_time(side.rows, names, found.seconds), places) for side in sides),
        '</div><div class="charts">',
        "" if found.draft is None else _figure("Requests that change hands, and why", _moves(found), "", "wide"),
        "</div>",
        f"<details><summary>All figures</summary><pre>{escape(chr(10).join(simulation_sentences(found)))}</pre></details>",
        "</body></html>\n",
    ])  # fmt: skip


def _tiles(sides: Sequence[ReportSide]) -> str:
    return f'<div class="tiles">{"".join(_tile(label, figure, sides) for label, figure in _FIGURES)}</div>'


def _tile(label: str, figure: Callable[[Measured], str], sides: Sequence[ReportSide]) -> str:
    cells = "".join(
        f'<td class="{side.colour}">{escape(figure(side.measured))}<small>{side.label}</small></td>' for side in sides
    )
    return f'<table class="tile"><caption>{label}</caption><tr>{cells}</tr></table>'


def _kept(one: Measured) -> str:
    return "-" if one.objective.share is None else f"{one.objective.share:.1%}"


def _p95(one: Measured) -> str:
    return "-" if one.first_output_s.p95 is None else f"{one.first_output_s.p95:.2f} s"


def _cost(one: Measured) -> str:
    """At least that, where some attempts cost something unknown."""
    return f"{'≥ ' if one.cost.total is not None and one.cost.unknown_attempts else ''}{_usd(one.cost.total)}"


_FIGURES: tuple[tuple[str, Callable[[Measured], str]], ...] = (
    ("cost", _cost),
    ("objective kept", _kept),
    ("first output, p95", _p95),
    ("not answered", lambda one: str(one.requests - one.answered)),
    ("leaks", lambda one: str(sum(one.leaks.values()))),
)


def _costs(sides: Sequence[ReportSide], names: Sequence[tuple[str, str]]) -> str:
    """What is unknown has no bar."""
    rows = []
    for side in sides:
        costs = {name: of.cost_usd for name, of in side.measured.deployments.items()}
        parts = [(name, colour, usd) for name, colour in names if (usd := costs.get(name)) is not None]
        if side.measured.cost.total is not None:
            rows.append((side.label, parts))
    return bars(rows, _usd) if rows else "<p>Unknown.</p>"


def _first_outputs(sides: Sequence[ReportSide]) -> str:
    slos = [row.slo.first_output for side in sides for row in side.rows if row.slo is not None]
    series = [
        (side.label, side.colour, sorted(row.first_output_s for row in side.rows if row.first_output_s is not None))
        for side in sides
    ]
    return curves(series, "s", _marks(slos))


def _totals(sides: Sequence[ReportSide]) -> str:
    slos = [row.slo.total for side in sides for row in side.rows if row.slo is not None]
    series = [(side.label, side.colour, sorted(row.total_s for row in side.rows if row.by)) for side in sides]
    return curves(series, "s", _marks(slos))


def _marks(targets: Sequence[Target | None]) -> list[tuple[float, str]]:
    found: dict[float, set[int]] = {}
    for one in targets:
        if one is not None:
            found.setdefault(one.under_s, set()).add(one.percentile)
    return [
        (under_s, f"{' or '.join(map(str, sorted(percentiles)))} % within {under_s:g} s")
        for under_s, percentiles in sorted(found.items())
    ]


def _over_time(rows: Sequence[RequestRow], names: Sequence[tuple[str, str]], seconds: float) -> str:
    index = {name: at for at, (name, _) in enumerate(names)}
    columns = [[0.0] * len(names) for _ in range(_COLUMNS)]
    began = min((row.at for row in rows), default=0.0)
    for row in rows:
        at = min(int((row.at - began) / max(seconds, 1e-9) * _COLUMNS), _COLUMNS - 1)
        columns[at][index[row.by or _UNANSWERED]] += 1
    return areas(names, columns, seconds)


def _moves(found: Compared) -> str:
    if not found.moved:
        return "<p>None.</p>"
    most = found.moved[0].requests
    lines = [
        f'<tr><td><b style="width:{one.requests / most:.0%}"></b>{one.requests:,}</td>'
        f"<td>{escape(one.source or _UNANSWERED)} → {escape(one.target or _UNANSWERED)}</td><td>{escape(one.why)}</td>"
        f'<td class="number">{_difference(one.cost_usd)}</td>'
        f'<td class="number">{one.kept:+d}</td></tr>'
        for one in found.moved[:_MOST_MOVES]
    ]
    head = "".join(f"<th{kind}>{label}</th>" for label, kind in _MOVE_COLUMNS)
    more = found.changed_hands - sum(one.requests for one in found.moved[:_MOST_MOVES])
    rest = f"<p>{more:,} more in smaller groups</p>" if more else ""
    return f'<table class="moves"><tr>{head}</tr>{"".join(lines)}</table>{rest}'


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:.2f}"


def _difference(usd: float | None) -> str:
    if usd is None:
        return _usd(usd)
    shown = f"${abs(usd):.2f}"
    return shown if float(shown[1:]) == 0 else f"{'-' if usd < 0 else '+'}{shown}"


def _deployments(sides: Sequence[ReportSide]) -> list[tuple[str, str]]:
    """With their colours, the same on all charts; at the end, if there are such requests, those that nobody answered."""
    names = list(dict.fromkeys(name for side in sides for name in side.measured.deployments))
    found = [(name, f"c{at % _PALETTE}") for at, name in enumerate(names)]
    lost = any(side.measured.answered < side.measured.requests for side in sides)
    return [*found, *([(_UNANSWERED, "nobody")] if lost else [])]


def _legend(names: Sequence[tuple[str, str]]) -> str:
    return "".join(f'<span><i class="{colour}"></i>{escape(name)}</span>' for name, colour in names)


def _figure(title: str, chart: str, legend: str, kind: str = "") -> str:
    return f'<figure class="{kind}"><figcaption>{escape(title)}</figcaption>{chart}<p>{legend}</p></figure>'
