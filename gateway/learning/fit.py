"""Least squares that forgets: seconds as a sum of parts that grow with the request, none of them negative.

Kept as sums of products, each new sample shrinking the older ones (recursive least squares in its information form): so
a sample costs a microsecond, and the equations are solved only when somebody wants to know. Errors count relative to
the larger of what was expected and what came, so one answer that took a minute does not bend the line.
"""

from collections.abc import Iterable, Sequence
from operator import mul

_KEEP = 0.99  # of each older sample's weight: about the newest hundred count
_LIKELY = 0.2  # of the usual time is what a unit of a part that grows is likely to add: noise can feign as much
_NOISE, _NOISE_FROM = 0.04, 1.5  # the square of the noise that is expected beforehand, and as how many samples
_LEAST_NOISE = 0.0016
_FEW = 64  # samples
_LEAST = 0.01  # of the usual time is the base at least: no answer is expected after no time
_PROMPT, _IN_FLIGHT, _OUTPUT = 1000.0, 10.0, 100.0  # units in which the parts are of like size
_REMEMBERED_SHAPE = 0.05  # of the weight, after a jump

_PLACES = [(row, column) for row in range(4) for column in range(row, 4)]  # in the upper triangle

# when, prompt tokens, in flight, output tokens, seconds (above 0), whether it was cut off
Sample = tuple[float, float, float, float, float, bool]
# seconds: of each answer, per prompt token, per other in flight, per output token
Coefficients = tuple[float, float, float, float]


class ForgettingFit:
    """One line. `coefficients` are those of the last `solve`."""

    def __init__(self, *, last_unit: float = _OUTPUT) -> None:
        """`last_unit`: so many output tokens, or whatever the last part counts, are likely to add as much as a unit."""
        self._last_likely = (last_unit / _OUTPUT) ** 2
        self.coefficients: Coefficients = (0.0, 0.0, 0.0, 0.0)
        # upper triangle of the sum of x * x, rows in order; x is 1, prompt, in flight, output
        self._squares = [0.0] * 10
        self._products = [0.0] * 4
        self._seconds = 0.0  # their squares, over what each counts relative to
        self._held = 1.0  # how far parts that grow are held down: little while the shape is one from before a jump
        self._noise = _NOISE  # the mean square of what is off the line, relative
        self._count = 0.0  # of samples, the older ones counting less

    def expected(self, prompt_tokens: float, in_flight: float, output_tokens: float) -> float:
        """Seconds on the line; above 0 once anything was seen."""
        base, prompt, others, output = self.coefficients
        return base + prompt_tokens * prompt + in_flight * others + output_tokens * output

    def learn(self, samples: Iterable[Sample]) -> list[float]:
        """Samples, oldest first; older ones count a little less from now on. What each took over what was expected of it.

        One that was cut off counts only where it took longer than that.
        """
        base, per_prompt, per_other, per_output = self.coefficients
        s00, s01, s02, s03, s11, s12, s13, s22, s23, s33 = self._squares
        v0, v1, v2, v3 = self._products
        count, total, k = self._count, self._seconds, _KEEP
        ratios: list[float] = []
        for _, prompt_tokens, in_flight, output_tokens, seconds, cut_off in samples:
            scale = expected = base + prompt_tokens * per_prompt + in_flight * per_other + output_tokens * per_output
            ratios.append(seconds / expected if expected else 1.0)
            if seconds > expected:
                scale = seconds
            elif cut_off:
                continue
            a, b, c = prompt_tokens / _PROMPT, in_flight / _IN_FLIGHT, output_tokens / _OUTPUT
            w = 1.0 / (scale * scale)
            wa, wb, wc, wy = w * a, w * b, w * c, w * seconds
            s00, s01, s02, s03 = k * s00 + w, k * s01 + wa, k * s02 + wb, k * s03 + wc
            s11, s12, s13 = k * s11 + wa * a, k * s12 + wa * b, k * s13 + wa * c
            s22, s23, s33 = k * s22 + wb * b, k * s23 + wb * c, k * s33 + wc * c
            v0, v1, v2, v3 = k * v0 + wy, k * v1 + wy * a, k * v2 + wy * b, k * v3 + wy * c
            count, total = k * count + 1.0, k * total + wy * seconds
            self._held += (1.0 - k) * (1.0 - self._held)
        self._squares = [s00, s01, s02, s03, s11, s12, s13, s22, s23, s33]
        self._products = [v0, v1, v2, v3]
        self._count, self._seconds = count, total
        return ratios

    def ratios(self, samples: Iterable[Sample]) -> list[float]:
        """What each took over what the line says of it."""
        base, prompt, others, output = self.coefficients
        if output:
            return [
                seconds / (base + a * prompt + b * others + c * output) for _, a, b, c, seconds, _ in samples
            ]  # fmt: skip
        if prompt:
            return [seconds / (base + a * prompt + b * others) for _, a, b, _, seconds, _ in samples]
        if others:
            return [sample[4] / (base + sample[2] * others) for sample in samples]
        return [sample[4] / base for sample in samples]

    def jump(self, times: float) -> None:
        """From now on everything takes so many times as long: keep the shape, loosely."""
        squares, products = _REMEMBERED_SHAPE / (times * times), _REMEMBERED_SHAPE / times
        self._squares = [one * squares for one in self._squares]
        self._products = [one * products for one in self._products]
        self._count *= _REMEMBERED_SHAPE
        self._held = _REMEMBERED_SHAPE
        self._seconds *= _REMEMBERED_SHAPE

    def shift(self, seconds: float) -> None:
        """From now on everything takes so many seconds more, or less: keep the shape, loosely."""
        s = self._squares
        mean = self._count / self._products[0]
        times = max(mean + seconds, _LEAST * mean) / mean
        squares, products = _REMEMBERED_SHAPE / (times * times), self._products
        moved = [v + seconds * one for v, one in zip(products, s[:4], strict=True)]
        self._squares = [one * squares for one in s]
        self._products = [max(one, _LEAST * v) * squares for one, v in zip(moved, products, strict=True)]
        self._count *= _REMEMBERED_SHAPE
        self._held = _REMEMBERED_SHAPE
        self._seconds = max(self._seconds + 2.0 * seconds * products[0] + seconds * seconds * s[0], 0.0) * squares

    def solve(self) -> None:
        """Bring the coefficients up to date, once there was a sample.

        Those that would be negative are 0, and the others are the best without them. A part that grows is held to be as
        small as noise may feign it: how much that is shows a line through all that was seen, while that is little.
        """
        if self._count < _FEW:
            self._solve(_LEAST_NOISE)
        self._solve(self._noise)

    def _solve(self, noise: float) -> None:
        s00, s01, s02, s03, s11, s12, s13, s22, s23, s33 = self._squares
        products = self._products
        mean = self._count / products[0]  # harmonic
        ridge = self._held * noise / (_LIKELY * _LIKELY * mean * mean)
        squares = (
            s00, s01, s02, s03, s11 + ridge, s12, s13, s22 + ridge, s23, s33 + ridge * self._last_likely,
        )  # fmt: skip
        found = _solved(squares, products)
        left = 1 + (s11 > 0.0) + (s22 > 0.0) + (s33 > 0.0)
        without: list[int] = []
        while (lowest := min(found)) < 0.0:
            without.append(found.index(lowest))
            left -= 1
            found = _solved(*_without(without, squares, products))
        base, prompt, others, output = found
        off = self._seconds - sum(map(mul, found, products))
        self._noise = (_NOISE_FROM * _NOISE + max(off, 0.0)) / (_NOISE_FROM + max(self._count - left, 0.0))
        base = max(base, _LEAST * mean)
        self.coefficients = (base, prompt / _PROMPT, others / _IN_FLIGHT, output / _OUTPUT)


