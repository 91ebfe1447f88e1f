"""The lab as a picture: for each scenario, cost against how often the objective was kept. SVG, without a library.

Right is better, and so is lower; each scenario has axes of its own, on which everyone is where it is. The oracle is a
diamond, policies are discs, the strategies of others rings.
"""

import math
from collections.abc import Iterator
from html import escape

from gateway.insight.lab.results import Lab, Played, Score

_WIDTH, _HEIGHT, _COLUMNS = 300, 210, 4
_LEFT, _TOP, _RIGHT, _BOTTOM = 42, 34, 18, 34
_USUAL_KEPT = 0.85  # where the axis begins; further left, at a tenth, where somebody keeps less
_STEPS = 3  # of the axis
_COLOURS = ("#1b6ca8", "#c2571a", "#2e7d32", "#8e44ad", "#b8860b", "#00838f", "#ad1457", "#5d4037", "#455a64")


def lab_picture(lab: Lab) -> str:
    """The same results, the same bytes."""
    policies = list(dict.fromkeys(one.name for played in lab.scenarios for one in played.scores if one.is_policy))
    colours = {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(policies)}
    rows = -(-len(lab.scenarios) // _COLUMNS)
    width, height = _WIDTH * min(_COLUMNS, len(lab.scenarios)), _HEIGHT * rows + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="10">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for at, played in enumerate(lab.scenarios):
        x, y = _WIDTH * (at % _COLUMNS), _HEIGHT * (at // _COLUMNS)
        parts += [f'<g transform="translate({x} {y})">', *_panel(played, colours), "</g>"]
    parts += [*_legend(colours, height - 12), "</svg>"]
    return "\n".join(parts) + "\n"


def _panel(played: Played, colours: dict[str, str]) -> Iterator[str]:
    most = max(one.total_usd for one in played.scores) * 1.05 or 1.0
    kept = min(one.attainment for one in played.scores)
    least = _USUAL_KEPT if kept >= _USUAL_KEPT else math.floor(kept * 10) / 10
    floor = _HEIGHT - _BOTTOM
    yield f'<text x="{_LEFT}" y="18" font-size="12" font-weight="bold">{escape(played.name)}</text>'
    yield f'<path d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}" fill="none" stroke="#888"/>'
    for tick in (least + (1.0 - least) * step / _STEPS for step in range(_STEPS + 1)):
        yield f'<text x="{_x(tick, least)}" y="{floor + 13}" text-anchor="middle" fill="#555">{tick:.0%}</text>'
        yield f'<path d="M{_x(tick, least)} {floor}V{_TOP}" stroke="#eee"/>'
    for share in (0.0, 0.5, 1.0):
        y = _y(most * share, most)
        yield f'<text x="{_LEFT - 4}" y="{y + 3}" text-anchor="end" fill="#555">${most * share:.2f}</text>'
    yield f'<text x="{_LEFT}" y="{floor + 26}" fill="#555">kept the objective; cost in all</text>'
    for place, one in reversed(list(enumerate(played.scores))):
        yield _mark(one, _x(one.attainment, least), _y(one.total_usd, most), colours, is_oracle=place == 0)


def _mark(one: Score, x: float, y: float, colours: dict[str, str], *, is_oracle: bool) -> str:
    title = f"<title>{escape(one.name)}: {one.attainment:.2%} for ${one.total_usd:.3f}</title>"
    if is_oracle:
        return f'<path d="M{x} {y - 5}l5 5l-5 5l-5 -5z" fill="black">{title}</path>'
    if one.is_policy:
        return f'<circle cx="{x}" cy="{y}" r="4" fill="{colours[one.name]}">{title}</circle>'
    return f'<circle cx="{x}" cy="{y}" r="3.5" fill="none" stroke="#999">{title}</circle>'


def _legend(colours: dict[str, str], y: int) -> Iterator[str]:
    marks = [("oracle", "black"), *colours.items(), ("other gateways' strategies (rings)", "#999")]
    x = _LEFT
    for name, colour in marks:
        yield f'<circle cx="{x}" cy="{y - 3}" r="4" fill="{colour}"/><text x="{x + 8}" y="{y}">{escape(name)}</text>'
        x += 24 + 6 * len(name)


def _x(share: float, least: float) -> float:
    across = (share - least) / (1.0 - least)
    return round(_LEFT + across * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(usd: float, most: float) -> float:
    floor = _HEIGHT - _BOTTOM
    return round(floor - usd / most * (floor - _TOP), 1)
