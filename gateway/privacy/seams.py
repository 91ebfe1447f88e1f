"""What is split between texts that stand next to each other: parts of a message, contents of two messages.

Only the ends of two neighbours are joined, with nothing in between, and the outer ends stay ends: "my card is" before
"4111 1111 " before "1111 1111" must not become "is4111". Up to eight neighbours are joined where those in the middle
are short enough to be a piece of one number or key. What is found counts only if it spans all seams of a join.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from gateway.privacy.folding import folded

_END = 128  # characters of a text that may belong to its neighbour's
_SHORT = 48  # a text up to here may be all in the middle
_MOST = 8  # neighbours in a join
_AT_ONCE = 64  # texts whose joins are scanned together
_FIRST_HAN, _LAST_HAN = "\u3001", "\u9fff"  # kana and their punctuation too


class Joins:
    """Some joins as one text, a line each, made of pieces."""

    def __init__(self, pieces: list[list[str]]) -> None:
        self._pieces = pieces
        self.text = "\n".join(["".join(line) for line in pieces])

    def folded(self) -> "Joins":
        """The same in plain spelling."""
        return Joins([[folded(piece) for piece in line] for line in self._pieces])

    def parts(self, start: int, end: int) -> list[str] | None:
        """How `start:end` is cut by the seams of its line; None if it does not span them all."""
        starts = list(accumulate((len("".join(line)) for line in self._pieces), lambda at, n: at + n + 1, initial=0))
        line = bisect_right(starts, start) - 1
        seams = list(accumulate(map(len, self._pieces[line]), initial=starts[line]))[1:-1]
        if not (start < seams[0] and seams[-1] < end):
            return None
        return [self.text[a:b] for a, b in zip([starts[line], *seams], [*seams, starts[line + 1] - 1], strict=True)]


def joins(chain: list[str]) -> Iterator[Joins]:
    """All joins of neighbours, some at once. Texts that are empty do not keep others apart."""
    texts = [text for text in chain if text]
    for start in range(0, len(texts) - 1, _AT_ONCE):
        pieces: list[list[str]] = []
        left = texts[start]
        for at, right in enumerate(texts[start + 1 : start + 1 + _AT_ONCE], start + 1):
            if (left[-1] < _FIRST_HAN and right[0] < _FIRST_HAN) or not _apart(left[-_END:], right[:_END]):
                pieces.append([left[-_END:], right[:_END]])
                if len(right) <= _SHORT:
                    _join_more(texts, at, pieces)
            left = right
        if pieces:
            yield Joins(pieces)


def _join_more(texts: list[str], middle: int, lines: list[list[str]]) -> None:
    """The last line, and what comes after its short right piece, up to eight pieces."""
    pieces = [lines[-1][0], texts[middle]]
    for text in texts[middle + 1 : middle + _MOST - 1]:
        if _apart(pieces[-1], text[:_END]):
            return
        lines.append([*pieces, text[:_END]])
        if len(text) > _SHORT:
            return
        pieces.append(text)


def _apart(left: str, right: str) -> bool:
    """Whether a Han character ends one or begins the other: nothing goes over it but an address in such letters."""
    if _FIRST_HAN <= left[-1] <= _LAST_HAN or _FIRST_HAN <= right[0] <= _LAST_HAN:
        return "@" not in left and "@" not in right
    return False
