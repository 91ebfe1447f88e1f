"""When a request's answer counts as late, so that a second attempt may start beside the first (Dean and Barroso, The Tail
at Scale, CACM 2013: hedge after the 95th percentile, and the cost stays at some percent).
"""

from collections.abc import Sequence

from gateway.routing.forecast import STALE_AFTER_S
from gateway.values.decision import Candidate, Tier
from gateway.values.hedge import Hedge
from gateway.values.request import Facts
from gateway.values.snapshot import Reading

_MEDIAN = 50


def hedge_after(hedge: Hedge, facts: Facts, ranked: Sequence[Candidate], now: float) -> float | None:
    """Seconds from an attempt's beginning; None if there is no second candidate's time to tell lateness by.

    A first candidate that is not expected to do well, like one that is probed, is measured by the best that is, and by
    its median: the request should not pay for the probe. But one that has to show that it is alive is waited for.
    """
    if ranked and (probed := ranked[0].reading) is not None and probed.admissibility.see_through:
        return None
    if hedge.after_s is not None or not ranked:
        return hedge.after_s
    first, *others = ranked
    well = [one for one in others if one.tier is Tier.READY]
    if first.tier is Tier.READY or not well:
        return _answer_s(first.reading, facts, hedge.percentile, now)
    times = [_answer_s(one.reading, facts, _MEDIAN, now) for one in well]
    return min((seconds for seconds in times if seconds is not None), default=None)


def _answer_s(reading: Reading | None, facts: Facts, percentile: int, now: float) -> float | None:
    """To a stream's first output, or a whole answer's end."""
    if reading is None or (latency := reading.latency) is None or now > latency.measured_at + STALE_AFTER_S:
        return None
    ratio = 1.0 if facts.exact_tokens else reading.prompt_token_ratio or 1.0
    prompt = round(facts.prompt_tokens * ratio)
    if facts.stream:
        seconds = latency.first_output_at(prompt, reading.in_flight, percentile, reading.ahead_tokens)
    else:
        seconds = latency.total_at(prompt, reading.in_flight, _output(reading, facts), percentile, stream=False)
    return None if seconds is None else seconds + (reading.wait_s or 0.0)


def _output(reading: Reading, facts: Facts) -> float | None:
    known = [float(one) for one in (reading.output_tokens, facts.max_output_tokens) if one is not None]
    return min(known, default=None)
