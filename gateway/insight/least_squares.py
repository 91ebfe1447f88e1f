"""Small least squares: a few parts, none negative, each error relative to what was seen."""

from collections.abc import Sequence
from itertools import combinations

_TINY = 1e-12


def nonnegative(rows: Sequence[Sequence[float]], seen: Sequence[float]) -> list[float]:
    """The coefficients c >= 0 for which `row . c` comes nearest to what was seen, by the sum of squared relative errors.

    With so few parts every set of them that may be above 0 is tried. What was seen is above 0.
    """
    parts = len(rows[0])
    squares = [[0.0] * parts for _ in range(parts)]
    products = [0.0] * parts
    for row, value in zip(rows, seen, strict=True):
        weight = 1.0 / (value * value)
        for i in range(parts):
            products[i] += weight * row[i] * value
            for j in range(parts):
                squares[i][j] += weight * row[i] * row[j]
    best, least = [0.0] * parts, 0.0  # relative to nothing at all
    for size in range(1, parts + 1):
        for chosen in combinations(range(parts), size):
            found = _solved([[squares[i][j] for j in chosen] for i in chosen], [products[i] for i in chosen])
            if found is None or min(found) < 0:
                continue
            # the sum of squared errors, less that of nothing at all
            error = -sum(coefficient * products[i] for coefficient, i in zip(found, chosen, strict=True))
            if error < least - _TINY:
                least = error
                best = [0.0] * parts
                for coefficient, i in zip(found, chosen, strict=True):
                    best[i] = coefficient
    return best


def _solved(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Gauss; None where it has no single solution."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    scales = [row[i] for i, row in enumerate(rows)]
    for i in range(size):
        if rows[i][i] <= _TINY * max(scales[i], _TINY):
            return None
        for below in rows[i + 1 :]:
            factor = below[i] / rows[i][i]
            for j in range(i, size + 1):
                below[j] -= factor * rows[i][j]
    found = [0.0] * size
    for i in range(size - 1, -1, -1):
        found[i] = (rows[i][size] - sum(rows[i][j] * found[j] for j in range(i + 1, size))) / rows[i][i]
    return found