def _solved(squares: Sequence[float], products: Sequence[float]) -> Coefficients:
    """The equations' solution, by Gauss without pivoting: the ridge keeps the diagonal above 0. In full, since often asked for.

    `squares` are the upper triangle of the symmetric matrix, rows in order; `products` the right side.
    """
    s00, s01, s02, s03, s11, s12, s13, s22, s23, s33 = squares
    v0, v1, v2, v3 = products
    f1, f2, f3 = s01 / s00, s02 / s00, s03 / s00
    s11, s12, s13, v1 = s11 - f1 * s01, s12 - f1 * s02, s13 - f1 * s03, v1 - f1 * v0
    s22, s23, v2 = s22 - f2 * s02, s23 - f2 * s03, v2 - f2 * v0
    s33, v3 = s33 - f3 * s03, v3 - f3 * v0
    f2, f3 = s12 / s11, s13 / s11
    s22, s23, v2 = s22 - f2 * s12, s23 - f2 * s13, v2 - f2 * v1
    s33, v3 = s33 - f3 * s13, v3 - f3 * v1
    f3 = s23 / s22
    found3 = (v3 - f3 * v2) / (s33 - f3 * s23)
    found2 = (v2 - s23 * found3) / s22
    found1 = (v1 - s12 * found2 - s13 * found3) / s11
    return (v0 - s01 * found1 - s02 * found2 - s03 * found3) / s00, found1, found2, found3


def _without(
    parts: Sequence[int], squares: Sequence[float], products: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The equations in which these parts are 0."""
    kept = [float(i == j) if i in parts or j in parts else its for (i, j), its in zip(_PLACES, squares, strict=True)]
    return kept, [0.0 if part in parts else its for part, its in enumerate(products)]
