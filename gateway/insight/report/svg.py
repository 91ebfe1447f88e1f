"""The few charts of the report, as inline SVG: it needs no library to be made or to be seen, and follows the page's colours.

Positions are in pixels. A colour is the name of a class of the page's style.
"""

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, BARS_WIDTH = 520, 1070
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 8, 26
_CURVE = 160  # points
_TICKS = 7
_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_NEAR_THE_EDGE = 0.6
_LINE = 14
_Place = Callable[[float], float]


def curves(
    series: Sequence[tuple[str, str, Sequence[float]]], unit: str, marks: Sequence[tuple[float, str]], height: int = 210
) -> str:
    """Which share of each is below a value: (name, colour, values in order). The horizontal axis is logarithmic."""
    known = [values for _, _, values in series if values]
    if not known:
        return _nothing(height)
    low = max(min(values[0] for values in known), max(values[-1] for values in known) / 1e4, 1e-4)
    low = min([low, *(at for at, _ in marks)])
    high = max([*(values[-1] for values in known), *(at for at, _ in marks), low * 2])
    x, y = _log(low, high), _linear(0.0, 1.0, height)
    parts = [_grid_y(y, [0.0, 0.5, 0.95], lambda share: f"{share:.0%}")]
    parts.append(_ticks_x(x, _decades(low, high), height, lambda value: f"{value:g} {unit}"))
    parts += [_mark(x(at), label, height, number) for number, (at, label) in enumerate(marks)]
    for name, colour, values in series:
        if values:
            count = len(values)
            ranks = sorted({math.ceil(count * step / _CURVE) for step in range(1, _CURVE + 1)} | {count})
            points = " ".join(f"{x(max(values[rank - 1], low)):.1f},{y(rank / count):.1f}" for rank in ranks)
            parts.append(f'<polyline class="line {colour}" points="{points}"><title>{escape(name)}</title></polyline>')
    return _svg(height, parts)


def areas(
    names: Sequence[tuple[str, str]], columns: Sequence[Sequence[float]], seconds: float, height: int = 150
) -> str:
    """Shares over time, one on the other: for each name (and colour) a number in each column."""
    if not columns:
        return _nothing(height)
    x, y = _linear_x(0.0, float(len(columns))), _linear(0.0, 1.0, height)
    parts = [_grid_y(y, [0.0, 0.5, 1.0], lambda share: f"{share:.0%}")]
    below = [0.0] * len(columns)
    for at, (name, colour) in enumerate(names):
        sums = [sum(column) or 1.0 for column in columns]
        above = [low + column[at] / whole for low, column, whole in zip(below, columns, sums, strict=True)]
        up = [f"{x(edge):.1f},{y(value):.1f}" for index, value in enumerate(above) for edge in (index, index + 1)]
        down = [f"{x(edge):.1f},{y(value):.1f}" for index, value in enumerate(below) for edge in (index, index + 1)]
        points = " ".join([*up, *reversed(down)])
        parts.append(f'<polygon class="area {colour}" points="{points}"><title>{escape(name)}</title></polygon>')
        below = above
    step, unit, label = _step(seconds)
    ticks = [step * at for at in range(int(seconds / step) + 1)]
    place = _linear_x(0.0, max(seconds, step))
    parts.append(_ticks_x(place, ticks, height, lambda at: f"{at / unit:g} {label}"))
    return _svg(height, parts)


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, str, float]]]], label: Callable[[float], str]) -> str:
    """One bar for each row, of parts (name, colour, length) one after the other; the sum stands behind it."""
    most = max((sum(part[2] for part in parts) for _, parts in rows), default=0.0) or 1.0
    step, wide = 34, BARS_WIDTH - 190
    height = step * len(rows) + 6
    drawn = []
    for at, (name, parts) in enumerate(rows):
        y, start = at * step + 4, 100.0
        drawn.append(f'<text class="label" x="92" y="{y + 17}" text-anchor="end">{escape(name)}</text>')
        for part, colour, length in parts:
            size = length / most * wide
            title = f"<title>{escape(part)}: {escape(label(length))}</title>"
            drawn.append(
                f'<rect class="area {colour}" x="{start:.1f}" y="{y}" width="{size:.1f}" height="24">{title}</rect>'
            )
            start += size
        whole = escape(label(sum(part[2] for part in parts)))
        drawn.append(f'<text class="value" x="{start + 6:.1f}" y="{y + 17}">{whole}</text>')
    return _svg(height, drawn, BARS_WIDTH)


def _svg(height: int, parts: Sequence[str], width: int = WIDTH) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _nothing(height: int) -> str:
    return _svg(
        height, [f'<text class="label" x="{WIDTH / 2}" y="{height / 2}" text-anchor="middle">nothing to show</text>']
    )


def _linear(low: float, high: float, height: int) -> _Place:
    return lambda value: height - _BOTTOM - (value - low) / (high - low) * (height - _TOP - _BOTTOM)


def _linear_x(low: float, high: float) -> _Place:
    return lambda value: _LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)


def _log(low: float, high: float) -> _Place:
    place = _linear_x(math.log(low), math.log(high))
    return lambda value: place(math.log(value))


def _mark(x: float, label: str, height: int, number: int) -> str:
    """A line from top to bottom, with its label on the side that has room, each above the one before."""
    is_right = x > WIDTH * _NEAR_THE_EDGE
    at, anchor = (x - 4, "end") if is_right else (x + 4, "start")
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>'
        f'<text class="mark" x="{at:.1f}" y="{height - _BOTTOM - 8 - number * _LINE}" text-anchor="{anchor}">{escape(label)}</text>'
    )


def _step(seconds: float) -> tuple[int, int, str]:
    """Seconds between two ticks so that there are few, and the unit that they are told in."""
    step = next((one for one in _STEPS_S if seconds / one <= _TICKS), _STEPS_S[-1])
    unit, label = (3600, "h") if step >= 3600 else (60, "min") if step >= 60 else (1, "s")
    return step, unit, label


def _decades(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between the two."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    inside = [value for value in found if low <= value <= high]
    return inside if len(inside) <= 7 else [value for value in inside if str(f"{value:e}")[0] == "1"]


def _grid_y(y: _Place, values: Sequence[float], label: Callable[[float], str]) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label(value)}</text>'
        for value in values
    )


def _ticks_x(x: _Place, values: Sequence[float], height: int, label: Callable[[float], str]) -> str:
    return "".join(
        f'<text class="tick" x="{x(value):.1f}" y="{height - 8}" text-anchor="middle">{label(value)}</text>'
        for value in values
    )
