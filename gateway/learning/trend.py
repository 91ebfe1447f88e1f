"""How long something took lately: a line (`gateway.learning.fit`), the spread of the newest samples around it, and the waits.

The window holds the newest samples and drops the oldest; after a jump (`gateway.learning.jump`) it holds those since. What took
far longer than the line says is no part of the spread: it waited, and a wait is so many seconds whatever the prompt
(`gateway.learning.waits`). A sample that was cut off (a timeout, a caller who left) is kept as what it is: at least so long.
"""

import math
from collections import deque
from collections.abc import Sequence
from itertools import compress
from operator import not_
from statistics import fmean, median, pstdev

from gateway.learning.fit import ForgettingFit, Sample
from gateway.learning.jump import Jump
from gateway.learning.spread import ENOUGH, SHARES, kaplan_meier, logarithms, quantiles
from gateway.learning.waits import FORGOTTEN_S, bound, chance, in_a_row
from gateway.values.snapshot import NO_WAIT, Line, Quantiles

NEWEST = 128  # samples in the window at most
LATELY_S = 120.0  # older ones go too, as long as there are more than:
AT_LEAST = 12
AHEAD_UNIT = 1000.0  # tokens
_TELLS = 5  # so many tell what is usual: what waited is told from what worked, and
_LOGS_EVERY = 8  # solutions: of many samples mean and deviation need not be new each time
_COMPARES = 8  # a jump from what was before
_FALL_BY, _FALLS_FROM = (
    math.log(1.5),
    1.28,
)  # the newest two so far down are the beginning of a jump: times, and deviations
_JUMP_BY = 1.5  # times: less is drift, which the line follows anyway, with its past
_LASTS = 40  # waits in a row are no queue
_MORE_ALIKE = 0.8  # times the variation of the ratios has that of the seconds, where it is a queue
_NEWEST_WAITS = 16
_TOLD_APART = 12  # with something ahead, and with nothing: fewer say less than all together
_SHORTEST_S = 1e-6
_NEVER_0 = 1e-9

_Kept = list[bool] | None  # of the window; None: all


