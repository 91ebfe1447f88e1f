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
        self._sums = [0.0, 0.0]
        self._since = [0, 0]

    def expect(self, mean: float, sigma: float) -> None:
        """From now on samples are held against this."""
        self._mean, self._sigma = mean, sigma

    def begin(self) -> None:
        """What was seen until now is the past."""
        self._sums, self._since = [0.0, 0.0], [0, 0]
        self._sigma = 0.0

    def add(self, ratio: float, *, cut_off: bool) -> None:
        """A sample over what its line says. One that was cut off may only be too long."""
        if not self._sigma:
            return
        off = max(min((math.log(ratio) - self._mean) / self._sigma, _AT_MOST), -_AT_MOST)
        if cut_off and off < 0.0:
            return
        sums, since = self._sums, self._since
        up, down = sums[0] + off - _ALLOWED, sums[1] - off - _ALLOWED
        sums[0], since[0] = (up, since[0] + 1) if up > 0.0 else (0.0, 0)
        sums[1], since[1] = (down, since[1] + 1) if down > 0.0 else (0.0, 0)

    @property
    def up(self) -> int:
        """Of how many newest samples a jump up is; 0 if there is none."""
        return self._since[0] if self._sums[0] >= _IS_JUMP else 0

    @property
    def down(self) -> int:
        """The same of a jump down."""
        return self._since[1] if self._sums[1] >= _IS_JUMP else 0
