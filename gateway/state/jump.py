"""Whether a deployment has changed: two cumulative sums over deviations from what is known, up and down (Page, 1954).

A sum falls back to 0 while nothing happens, and rises by what samples are off by more than `_ALLOWED`. A single sample
counts for `_AT_MOST` deviations, whatever it took: five in a row make a jump, two do not.
"""

import math

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

    def add(self, ratio: float, cut_off: bool) -> None:  # noqa: FBT001 - of a sample
        """A sample over what its line says. One that was cut off may only be too long."""
        if not self._sigma:
            return
        off = (math.log(ratio) - self._mean) / self._sigma
        if off < 0.0:
            if cut_off:
                return
            off = max(off, -_AT_MOST)
        elif off > _AT_MOST:
            off = _AT_MOST
        up, down = self._up + off - _ALLOWED, self._down - off - _ALLOWED
        if up > 0.0:
            self._up, self._since_up = up, self._since_up + 1
        else:
            self._up, self._since_up = 0.0, 0
        if down > 0.0:
            self._down, self._since_down = down, self._since_down + 1
        else:
            self._down, self._since_down = 0.0, 0

    @property
    def up(self) -> int:
        """Of how many newest samples a jump up is; 0 if there is none."""
        return self._since_up if self._up >= _IS_JUMP else 0

    @property
    def down(self) -> int:
        """The same of a jump down."""
        return self._since_down if self._down >= _IS_JUMP else 0
