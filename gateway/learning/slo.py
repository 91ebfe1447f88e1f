"""How well each deployment keeps each rule's objective: attainment, burn rate, and who is ejected (outlier ejection).

An attempt is judged once, at its end. Attainment is counted in slices of time, so memory is bounded by rules times
deployments; a rule that is gone, or whose objective changed, starts anew.
"""

import heapq
from collections import deque
from collections.abc import Collection

from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.slo import Slo, SloReading, Target

SLICES = 60  # of a window
SHORT = SLICES // 12  # slices that are enough to pass over, if they hold:
ENOUGH = 3  # times `min_requests`
MISSES_ALMOST_ALL = 0.9  # ejected at this share, if its budget cannot burn so fast


def kept(  # noqa: PLR0913 - what an objective is about
    slo: Slo,
    outcome: Outcome,
    *,
    stream: bool,
    first_output_s: float | None,
    duration_s: float,
    output_tokens: float | None,
    held_by_caller: bool,
) -> bool | None:
    """Whether an attempt met every target; None if it does not count.

    A provider's fault misses. What is nobody's, or somebody else's, counts as far as it came: past a target it misses;
    cut off before one it says nothing. A whole answer has no first output and no pace. Of a stream whose caller read
    slowly only the first output is judged. `output_tokens` are those of one choice.
    """
    if CONSEQUENCES[outcome].fault is Fault.PROVIDER:
        return False
    complete = outcome is Outcome.OK
    waited = duration_s if first_output_s is None else first_output_s
    verdicts: list[bool | None] = []
    if stream and slo.first_output is not None:
        verdicts.append(_in_time(slo.first_output, waited, known=first_output_s is not None))
    if slo.output_token is not None and first_output_s is not None and not held_by_caller:
        pace = (duration_s - first_output_s) / (output_tokens - 1) if output_tokens and output_tokens > 1 else None
        verdicts.append((complete or None) if pace is None else pace <= slo.output_token.under_s)
    if slo.total is not None and not held_by_caller:
        verdicts.append(_in_time(slo.total, duration_s, known=complete))
    if False in verdicts:
        return False
    if None in verdicts:
        return None
    return True if verdicts or (complete and not held_by_caller) else None


def _in_time(target: Target, seconds: float, *, known: bool) -> bool | None:
    """None if it might still have been: it was cut off in time."""
    if seconds > target.under_s:
        return False
    return True if known else None


