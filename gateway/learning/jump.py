"""Whether a deployment has changed: two cumulative sums over deviations from what is known, up and down (Page, 1954).

A sum falls back to 0 while nothing happens, and rises by what samples are off by more than `_ALLOWED`. A single sample
counts for `_AT_MOST` deviations, whatever it took: five in a row make a jump, two do not.
"""

import math
from collections.abc import Iterable

_ALLOWED = 0.5  # deviations: half the least jump that matters
_AT_MOST = 3.0
_IS_JUMP = 10.0  # by chance once in some ten thousand samples


class Jump:
    """Of one trend."""

    def __init__(self) -> None:
        self._mean = self._sigma = 0.0  # of logarithms of ratios; a sigma of 0 holds nothing against anything
        self._up = self._down = 0.0  # the sums
        self._since_up = self._since_down = 0  # samples, since the sum was 0

    def expect(self, mean: float, sigma: float) -> None:
        """From now on samples are held against this."""
        self._mean, self._sigma = mean, sigma

    def begin(self) -> None:
        """What was seen until now is the past."""
        self._up = self._down = self._sigma = 0.0
        self._since_up = self._since_down = 0

    def add(self, ratios: Iterable[float], cut_off: Iterable[bool]) -> None:
        """Samples over what their line says. One that was cut off may only be too long."""
        mean, sigma = self._mean, self._sigma
        if not sigma:
            return
        up, down, since_up, since_down = self._up, self._down, self._since_up, self._since_down
        for ratio, its_cut_off in zip(ratios, cut_off, strict=True):
            off = (math.log(ratio) - mean) / sigma
            if off < 0.0:
                if its_cut_off:
                    continue
                off = max(off, -_AT_MOST)
            elif off > _AT_MOST:
                off = _AT_MOST
            up, down, since_up, since_down = up + off - _ALLOWED, down - off - _ALLOWED, since_up + 1, since_down + 1
            if up <= 0.0:
                up, since_up = 0.0, 0
            if down <= 0.0:
                down, since_down = 0.0, 0
        self._up, self._down, self._since_up, self._since_down = up, down, since_up, since_down

    @property
    def up(self) -> int:
        """Of how many newest samples a jump up is; 0 if there is none."""
        return self._since_up if self._up >= _IS_JUMP else 0

    @property
    def down(self) -> int:
        """The same of a jump down."""
        return self._since_down if self._down >= _IS_JUMP else 0
