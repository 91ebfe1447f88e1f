"""A self-hosted server's behaviour, fitted to recorded attempts, which show who else was there at each moment.

Generating: an answer's time after its first output, less what was worked on of other prompts meanwhile, is so many steps,
each longer by every sequence beside it: a line in both. Prompts: of those that found no other before them, the time to the
first output is a line in their tokens. Seats are not seen in times: the number is taken with which a replay of the record
comes nearest to it.
"""

import bisect
import itertools
import math
from collections.abc import Sequence
from statistics import median

from msgspec.structs import replace

from gateway.insight.fit_commercial import failures
from gateway.insight.least_squares import nonnegative
from gateway.insight.replayed import error_of, replayed
from gateway.insight.sample import Sample
from gateway.insight.world import Batching, Behaviour

_LONG = 8  # output tokens from which on an answer shows its pace
_LEAST_S = 1e-4
_SEATS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
_MOST_REPLAYED = 3000
_EQUALLY, _NOTHING = 1.01, 1e-4  # errors that do not differ
_BATCHED = 2048  # prompt tokens in a step, as vLLM has it
_ENOUGH = 20  # prompts, of those that found the fewest there
_AGREEING, _TRIMS = 0.6, 10
_ROUNDS = 4
_MOST_TIMES = 4.0  # that an overhead is taken to be off the usual one
_MIDDLE_OF_NORMAL = 0.6745  # half of what is normal lies within so many deviations


def fit_batching(samples: Sequence[Sample]) -> Behaviour:
    """From attempts in the order of time, some of them streams that were answered in full."""
    by_address: dict[int, list[Sample]] = {}
    for one in samples:
        by_address.setdefault(one.address, []).append(one)
    timelines = [_Timeline(of) for of in by_address.values()]
    step_s = per_sequence_s = overhead_s = per_token_s = sigma = 0.0
    for _ in range(_ROUNDS):  # each of the two needs a little of the other
        overhead_s, per_token_s, sigma = _prompts(timelines, step_s, per_sequence_s)
        step_s, per_sequence_s = _steps(timelines, per_token_s)
    found = Batching(
        prefill_tokens_per_s=1.0 / per_token_s,
        step_s=step_s,
        step_per_sequence_s=per_sequence_s,
        batched_tokens=_BATCHED,
        overhead_s=overhead_s,
        overhead_sigma=sigma,
        max_running=max(line.most for line in timelines),
    )
    largest = max(by_address.values(), key=len)[-_MOST_REPLAYED:]
    return Behaviour(self_hosted=_with_seats(found, largest), failures=failures(samples))


