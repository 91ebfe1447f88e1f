"""Runs of digits in a text, cut into groups, and the stretches of groups that may be one number."""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from gateway.privacy.sighting import Span, words_before

_RUN = re.compile(r"(?<![A-Za-z0-9])(?<![0-9][.,])[+(]{0,2}[0-9](?:[ .\-/()]{0,3}[0-9])*+", re.ASCII)
_GROUP = re.compile(r"[0-9]+", re.ASCII)
_HEX_BEFORE = re.compile(r"[0-9A-Za-z]{4}-\Z", re.ASCII)
_OTHER = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2(?:19|20)[0-9]{2}"
    r"|[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))(?![0-9])"
    r"|(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)
_UUID_LENGTH = 36
_BETWEEN = re.compile(r"[ .\-/()]+")
_LETTER = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"\s?(?:x|ext\.?)\s?[0-9]{1,6}(?![A-Za-z0-9])", re.IGNORECASE | re.ASCII)
_MOST_GROUPS = 8  # of one number
_MOST_DIGITS = 20
_FEWEST_DIGITS = 8


class Number(NamedTuple):
    """Some neighbouring groups. `shape` has their lengths.

    `prefix` is the character before it, if any; `suffix` the letter that touches the end, where there is one,
    but for an extension's x.
    """

    digits: str
    written: str
    shape: tuple[int, ...]
    prefix: str
    suffix: str
    start: int
    end: int
    before: str  # 48 characters, in lower case; nothing where there is no letter among them

    @property
    def between(self) -> list[str]:
        """What stands between the groups."""
        return _BETWEEN.findall(self.written)


def runs(span: Span) -> Iterator[Iterator[Number]]:
    """For each run of groups the numbers that it may hold, by where they begin and the longest first."""
    for match in _RUN.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        start, end = match.span()
        span.meter.work(1 + (end - start) // 32)
        if end - start < _FEWEST_DIGITS or _HEX_BEFORE.search(span.text[max(0, start - 5) : start]):
            continue
        for first, last in _without_others(span.text, start, end):
            groups = _whole_groups(span.text, first, last)
            if groups:
                span.meter.work(len(groups) // 4)
                yield _stretches(span, groups)


def fits(shape: tuple[int, ...], ways: tuple[set[int], ...]) -> bool:
    """Whether the groups are cut only where one of the ways to write such a number cuts; one group always fits."""
    cuts = set(accumulate(shape[:-1]))
    return any(cuts <= way for way in ways)


def _without_others(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What is left of a run without dates, and without a UUID that begins in it."""
    for other in _OTHER.finditer(text, start, end + _UUID_LENGTH):
        if other.start() >= end:
            break
        yield start, other.start()
        start = other.end()
    if start < end:
        yield start, end


def _whole_groups(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The groups, less a last one that a word goes on from, and less decimal numbers."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    if groups and text[end : end + 1].isascii() and text[end : end + 1].isalpha() and not _one_letter(text, end):
        groups.pop()
    return _spelled_out(_without_decimals(text, groups))


def _without_decimals(text: str, groups: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Less each pair that one dot joins, 0.4111111111111111, but not 0664.1234567, 415.555.2671 or 85.07.30-033.28."""
    dots = [False, *(text[one[1] : other[0]] == "." for one, other in pairwise(groups)), False]
    fractions = set()
    for at, (one, other) in enumerate(pairwise(groups), 1):
        trunk = text[one[0]] == "0" and one[1] - one[0] > 1
        if (
            dots[at]
            and not dots[at - 1]
            and not dots[at + 1]
            and not trunk
            and max(one[1] - one[0], other[1] - other[0]) > 4
        ):
            fractions |= {one, other}
    return [group for group in groups if group not in fractions]


def _one_letter(text: str, end: int) -> bool:
    after = text[end + 1 : end + 2]
    return not (after.isascii() and after.isalnum()) or _EXTENSION.match(text, end) is not None


def _spelled_out(groups: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """4 1 1 1 1 1: digits that stand one by one are one group."""
    if len(groups) > _MOST_GROUPS and all(end - start == 1 for start, end in groups):
        return [(groups[0][0], groups[-1][1])]
    return groups


def _stretches(span: Span, groups: list[tuple[int, int]]) -> Iterator[Number]:
    text = span.text
    lengths = [len(text[start:end].translate(_NO_SEPARATORS)) for start, end in groups]
    for first in range(len(groups)):
        span.meter.work()
        before = words_before(text, groups[first][0])
        if not _LETTER.search(before):
            before = ""
        plus = text[groups[first][0] - 1 : groups[first][0]] == "+"
        sums = list(accumulate(lengths[first : first + _MOST_GROUPS]))
        for count in range(len(sums), 0, -1):
            if not _FEWEST_DIGITS <= sums[count - 1] <= _MOST_DIGITS:
                continue
            shape = lengths[first : first + count]
            if before or plus or not _a_table(shape, text[groups[first][0]]):
                yield _number(text, groups[first : first + count], shape, before)


def _a_table(shape: list[int], first: str) -> bool:
    """Whether it is cut as columns of small numbers are and, with no word before it, nothing that is looked for."""
    return 1 in shape[1:] or (max(shape) < 3 and first != "0")


def _number(text: str, groups: list[tuple[int, int]], shape: list[int], before: str) -> Number:
    start, end = groups[0][0], groups[-1][1]
    written, suffix = text[start:end], text[end : end + 1]
    return Number(
        digits=written.translate(_NO_SEPARATORS),
        written=written,
        shape=tuple(shape),
        prefix=text[start - 1 : start],
        suffix=suffix if suffix.isascii() and suffix.isalpha() and not _EXTENSION.match(text, end) else "",
        start=start,
        end=end,
        before=before,
    )


_NO_SEPARATORS = str.maketrans("", "", " .-/()")
