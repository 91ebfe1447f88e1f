"""How samples spread around their line: the ratios that hold for a share of the samples to come.

Few samples say little of their own tail: the largest of ten is as likely a rare one as a common one. So the fewer there
are, the more a log-normal tail through all of them counts instead, and a usual deviation is taken to have been seen before
any was. From `ENOUGH` on, the samples speak for themselves.
"""

import math
from collections.abc import Sequence
from operator import mul
from statistics import NormalDist

SHARES = (0.5, 0.9, 0.95, 0.99)
USUAL_SIGMA, USUAL_FROM = 0.3, 1.0  # the deviation of logarithms that is expected beforehand, and as how many samples
ENOUGH = 64
_NEVER_0 = 1e-9
_TAIL = 4.0
_NORMAL = NormalDist()
_DEVIATIONS = {share: _NORMAL.inv_cdf(share) for share in SHARES}
_MOST = 1 - 1e-4  # a share above is taken for this one


def logarithms(ratios: list[float]) -> tuple[float, float]:
    """The mean and the deviation of their logarithms; the fewer, the more of the usual deviation is in it."""
    logs = list(map(math.log, ratios))
    count = len(logs)
    mean = sum(logs) / count
    squares = max(sum(map(mul, logs, logs)) - count * mean * mean, 0.0)
    return mean, math.sqrt((USUAL_FROM * USUAL_SIGMA**2 + squares) / (USUAL_FROM + count - 1))


def quantiles(in_order: list[float], shares: Sequence[float], mean: float, sigma: float) -> list[float]:
    """The smallest ratios that hold for these shares of the samples to come, not only of those that were seen.

    `mean` and `sigma` are `logarithms` of them.
    """
    count = len(in_order)
    found = [in_order[min(math.ceil(share * (count + 1)), count) - 1] for share in shares]
    if count >= ENOUGH:
        return found
    weight = count / ENOUGH
    for place, share in enumerate(shares):
        deviations = _DEVIATIONS.get(share)
        if deviations is None:
            deviations = _NORMAL.inv_cdf(min(share, _MOST))
        drawn = mean + deviations * sigma * (1 + (deviations * deviations + 3) / (4 * (count + USUAL_FROM)))
        found[place] = math.exp(drawn + weight * (math.log(found[place]) - drawn))
    return found


def kaplan_meier(values: list[float], cut_off: Sequence[bool], shares: Sequence[float]) -> list[float]:
    """The same where some are only known to be at least so large (Kaplan and Meier); `shares` rise.

    A share that was not reached, because what is beyond was all cut off, lies on the exponential tail that the shares
    before it begin (Brown, Hollander and Korwar, 1974); it is taken for no more than `_TAIL` times the largest seen.
    """
    count = len(values)
    found: list[float] = []
    beyond = 1.0  # the share that is above the value at hand
    for index, (value, is_cut_off) in enumerate(in_order := sorted(zip(values, cut_off, strict=True))):
        if is_cut_off:
            continue
        beyond *= 1 - 1 / (count - index)
        while len(found) < len(shares) and 1 - beyond >= shares[len(found)] * (count + 1) / count - _NEVER_0:
            found.append(value)
    largest = in_order[-1][0]
    return found + [largest * _tail(share, beyond) for share in shares[len(found) :]]


def _tail(share: float, beyond: float) -> float:
    if beyond >= 1.0:
        return _TAIL
    if beyond <= 1.0 - share:  # only as the share of the samples to come was it not reached
        return 1.0
    return min(math.log(max(1.0 - share, _NEVER_0)) / math.log(beyond), _TAIL)