class SloBook:
    """One per process. Single-threaded. `now` is seconds since the epoch; a clock that jumps back stands still here."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}
        self._readings: dict[str, dict[str, SloReading]] = {}  # replaced, never changed
        self._ends: list[tuple[float, int, _Window]] = []  # a heap: when a slice of a window ends
        self._opened = 0

    def record(self, rule: str, deployment: str, slo: Slo, met: bool, now: float) -> None:  # noqa: FBT001
        """An attempt that counts ended."""
        window = self._windows.get((rule, deployment))
        if window is None or (window.slo is not slo and window.slo != slo):
            window = self._windows[rule, deployment] = _Window(rule, deployment, slo, now)
            self._opened += 1
            heapq.heappush(self._ends, (now + window.slice_s, self._opened, window))
        self._publish(window, window.add(met, now))

    def readings(self, now: float) -> dict[str, dict[str, SloReading]]:
        """By rule and deployment, those with something in their window. What is returned is never changed."""
        while self._ends and self._ends[0][0] <= now:
            _, number, window = heapq.heappop(self._ends)
            if self._windows.get((window.rule, window.deployment)) is not window:
                continue
            reading = window.move_to(now)
            self._publish(window, reading)
            if reading is None:
                del self._windows[window.rule, window.deployment]
            else:
                heapq.heappush(self._ends, (now + window.slice_s, number, window))
        return self._readings

    def forget_rules(self, gone: Collection[str]) -> None:
        """These rules are no more."""
        self._windows = {key: window for key, window in self._windows.items() if key[0] not in gone}
        self._readings = {rule: one for rule, one in self._readings.items() if rule not in gone}

    def adopt(self, other: "SloBook") -> None:
        """All that the other book holds; it is not used any more."""
        self._windows.update(other._windows)  # noqa: SLF001 - its own kind
        self._readings = {**self._readings, **other._readings}  # noqa: SLF001
        for ends, _, window in other._ends:  # noqa: SLF001
            self._opened += 1
            heapq.heappush(self._ends, (ends, self._opened, window))

    def _publish(self, window: "_Window", reading: SloReading | None) -> None:
        of_rule = dict(self._readings.get(window.rule, ()))
        if reading is not None:
            of_rule[window.deployment] = reading
        else:
            of_rule.pop(window.deployment, None)
        self._readings = {**self._readings, window.rule: of_rule}
        if not of_rule:
            del self._readings[window.rule]


class _Window:
    """Of one deployment under one rule: requests and misses by slice in a ring, and the newest verdicts."""

    def __init__(self, rule: str, deployment: str, slo: Slo, now: float) -> None:
        self.rule, self.deployment, self.slo = rule, deployment, slo
        self.slice_s = slo.window_s / SLICES
        self._start = now
        self._slice = 0  # the number of the present one, from 0
        self._requests = [0] * SLICES
        self._misses = [0] * SLICES
        self._all = self._missed = 0  # of the whole ring
        self._newest: deque[bool] = deque(maxlen=slo.probes_to_return)  # since it was ejected
        self._ejected = False

    def add(self, met: bool, now: float) -> SloReading | None:  # noqa: FBT001
        self._turn(now)
        at = self._slice % SLICES
        self._requests[at] += 1
        self._all += 1
        if not met:
            self._misses[at] += 1
            self._missed += 1
        if self._ejected:
            self._newest.append(met)
            if self._has_recovered():
                self._return()
        elif not met and self._burns_fast():
            self._ejected = True
            self._newest.clear()
        return self._reading()

    def move_to(self, now: float) -> SloReading | None:
        """None if it has emptied."""
        self._turn(now)
        return self._reading()

    def _reading(self) -> SloReading | None:
        if self._all == 0:
            return None
        attainment = round((self._all - self._missed) / self._all, 4)
        return SloReading(self._all, attainment, round(self._burn(self._missed, self._all), 4), self._ejected)

    def _burn(self, misses: int, requests: int) -> float:
        return misses / requests / self.slo.budget

    def _burns_fast(self) -> bool:
        slo = self.slo
        if self._all < slo.min_requests:
            return False
        fast = min(slo.pass_over_burn, MISSES_ALMOST_ALL / slo.budget)
        if self._burn(self._missed, self._all) >= fast:
            return True
        short = [number % SLICES for number in range(self._slice - SHORT + 1, self._slice + 1)]
        requests = sum(self._requests[at] for at in short)
        misses = sum(self._misses[at] for at in short)
        return requests >= slo.min_requests * ENOUGH and self._burn(misses, requests) >= fast

    def _has_recovered(self) -> bool:
        newest = self._newest
        return len(newest) == newest.maxlen and self._burn(newest.count(False), len(newest)) <= self.slo.return_burn

    def _return(self) -> None:
        """It starts with the verdicts that brought it back: what was before them is over."""
        self._ejected = False
        self._requests, self._misses = [0] * SLICES, [0] * SLICES
        at = self._slice % SLICES
        self._all = self._requests[at] = len(self._newest)
        self._missed = self._misses[at] = self._newest.count(False)

    def _turn(self, now: float) -> None:
        number = max(int((now - self._start) / self.slice_s), self._slice)
        for _ in range(min(number - self._slice, SLICES)):
            self._slice += 1
            at = self._slice % SLICES
            self._all -= self._requests[at]
            self._missed -= self._misses[at]
            self._requests[at] = self._misses[at] = 0
        self._slice = number
        if self._all == 0:
            self._ejected = False