class Trend:
    """One kind of duration of one deployment. `now` is seconds since the epoch."""

    def __init__(self, *, queues: bool = False, waits: bool = True, lately_s: float = LATELY_S) -> None:
        """`queues`: what a sample's last part counts is ahead of it; those with something ahead spread otherwise.

        `waits`: what takes far longer than the line says has waited; else it is of the spread as any other.
        """
        self.measured_at = 0.0
        self.is_new = False  # since `line` was asked for
        self.fades = False  # as of then: a queue was there, and is forgotten with time
        self.falls: float | None = None  # as of then: how far down the newest samples are, like the beginning of a jump
        self.newest: float | None = None  # as of then: the newest over what is predicted for 95 of 100; None if cut off
        self._queues, self._waits, self._lately_s = queues, waits, lately_s
        self._fit = ForgettingFit(last_unit=AHEAD_UNIT) if queues else ForgettingFit()
        self._jump = Jump()
        self._window: deque[Sample] = deque(maxlen=NEWEST)
        self._new: list[Sample] = []  # since `line` was asked for: the line learns them then, all at once
        self._ahead: deque[bool] = deque(maxlen=NEWEST)  # of each in the window, whether something was ahead of it
        self._logs, self._to_logs = (0.0, 0.0), 0  # of the ratios; worked out anew after so many solutions
        self._logs_by_ahead = [self._logs, self._logs]  # of those with nothing ahead, and with something
        self._waited = 0  # of the window, as of then
        self._added = 0  # samples, and the number of the newest that
        self._cut_off_at = self._queued_at = -NEWEST  # was cut off, and that had something ahead
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
        sample = (now, prompt_tokens, in_flight, output_tokens, seconds, cut_off)
        self._window.append(sample)
        self._new.append(sample)
        is_queued = self._queues and output_tokens > 0.0
        self._ahead.append(is_queued)
        self._added += 1
        if cut_off:
            self._cut_off_at = self._added
        if is_queued:
            self._queued_at = self._added

    def line(self, now: float) -> Line | None:
        """The line and its spread as they are now; None without samples."""
        if self.is_new or self.fades:
            self.is_new = False
            self._line = self._solved(now)
        return self._line

    def _solved(self, now: float) -> Line:
        window = self._window
        while len(window) - self._waited > AT_LEAST and window[0][0] < self.measured_at - self._lately_s:
            self._forget()
        self._jump.add(self._fit.learn(self._new), [sample[5] for sample in self._new])
        self._new.clear()
        self._fit.solve()
        ratios = self._fit.ratios(window)
        if self._has_jumped(ratios):
            ratios = self._fit.ratios(window)
        in_order = sorted(ratios)
        seen = self._seen(ratios, in_order)
        most = bound(seen) if self._waits and len(seen) >= _TELLS else math.inf
        waited = [] if in_order[-1] <= most else [which for which, ratio in enumerate(ratios) if ratio > most]
        self._waited = len(waited)
        quick = in_order[: len(in_order) - len(waited)]
        if self._to_logs <= 0 or len(ratios) < ENOUGH:
            self._logs_of(quick if waited else seen, ratios, most)
        self._to_logs -= 1
        if waited:
            spread, queued, wait_s = self._with_waits(ratios, quick, waited, most, now)
        else:
            self.fades, wait_s = False, NO_WAIT
            spread, queued = self._spreads(ratios, quick, SHARES, None)
        if len(ratios) >= _COMPARES:
            self._jump.expect(*self._logs)
        self.falls = self._falling(ratios)
        base, prompt, others, output = self._fit.coefficients
        _, _, _, its_ahead, seconds, was_cut_off = window[-1]
        last = seconds / ratios[-1] * (queued if queued is not None and its_ahead else spread).p95 + wait_s.p95
        self.newest = None if was_cut_off else short(seconds / max(last, _NEVER_0))
        return Line(
            short(base), short(prompt), short(others), spread, short(output), wait_s=wait_s, queued_spread=queued
        )

    def _forget(self) -> None:
        """The oldest."""
        self._window.popleft()
        self._ahead.popleft()

    def _seen(self, ratios: list[float], in_order: list[float]) -> list[float]:
        """Of the ratios in their order those that came in full; all where none did."""
        if not self._holds(self._cut_off_at):
            return in_order
        full = [ratio for ratio, sample in zip(ratios, self._window, strict=True) if not sample[5]]
        return in_order if len(full) in (0, len(ratios)) else sorted(full)

    def _holds(self, number: int) -> bool:
        """Whether that sample is in the window."""
        return self._added - number < len(self._window)

    def _has_jumped(self, ratios: list[float]) -> bool:
        """Whether it answers unlike before: then only the newest samples stay, and the line is moved to them.

        Waits one after the other are a queue first, where their seconds are more alike than their ratios: that goes as it
        came, and what is known of the work stays.
        """
        run = min(self._jump.up or self._jump.down, len(ratios) - 1)
        if run <= 0:
            return False
        newest, usual = ratios[-run:], median(ratios[:-run])
        times = median(newest) / usual
        off = [
            sample[4] * (1.0 - usual / ratio) for sample, ratio in zip(list(self._window)[-run:], newest, strict=True)
        ]
        by_seconds = _variation(off) < _MORE_ALIKE * _variation(newest)
        self._jump.begin()
        self._to_logs = 0
        if 1.0 / _JUMP_BY < times < _JUMP_BY:
            return False
        if times > 1.0 and by_seconds:
            most = bound(sorted(ratios))
            if 0 < in_a_row(ratios, most) < _LASTS:
                return False
        if by_seconds:
            self._fit.shift(median(off))
        else:
            self._fit.jump(times)
        while len(self._window) > run:
            self._forget()
        self._fit.learn(self._window)
        self._fit.solve()
        return True

    def _logs_of(self, worked: list[float], ratios: list[float], most: float) -> None:
        """Of the work mean and deviation of logarithms: of all, and of those with nothing ahead and with something."""
        self._logs, self._to_logs = logarithms(worked), _LOGS_EVERY
        if self._holds(self._queued_at):
            told = [(ratio, its) for ratio, its in zip(ratios, self._ahead, strict=True) if ratio <= most]
            parts = ([ratio for ratio, its in told if its is which] for which in (False, True))
            self._logs_by_ahead = [logarithms(part) if part else self._logs for part in parts]

    def _with_waits(
        self, ratios: list[float], quick: list[float], waited: list[int], most: float, now: float
    ) -> tuple[Quantiles, Quantiles | None, Quantiles]:
        """Where some waited: the spreads of the others, and the waits in seconds. `waited`: which in the window."""
        window, middle, age_s = self._window, quick[len(quick) // 2], now - self.measured_at
        of_waits = chance(waited, len(window), age_s)
        self.fades = waited[-1] == len(window) - 1 and age_s < FORGOTTEN_S
        works = [share / (1.0 - of_waits) for share in SHARES if share < 1.0 - of_waits]
        told_apart = self._holds(self._queued_at) or self._holds(self._cut_off_at)
        kept = [ratio <= most for ratio in ratios] if told_apart else None
        spread, queued = self._spreads(list(compress(ratios, kept)) if kept else ratios, quick, works, kept)
        newest = waited[-_NEWEST_WAITS:]
        seconds = kaplan_meier(
            [window[which][4] * (1.0 - middle / ratios[which]) for which in newest],
            [window[which][5] for which in newest],
            [1.0 - (1.0 - share) / of_waits for share in SHARES[len(works) :]],
        )
        return spread, queued, Quantiles(*[0.0] * len(works), *map(short, seconds))

    def _spreads(
        self, ratios: list[float], in_order: list[float], shares: Sequence[float], kept: _Kept
    ) -> tuple[Quantiles, Quantiles | None]:
        """Of those with nothing ahead, and of those with something, if such are told apart. `kept`: of the window, or all."""
        ahead = _of(self._ahead, kept) if self._holds(self._queued_at) else ()
        cut_off = _of([sample[5] for sample in self._window], kept) if self._holds(self._cut_off_at) else ()
        queued = sum(ahead)
        if not _TOLD_APART <= queued <= len(ratios) - _TOLD_APART:
            return _spread(ratios, in_order, cut_off, self._logs, shares), None
        free = list(map(not_, ahead))
        nothing_ahead, some_ahead = list(compress(ratios, free)), list(compress(ratios, ahead))
        logs = self._logs_by_ahead
        return (
            _spread(nothing_ahead, sorted(nothing_ahead), list(compress(cut_off, free)), logs[0], shares),
            _spread(some_ahead, sorted(some_ahead), list(compress(cut_off, ahead)), logs[1], shares),
        )

    def _falling(self, ratios: list[float]) -> float | None:
        """Of the newest two the larger, over what is usual, where both are far below it."""
        if len(ratios) < _COMPARES or self._window[-1][5] or self._window[-2][5]:
            return None
        mean, sigma = self._logs
        newest = math.log(max(ratios[-1], ratios[-2])) - mean
        return short(math.exp(newest)) if newest <= min(-_FALLS_FROM * sigma, -_FALL_BY) else None


def _of(all_of_them: Sequence[bool], kept: _Kept) -> Sequence[bool]:
    return all_of_them if kept is None else list(compress(all_of_them, kept))


def _spread(
    ratios: list[float],
    in_order: list[float],
    cut_off: Sequence[bool],
    logs: tuple[float, float],
    shares: Sequence[float],
) -> Quantiles:
    """At `SHARES`; those for which there is no share, as the largest before them."""
    found = kaplan_meier(ratios, cut_off, shares) if True in cut_off else quantiles(in_order, shares, *logs)
    if len(found) < len(SHARES):
        found += [max(found, default=in_order[len(in_order) // 2])] * (len(SHARES) - len(found))
    return Quantiles(*map(short, found))


def _variation(numbers: list[float]) -> float:
    """The deviation over the mean."""
    mean = abs(fmean(numbers))
    return pstdev(numbers) / mean if mean else math.inf


def short(number: float) -> float:
    """Rounded: four digits are more than is known, and keep records small."""
    return float(f"{number:.4g}") if number > _NEVER_0 else 0.0