class _Timeline:
    """One address: who generated when, and which prompts were done when."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = [one for one in samples if one.stream]
        begun = [(one, one.began + one.first_s) for one in self.samples if one.first_s is not None]
        ends = [(one.began + one.total_s, -1) for one, _ in begun]
        count = 0
        self._times: list[float] = []
        self._counts: list[int] = []
        self._areas: list[float] = []  # under the counts until then
        area, last = 0.0, 0.0
        for moment, change in sorted([*((first, 1) for _, first in begun), *ends]):
            area += count * (moment - last) if self._times else 0.0
            last, count = moment, count + change
            self._times.append(moment)
            self._counts.append(count)
            self._areas.append(area)
        firsts = sorted((first, one.prompt_tokens) for one, first in begun)
        self.firsts = [first for first, _ in firsts]
        self._work = [0.0, *itertools.accumulate(float(tokens) for _, tokens in firsts)]
        moves = sorted([*((one.began, 1) for one in samples), *((one.began + one.total_s, -1) for one in samples)])
        self.most = max(max(itertools.accumulate(change for _, change in moves), default=1), 1)

    def generating(self, moment: float) -> int:
        at = bisect.bisect_right(self._times, moment) - 1
        return self._counts[at] if at >= 0 else 0

    def mean_generating(self, start: float, end: float) -> float:
        return (self._area(end) - self._area(start)) / (end - start)

    def prompt_tokens(self, start: float, end: float) -> float:
        """Of the prompts that were done after one moment, up to another."""
        return self._work[bisect.bisect_right(self.firsts, end)] - self._work[bisect.bisect_right(self.firsts, start)]

    def first_before(self, moment: float) -> float:
        """When the newest first output before that came; 0 if none did."""
        at = bisect.bisect_left(self.firsts, moment) - 1
        return self.firsts[at] if at >= 0 else 0.0

    def _area(self, moment: float) -> float:
        at = bisect.bisect_right(self._times, moment) - 1
        return 0.0 if at < 0 else self._areas[at] + self._counts[at] * (moment - self._times[at])


def _steps(timelines: Sequence[_Timeline], per_token_s: float) -> tuple[float, float]:
    """Seconds of a step, and more for each sequence, beside the prompts that were worked on meanwhile."""
    rows, seen = [], []
    for line in timelines:
        for one in line.samples:
            if not one.is_whole_stream or one.first_s is None or one.output_tokens < _LONG:
                continue
            start, end = one.began + one.first_s, one.began + one.total_s
            if end - start < _LEAST_S:
                continue
            steps = one.output_tokens - 1
            rows.append((steps, steps * line.mean_generating(start, end)))
            seen.append(max(end - start - line.prompt_tokens(start, end) * per_token_s, (end - start) / 4))
    if not rows:  # answers so short show no pace, and need none
        return _LEAST_S, 0.0
    step_s, per_sequence_s = nonnegative(rows, seen)
    return max(step_s, _LEAST_S), per_sequence_s


def _prompts(timelines: Sequence[_Timeline], step_s: float, per_sequence_s: float) -> tuple[float, float, float]:
    """Seconds before the work on a prompt, and for each of its tokens beside the steps that go on meanwhile; and how far the
    first of the two spreads.

    Of those that came while few were there and no other prompt was before them; and as some will have waited for a seat
    all the same, of the greater part of them that agrees best (least trimmed squares).
    """
    shown: list[tuple[int, bool, float, float]] = []  # load, whether no other prompt was before it, its tokens, seconds
    for line in timelines:
        for one in line.samples:
            if one.first_s is not None:
                load = line.generating(one.began)
                seconds = max(one.first_s, _LEAST_S)
                beside = one.prompt_tokens / _BATCHED * (step_s + per_sequence_s * load)
                is_alone = line.first_before(one.began + one.first_s) <= one.began
                shown.append((load, is_alone, float(one.prompt_tokens), max(seconds - beside, seconds / 2)))
    taken = sorted([one for one in shown if one[1]] or shown)
    taken = taken[: max(len(taken) // 2, _ENOUGH)]
    rows, seen = [(1.0, one[2]) for one in taken], [one[3] for one in taken]
    overhead_s, per_token_s = nonnegative(rows, seen)
    for _ in range(_TRIMS):
        errors = [abs(overhead_s + per_token_s * row[1] - value) / value for row, value in zip(rows, seen, strict=True)]
        limit = sorted(errors)[int(len(errors) * _AGREEING)]
        kept = [at for at, error in enumerate(errors) if error <= limit]
        overhead_s, per_token_s = nonnegative([rows[at] for at in kept], [seen[at] for at in kept])
    return overhead_s, max(per_token_s, 1e-7), _spread(overhead_s, per_token_s, rows, seen)


def _spread(overhead_s: float, per_token_s: float, rows: Sequence[tuple[float, float]], seen: Sequence[float]) -> float:
    """Of the logarithm, from the middle deviation: those who waited for a seat say nothing of it."""
    if overhead_s < _LEAST_S:
        return 0.0
    least = overhead_s / _MOST_TIMES
    logs = [
        abs(math.log(min(max(value - per_token_s * row[1], least), overhead_s * _MOST_TIMES) / overhead_s))
        for row, value in zip(rows, seen, strict=True)
    ]
    return median(logs) / _MIDDLE_OF_NORMAL


def _with_seats(found: Batching, samples: Sequence[Sample]) -> Batching:
    """With the seats that explain the record best; of those that do so equally well the most, as nothing showed a bound."""
    most = found.max_running
    errors: dict[int, float] = {}

    def error(seats: int) -> float:
        if seats not in errors:
            behaviour = Behaviour(self_hosted=replace(found, max_running=seats))
            errors[seats] = error_of(replayed(behaviour, samples), samples)
        return errors[seats]

    coarse = [*(seats for seats in _SEATS if seats < most), most]
    at = min(range(len(coarse)), key=lambda index: error(coarse[index]))
    low, high = coarse[max(at - 1, 0)], coarse[min(at + 1, len(coarse) - 1)]
    while high - low > 2:
        third = (high - low) // 3
        if error(low + third) <= error(high - third):
            high -= third
        else:
            low += third
    for seats in range(low, high + 1):
        error(seats)
    least = min(errors.values())
    return replace(found, max_running=max(seats for seats, one in errors.items() if one <= least * _EQUALLY + _NOTHING))
