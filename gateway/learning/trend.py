"""How long something took lately: a line (`gateway.learning.fit`) and the spread of the newest samples around it.

The window holds the newest samples and drops the oldest. A sample that was cut off (a timeout, a caller who left) is
kept as what it is: at least so long. The spread then is Kaplan and Meier's: such a sample counts for every quantile
below its time, and lifts those above.
"""

import math
from collections import deque

from gateway.learning.fit import ForgettingFit
from gateway.values.snapshot import Line, Quantiles

NEWEST = 128  # samples in the window at most
LATELY_S = 30.0  # older ones go too, as long as there are more than:
AT_LEAST = 12
JUMP_OF = 6  # as many in a row, all faster or all slower than nearly all before them, by:
JUMP_BY = 1.5
JUMP_BEGINS = 2  # in a row: once in a hundred by chance
_SHORTEST_S = 1e-6
_NEVER_0 = 1e-9
_TAIL = 4.0
_SHARES = (0.5, 0.9, 0.95, 0.99)

# when, prompt tokens, in flight, output tokens, seconds, whether it was cut off
_Sample = tuple[float, float, float, float, float, bool]


class Trend:
    """One kind of duration of one deployment. `now` is seconds since the epoch."""

    def __init__(self) -> None:
        self.measured_at = 0.0
        self.is_new = False  # since `line` was asked for
        self.falls: float | None = None  # as of then: how far down the newest samples are, like the beginning of a jump
        self.newest: float | None = None  # as of then: the newest over what is predicted for 95 of 100; None if cut off
        self._fit = ForgettingFit()
        self._window: deque[_Sample] = deque(maxlen=NEWEST)
        self._line: Line | None = None

    def __len__(self) -> int:
        return len(self._window)

    def add(  # noqa: PLR0913, PLR0917 - a sample is what it is
        self,
        now: float,
        prompt_tokens: float,
        in_flight: float,
        output_tokens: float,
        seconds: float,
        cut_off: bool,  # noqa: FBT001
    ) -> None:
        """A sample: it took `seconds`, or, if it was cut off, at least so long."""
        seconds = max(seconds, _SHORTEST_S)
        self.measured_at, self.is_new = now, True
        self._window.append((now, prompt_tokens, in_flight, output_tokens, seconds, cut_off))
        if not cut_off or seconds > self._fit.expected(prompt_tokens, in_flight, output_tokens):
            self._fit.add(prompt_tokens, in_flight, output_tokens, seconds)

    def line(self) -> Line | None:
        """The line and its spread as they are now; None without samples."""
        if self.is_new:
            self.is_new = False
            self._line = self._solved()
        return self._line

    def _solved(self) -> Line:
        window = self._window
        while len(window) > AT_LEAST and window[0][0] < self.measured_at - LATELY_S:
            window.popleft()
        self._fit.solve()
        ratios = self._ratios()
        cut_off = [sample[5] for sample in window]
        begins = _jump(ratios, JUMP_BEGINS, newest_exact=True not in cut_off[-JUMP_BEGINS:])
        self.falls = short(begins) if begins is not None and begins < 1.0 else None
        if (times := _jump(ratios, JUMP_OF, newest_exact=True not in cut_off[-JUMP_OF:])) is not None:
            self.falls = None
            for _ in range(len(window) - JUMP_OF):
                window.popleft()
            self._fit.jump(times)
            for _, prompt_tokens, in_flight, output_tokens, seconds, _ in window:
                self._fit.add(prompt_tokens, in_flight, output_tokens, seconds)
            self._fit.solve()
            ratios, cut_off = self._ratios(), cut_off[-JUMP_OF:]
        base, prompt, others, output = self._fit.coefficients
        spread = Quantiles(*map(short, _kaplan_meier(ratios, cut_off) if True in cut_off else _quantiles(ratios)))
        self.newest = None if cut_off[-1] else short(ratios[-1] / max(spread.p95, _NEVER_0))
        return Line(short(base), short(prompt), short(others), spread, short(output))

    def _ratios(self) -> list[float]:
        """What came over what the line says, in the order of time."""
        base, prompt, others, output = self._fit.coefficients
        if not (prompt or others or output):
            return [sample[4] / base for sample in self._window]
        return [
            seconds / (base + a * prompt + b * others + c * output) for _, a, b, c, seconds, _ in self._window
        ]  # fmt: skip


def _jump(ratios: list[float], of: int, *, newest_exact: bool) -> float | None:
    """By how much the newest `of` differ from all before them, if they clearly do.

    By chance alone six in a row lie all beyond the outer tenth about twice in a million times.
    """
    if len(ratios) < 2 * JUMP_OF:
        return None
    newest, before = sorted(ratios[-of:]), sorted(ratios[:-of])
    times = newest[of // 2] / max(before[len(before) // 2], _NEVER_0)
    up = times >= JUMP_BY and newest[0] > before[len(before) * 9 // 10]
    down = times <= 1 / JUMP_BY and newest[-1] < before[len(before) // 10] and newest_exact
    return times if up or down else None


def _quantiles(ratios: list[float]) -> list[float]:
    """The smallest ratios that hold for these shares of the samples to come, not only of those that were seen."""
    in_order, count = sorted(ratios), len(ratios)
    return [in_order[min(math.ceil(share * (count + 1)), count) - 1] for share in _SHARES]


def _kaplan_meier(ratios: list[float], cut_off: list[bool]) -> list[float]:
    """The same where some are only known to be at least so large.

    A share that was not reached, because what is beyond was all cut off, lies on the exponential tail that the shares
    before it begin (Brown, Hollander and Korwar, 1974); it is taken for no more than `_TAIL` times the largest seen.
    """
    count = len(ratios)
    found: list[float] = []
    beyond = 1.0  # the share that is above the ratio at hand
    for index, (ratio, is_cut_off) in enumerate(in_order := sorted(zip(ratios, cut_off, strict=True))):
        if is_cut_off:
            continue
        beyond *= 1 - 1 / (count - index)
        while len(found) < len(_SHARES) and 1 - beyond >= _SHARES[len(found)] * (count + 1) / count - _NEVER_0:
            found.append(ratio)
    largest = in_order[-1][0]
    return found + [largest * _tail(share, beyond) for share in _SHARES[len(found) :]]


def _tail(share: float, beyond: float) -> float:
    if beyond >= 1.0:
        return _TAIL
    if beyond <= 1.0 - share:  # only as the share of the samples to come was it not reached
        return 1.0
    return min(math.log(1.0 - share) / math.log(beyond), _TAIL)


def short(number: float) -> float:
    """Rounded: four digits are more than is known, and keep records small."""
    return float(f"{number:.4g}") if number > _NEVER_0 else 0.0
