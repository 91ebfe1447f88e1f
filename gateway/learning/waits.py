"""Waits: samples that took far longer than the work they were. Time in a queue is no multiple of service time.

A queue comes and goes: whoever met none says that there is none now, and whoever met one that it is there. So what counts
is how often a wait followed a quick answer, and how often another wait (a chain of two states). What the newest answer
says fades: a queue that nobody has seen for a few seconds may be gone.
"""

import math
from itertools import pairwise

from gateway.learning.spread import USUAL_FROM, USUAL_SIGMA

BEYOND_SIGMA, BEYOND_TIMES = 4.5, 2.0  # deviations, and times the middle, from where on it is a wait
FADES_S = 2.0  # what is known of a queue is worth half after that
FORGOTTEN_S = 10 * FADES_S  # nothing is left of it
_LOWER_FIFTH = 0.8416  # deviations from the middle
_BEGUN, _OUT_OF = 0.2, 25.0  # waits that began, of so many quick answers, before any was seen: one alone proves nothing
_STAYED, _OUT_OF_WAITS = 1.0, 2.0  # the same of waits after a wait


def bound(in_order: list[float]) -> float:
    """The ratio from where on a sample is a wait. By the lower half alone: a queue makes nothing faster."""
    count = len(in_order)
    middle, low = in_order[count // 2], in_order[count // 5]
    deviation = math.log(middle / low) / _LOWER_FIFTH if middle > low else 0.0
    known = USUAL_FROM + count
    sigma = math.sqrt((USUAL_FROM * USUAL_SIGMA**2 + count * deviation * deviation) / known)
    return middle * max(math.exp(BEYOND_SIGMA * sigma), BEYOND_TIMES)


def chance(waited: list[int], count: int, age_s: float) -> float:
    """That the next one waits, where of `count` these did, in order of time; the newest came `age_s` ago."""
    is_last = waited[-1] == count - 1
    stayed = sum(second - first == 1 for first, second in pairwise(waited))
    waits, began = len(waited) - is_last, len(waited) - stayed - (waited[0] == 0)
    quick = (began + _BEGUN) / (count - 1 - waits + _OUT_OF)
    if not is_last:
        return quick
    again = (stayed + _STAYED) / (waits + _OUT_OF_WAITS)
    return quick + max(again - quick, 0.0) * math.exp2(-max(age_s, 0.0) / FADES_S)


def in_a_row(ratios: list[float], most: float) -> int:
    """So many of the newest waited, one after the other."""
    return next((newer for newer, ratio in enumerate(reversed(ratios)) if ratio <= most), len(ratios))
