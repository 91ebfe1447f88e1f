"""Forecast: what one reading of one deployment means for every request of a class, worked out once per reading.

Between two decisions nearly all readings are the same objects, so that what is left for a decision is a few sums: costs
and times are linear in the tokens of prompt and output, unless a price has tiers.
"""

import math
from collections.abc import Sequence

import msgspec

from gateway.routing.cost import Rates, flat_rates
from gateway.routing.filters import clear_of_all, is_as_clear
from gateway.values.deployment import Deployment, Hosting
from gateway.values.request import Facts
from gateway.values.slo import Slo
from gateway.values.snapshot import Reading

STALE_AFTER_S = 600.0  # older latency readings are none

# in the order in which the loop of `decide` takes them apart
Forecast = tuple[
    Reading,
    float,  # from when on filters need not be asked, seconds since the epoch; of requests of at most so many
    float,  # tokens of prompt and output,
    float,  # and output tokens (`gateway.routing.filters`)
    float | None,  # the provider's count of prompt tokens over our estimate
    bool,  # whether the rates are flat; else they are unknown, or by tier
    float,  # rates: at the most for a prompt token,
    float,  # and for an output token,
    float,  # as usual for a prompt token,
    float,  # and for an output token,
    float,  # and for the request
    float | None,  # output tokens of a choice that are to be expected
    float | None,  # first output: seconds,
    float,  # and seconds per prompt token
    float | None,  # in all: seconds,
    float,  # and per prompt token,
    float,  # and per output token
    float,  # these hold until
    float | None,  # quality
    float,  # output tokens of a choice after the first, at the objective's percentile; infinite if unknown
    float,  # for others at an own server: of the first output, seconds,
    float,  # and of the whole, seconds,
    float,  # and per output token
]


_NO_RATES: Rates = (0.0, 0.0, 0.0, 0.0, 0.0)


class Percentiles(msgspec.Struct, frozen=True):
    """The percentiles at which a rule wants to know: its objective's."""

    first: int = 95
    total: int = 95


def percentiles(slo: Slo | None) -> Percentiles:
    """Those of the objective's targets; 95 where it has none."""
    if slo is None:
        return Percentiles()
    first = slo.first_output.percentile if slo.first_output is not None else None
    total = slo.total.percentile if slo.total is not None else None
    return Percentiles(first or total or 95, total or first or 95)


def forecast(
    deployment: Deployment, reading: Reading, facts: Facts, slo: Slo | None, before: Forecast | None = None
) -> Forecast:
    """Of this class of requests: its needs, its service tier, whether it is a stream and its tokens are exact. `before`: the
    one of the same deployment and class that this replaces.
    """
    at = percentiles(slo)
    latency = reading.latency
    rates = flat_rates(deployment, reading, facts)
    clear: Sequence[float]
    if before is not None and is_as_clear(before[0], reading):
        clear = before[1:4]
    else:
        found = clear_of_all(deployment, reading)
        clear = (found.since, found.tokens, found.output_tokens)
    first = total = None
    fresh_until = math.inf
    if latency is not None:
        first = latency.first_output_line(reading.in_flight, at.first, reading.ahead_tokens)
        total = latency.total_line(reading.in_flight, at.total, facts.stream, reading.ahead_tokens)
        fresh_until = latency.measured_at + STALE_AFTER_S
        if reading.wait_s:  # the latency was learned without it
            first = first and (first[0] + reading.wait_s, first[1])
            total = total and (total[0] + reading.wait_s, total[1], total[2])
    return (
        reading,
        *clear,
        None if facts.exact_tokens else reading.prompt_token_ratio,
        rates is not None,
        *(rates or _NO_RATES),
        reading.output_tokens,
        *(first or (None, 0.0)),
        *(total or (None, 0.0, 0.0)),
        fresh_until,
        deployment.quality if reading.quality is None else reading.quality,
        math.inf if (length := length_at(reading, at.total)) is None else max(length - 1.0, 0.0),
        *_of_others(deployment, reading, facts, at, total),
    )


def _of_others(
    deployment: Deployment, reading: Reading, facts: Facts, at: Percentiles, total: tuple[float, ...] | None
) -> tuple[float, float, float]:
    """What others there cost a request at an own server, as far as was learned: seconds by which its first output is
    later than if it were alone; and the same of the whole, so many, and so many for each output token after the first.
    """
    if deployment.hosting is not Hosting.SELF_HOSTED:
        return 0.0, 0.0, 0.0
    wait_s, latency = reading.wait_s or 0.0, reading.latency
    first_s, whole_s, token_s = wait_s, wait_s, 0.0
    if latency is not None:
        if facts.stream and (first := latency.first_output_line(reading.in_flight, at.first, reading.ahead_tokens)):
            alone = latency.first_output_line(0, at.first)
            first_s += max(first[0] - alone[0], 0.0) if alone is not None else 0.0
        alone_in_all = latency.total_line(0, at.total, facts.stream)
        if total is not None and alone_in_all is not None:
            whole_s = max(total[0] - alone_in_all[0], 0.0)
            token_s = max(total[2] - alone_in_all[2], 0.0)
    return first_s, whole_s, token_s


def length_at(reading: Reading, percentile: int) -> float | None:
    """Output tokens of a choice that, at the pace of this percentile, make the total of this percentile.

    Lengths and paces both vary, and to be long and slow at once is rarer than either: of two independent log-normal
    spreads the logarithms add up as squares. The mean where lengths are unknown; None where that is, too.
    """
    lengths = reading.output_lengths
    if lengths is None:
        return reading.output_tokens
    long, pace = lengths.at(percentile), reading.latency.output_token if reading.latency is not None else None
    if pace is None or not 0.0 < pace.p50 < (slow := pace.at(percentile)) or not 0.0 < lengths.p50 < long:
        return long
    slower = slow / pace.p50
    return lengths.p50 * math.exp(math.hypot(math.log(long / lengths.p50), math.log(slower))) / slower
