"""A commercial deployment's behaviour, fitted to recorded attempts.

Times to the first output are log-normal around a line in the prompt's tokens. An attempt that was cut off before its
output came took at least so long: its logarithm counts as what it is to be expected given that (expectation
maximisation, as in Tobit's model), else a deployment whose slow answers all time out would look fast.
"""

import math
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist, fmean, median

from gateway.insight.least_squares import nonnegative
from gateway.insight.sample import Sample
from gateway.insight.world import Behaviour, Failures, FirstOutput, RateLimits, Service, Spread
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome

_ROUNDS = 15
_LONG = 8  # output tokens from which on an answer shows its pace
_LEAST_S = 1e-4
_MOST_SIGMA = 3.0
_MINUTE_S = 60.0
_normal = NormalDist()
CUT_OFF = frozenset({
    Outcome.NO_SIGN_OF_LIFE, Outcome.FIRST_OUTPUT_TIMEOUT, Outcome.TOTAL_TIMEOUT, Outcome.LIMIT_PASSED,
    Outcome.HEDGE_LOST, Outcome.DEADLINE_EXCEEDED, Outcome.CALLER_LEFT,
})  # fmt: skip
_AS = {
    Outcome.CONNECT_FAILED: "connect_failed", Outcome.CONNECT_TIMEOUT: "connect_failed",
    Outcome.CONNECTION_LOST: "connection_lost", Outcome.OVERLOADED: "overloaded",
    Outcome.NO_SIGN_OF_LIFE: "silent", Outcome.FIRST_OUTPUT_TIMEOUT: "silent", Outcome.TOTAL_TIMEOUT: "silent",
}  # fmt: skip


def fit_commercial(samples: Sequence[Sample]) -> Behaviour:
    """From attempts in the order of time, some of them answered in full. Where there are streams, from those."""
    fitted = _of_streams if any(one.is_whole_stream for one in samples) else _of_whole_answers
    first_output, output_token = fitted(samples)
    return Behaviour(
        commercial=Service(first_output=first_output, output_token=output_token, limits=_limits(samples)),
        failures=failures(samples),
    )


def _of_streams(samples: Sequence[Sample]) -> tuple[FirstOutput, Spread]:
    times = [(one.prompt_tokens, max(one.first_s, _LEAST_S), False) for one in samples if one.first_s is not None]
    times += [
        (one.prompt_tokens, max(one.total_s, _LEAST_S), True)
        for one in samples
        if one.first_s is None and one.stream and one.outcome in CUT_OFF
    ]
    line, sigma = _first_output(times)
    paces = [
        math.log(max(one.total_s - one.first_s, _LEAST_S) / (one.output_tokens - 1))
        for one in samples
        if one.is_whole_stream and one.first_s is not None and one.output_tokens >= _LONG
    ]
    if not paces:  # answers so short show no pace, and need none
        paces = [math.log(_LEAST_S)]
    pace = fmean(paces)
    return (
        FirstOutput(median_s=line[0], per_prompt_token_s=line[1], sigma=sigma),
        Spread(median_s=math.exp(pace), sigma=_deviation([one - pace for one in paces])),
    )


def _of_whole_answers(samples: Sequence[Sample]) -> tuple[FirstOutput, Spread]:
    """A line in the tokens of prompt and output; the spread around it is taken for that of both its parts."""
    whole = [one for one in samples if one.is_whole]
    rows = [(1.0, one.prompt_tokens, max(one.output_tokens - 1, 0)) for one in whole]
    seen = [max(one.total_s, _LEAST_S) for one in whole]
    base, per_prompt, per_output = nonnegative(rows, seen)
    base, per_output = max(base, _LEAST_S), max(per_output, _LEAST_S / 10)
    residuals = [
        math.log(value / (base + per_prompt * row[1] + per_output * row[2]))
        for row, value in zip(rows, seen, strict=True)
    ]
    shift = math.exp(fmean(residuals))
    sigma = _deviation([one - math.log(shift) for one in residuals])
    return (
        FirstOutput(median_s=base * shift, per_prompt_token_s=per_prompt * shift, sigma=sigma),
        Spread(median_s=per_output * shift, sigma=sigma),
    )


def failures(samples: Sequence[Sample]) -> Failures:
    """The share of attempts that failed by the provider's fault, but for being told of a rate; the commonest way and time."""
    failed = [
        one
        for one in samples
        if CONSEQUENCES[one.outcome].fault is Fault.PROVIDER
        and one.outcome not in (Outcome.RATE_LIMITED, Outcome.LIMIT_PASSED)
    ]
    if not failed:
        return Failures()
    ways = Counter(_AS.get(one.outcome, "server_error") for one in failed)
    way = ways.most_common(1)[0][0]
    return Failures(
        share=len(failed) / len(samples),
        outcome=way,  # type: ignore[arg-type]  # one of the words above
        after_s=median(one.total_s for one in failed),
    )


def _first_output(times: Sequence[tuple[int, float, bool]]) -> tuple[tuple[float, float], float]:
    """The line (median for no prompt, and per token) and the deviation of the logarithm."""
    logs = [math.log(seconds) for _, seconds, _ in times]
    line, sigma = (math.exp(fmean(logs)), 0.0), 0.5
    for _ in range(_ROUNDS):
        expected = []
        for (prompt, _, is_cut), log in zip(times, logs, strict=True):
            middle = math.log(line[0] + line[1] * prompt)
            expected.append(_beyond(log, middle, sigma) if is_cut else log)
        # relative errors of seconds are, while small, errors of the logarithm; the mean of exp is not exp of the mean
        base, per_token = nonnegative([(1.0, one[0]) for one in times], [math.exp(one) for one in expected])
        base = max(base, _LEAST_S)
        residuals = [one - math.log(base + per_token * time[0]) for one, time in zip(expected, times, strict=True)]
        shift = math.exp(fmean(residuals))
        line = (base * shift, per_token * shift)
        sigma = _deviation([one - math.log(shift) for one in residuals])
    return line, sigma


def _beyond(least: float, middle: float, sigma: float) -> float:
    """The mean of a normal variable that is known to be at least so large."""
    if sigma <= 0:
        return max(least, middle)
    z = (least - middle) / sigma
    above = 1.0 - _normal.cdf(z)
    return middle + sigma * _normal.pdf(z) / above if above > 1e-9 else least


def _deviation(residuals: Sequence[float]) -> float:
    return min(math.sqrt(fmean(one * one for one in residuals)), _MOST_SIGMA)


def _limits(samples: Sequence[Sample]) -> RateLimits:
    """Where a rate was told of: as many as were let through in a minute before. Else none is known."""
    refused = [one.began for one in samples if one.outcome is Outcome.RATE_LIMITED]
    if not refused:
        return RateLimits()
    let_through = [one.began for one in samples if one.outcome is not Outcome.RATE_LIMITED]
    return RateLimits(requests_per_minute=float(max(most_in(let_through, _MINUTE_S), 1)))


def most_in(moments: Sequence[float], seconds: float) -> int:
    """The most of these in any stretch so long."""
    in_order, start, most = sorted(moments), 0, 0
    for end, moment in enumerate(in_order):
        while in_order[start] <= moment - seconds:
            start += 1
        most = max(most, end - start + 1)
    return most
