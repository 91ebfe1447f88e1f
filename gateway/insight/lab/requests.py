"""Requests of the lab: when they come and how long they are, drawn from a seed.

Sizes follow the quantiles of an hour of a production conversation service (Azure's public LLM inference trace, CC-BY 4.0;
Patel et al., "Splitwise", ISCA 2024), prompts and outputs drawn independently: in the trace they hardly correlate (-0.11).
"""

import bisect
import itertools
import math
import zlib
from collections.abc import Iterator, Sequence

import msgspec

from gateway.insight.traffic import Arrival
from gateway.routing.chance import hashed, shares
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity

BEGAN = 1_700_000_000.0  # seconds since the epoch; any would do
MODEL = "chat"

# tokens at each twentieth of the requests
PROMPTS = (
    2,
    181,
    207,
    372,
    387,
    396,
    403,
    414,
    703,
    984,
    1020,
    1045,
    1071,
    1097,
    1130,
    1189,
    1315,
    1877,
    2735,
    4083,
    14050,
)
OUTPUTS = (7, 41, 54, 67, 77, 85, 91, 96, 103, 113, 129, 151, 177, 217, 384, 395, 400, 411, 424, 451, 1000)
_ESTIMATE_OFF = 0.15  # the gateway's estimate of a prompt is off by as much, either way
_GAP, _THIN, _PROMPT, _OUTPUT, _OFF, _LONG, _STREAM, _CLASS = map(
    hashed, ("gap", "thin", "prompt", "output", "off", "long", "stream", "class")
)


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What requests are like. Shares are of the requests.

    `rates`: (from this second on, requests a second). `long`: a share of prompts that have `long_tokens` (least, most).
    `classes`: what sensitivities they have, with their shares; the rest is public.
    """

    rates: tuple[tuple[float, float], ...]
    seconds: float
    streams: float = 0.9
    long: float = 0.0
    long_tokens: tuple[int, int] = (8_000, 24_000)
    classes: tuple[tuple[Sensitivity, float], ...] = ()
    model: str = MODEL


def requests(kind: Kind, seed: int) -> tuple[Arrival, ...]:
    """All of them, in the order of time; the same for the same seed."""
    return tuple(_request(kind, at, number, seed) for number, at in enumerate(_times(kind, seed)))


def _times(kind: Kind, seed: int) -> Iterator[float]:
    """A Poisson process whose rate changes, by thinning one of the highest rate."""
    highest, at = max(rate for _, rate in kind.rates), 0.0
    for number in itertools.count():
        gap, thin = shares(zlib.crc32(f"{seed}/at/{number}".encode()), (_GAP, _THIN))
        at -= math.log(gap) / highest
        if at >= kind.seconds:
            return
        if thin * highest < _rate(kind.rates, at):
            yield at


def _rate(rates: Sequence[tuple[float, float]], at: float) -> float:
    return rates[bisect.bisect_right(rates, at, key=lambda one: one[0]) - 1][1]


def _request(kind: Kind, at: float, number: int, seed: int) -> Arrival:
    own = zlib.crc32(f"{seed}/{number}".encode())
    prompt, output, off, is_long, stream, which = shares(own, (_PROMPT, _OUTPUT, _OFF, _LONG, _STREAM, _CLASS))
    prompt_tokens = _between(kind.long_tokens, prompt) if is_long < kind.long else _between(PROMPTS, prompt)
    return Arrival(
        id=f"{number:06d}",
        at=BEGAN + at,
        facts=Facts(
            model=kind.model,
            sensitivity=_sensitivity(kind, which),
            needs=frozenset(),
            prompt_tokens=max(round(prompt_tokens * (1 + _ESTIMATE_OFF * (2 * off - 1))), 1),
            max_output_tokens=None,
            stream=stream < kind.streams,
        ),
        prompt_tokens=prompt_tokens,
        output_tokens=_between(OUTPUTS, output),
        seed=own,
    )


def _between(quantiles: Sequence[int], share: float) -> int:
    """The quantile at this share, on the straight line between two that are known."""
    place = share * (len(quantiles) - 1)
    low = min(int(place), len(quantiles) - 2)
    return round(quantiles[low] + (place - low) * (quantiles[low + 1] - quantiles[low]))


def _sensitivity(kind: Kind, share: float) -> Sensitivity:
    for sensitivity, part in kind.classes:
        if share < part:
            return sensitivity
        share -= part
    return Sensitivity.PUBLIC
