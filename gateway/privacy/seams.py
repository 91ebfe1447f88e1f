"""What is split between texts that stand next to each other: parts of a message, contents of two messages.

Neighbours are glued, with nothing in between, and read again. Where a letter or digit meets another one over a seam,
the outer ends of a finding may have to stay ends: "my card is" before "4111 1111 " before "1111 1111" must not become
"is4111". So there are three readings of a chain of texts, each of a length in proportion to it: all glued; cut where
letters meet digits; and short stretches of at most eight pieces with their ends free.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator

import msgspec

from gateway.privacy.budget import Meter

_END = 128  # characters of a text that may belong to its neighbour's
_SHORT = 48  # a text up to here may be all in the middle of a stretch
_MOST = 8  # pieces of a stretch
_BATCH = 4096  # characters that are glued at once
_FIRST_HAN, _LAST_HAN = "\u3001", "\u9fff"  # kana and their punctuation too

_Pieces = list[str]


class Glued(msgspec.Struct, frozen=True):
    """A text of glued pieces; `seams` are the places where two meet."""

    text: str
    seams: list[int]

    def is_split(self, start: int, end: int) -> bool:
        """Whether `start:end` goes over a seam."""
        after = bisect_right(self.seams, start)
        return after < len(self.seams) and self.seams[after] < end


class Batch(msgspec.Struct, frozen=True):
    """Some runs of pieces that may belong together."""

    runs: list[_Pieces]
    glued: Glued

    def respelled(self, way: Callable[[str], str]) -> "Batch":
        """The same, with each piece spelled otherwise."""
        return _batch([[piece for piece in map(way, run) if piece] for run in self.runs])

    def readings(self, meter: Meter) -> Iterator[Glued]:
        """All glued, then those that free the ends of a finding."""
        yield self.glued
        cut = [part for run in self.runs for part in _cut_between_kinds(run)]
        if len(cut) > len(self.runs):
            meter.work(len(cut))
            yield _glued([part for part in cut if len(part) > 1])
        stretches: list[_Pieces] = []
        length = 0
        for run in self.runs:
            for stretch in _stretches(run):
                meter.work()
                stretches.append(stretch)
                length += sum(map(len, stretch))
                if length > _BATCH:
                    yield _glued(stretches)
                    stretches, length = [], 0
        if stretches:
            yield _glued(stretches)


def ends(chain: list[str]) -> str:
    """All that the runs of a short chain are made of, and maybe more: where nothing fires in it, nothing is split."""
    return "".join([text if len(text) <= 2 * _END else f"{text[:_END]}\f{text[-_END:]}" for text in chain])


def batches(chain: list[str]) -> Iterator[Batch]:
    """All texts of a chain, some at once. Texts that are empty do not keep others apart."""
    runs: list[_Pieces] = []
    run: _Pieces = []
    length = 0
    for text in chain:
        if not text:
            continue
        head = text[:_END]
        if run and _apart(run[-1], head):
            runs.append(run)
            run = []
        length += len(head)
        if len(text) <= 2 * _END:
            run.append(text)
            length += len(text) - len(head)
        else:
            runs.append([*run, head])
            run = [text[-_END:]]
            length += _END
        if length > _BATCH:
            if run:
                runs.append(run)
            yield _batch(runs)
            run = _last(run)  # what the next text may go on from
            runs, length = [], sum(map(len, run))
    runs.append(run)
    yield _batch(runs)


def _last(run: _Pieces) -> _Pieces:
    """The pieces at the end that one finding may lie in."""
    kept: _Pieces = []
    length = 0
    for piece in reversed(run):
        if length > _END:
            break
        kept.append(piece)
        length += len(piece)
    return kept[::-1]


def _batch(runs: list[_Pieces]) -> Batch:
    runs = [run for run in runs if len(run) > 1]
    return Batch(runs, _glued(runs))


def _glued(lines: list[_Pieces]) -> Glued:
    seams: list[int] = []
    place = 0
    for line in lines:
        for piece in line[:-1]:
            place += len(piece)
            seams.append(place)
        place += len(line[-1]) + 1
    return Glued("\f".join(["".join(line) for line in lines]), seams)


def _cut_between_kinds(run: _Pieces) -> Iterator[_Pieces]:
    """Apart where a letter meets a digit."""
    start = 0
    for at in range(1, len(run)):
        left, right = run[at - 1][-1], run[at][0]
        if (left.isalpha() and right.isdigit()) or (left.isdigit() and right.isalpha()):
            yield run[start:at]
            start = at
    yield run[start:]


def _stretches(run: _Pieces) -> Iterator[_Pieces]:
    """The stretches that begin and end where a letter or digit meets another one, or where the run does."""
    hard = [run[at - 1][-1].isalnum() and run[at][0].isalnum() for at in range(1, len(run))]
    for first in range(len(run) - 1):
        if first and not hard[first - 1]:
            continue
        stretch = [run[first][-_END:]]
        end = min(first + _MOST, len(run))
        for last in range(first + 1, end):
            piece = run[last]
            is_last = last == end - 1 or len(piece) > _SHORT
            is_whole = first == 0 and last == len(run) - 1
            if not is_whole and (is_last or hard[last]):
                yield [*stretch, piece[:_END]]
            if is_last:
                break
            stretch.append(piece)


def _apart(left: str, right: str) -> bool:
    """Whether a Han character ends one or begins the other: nothing goes over it but an address in such letters."""
    if _FIRST_HAN <= left[-1] <= _LAST_HAN or _FIRST_HAN <= right[0] <= _LAST_HAN:
        return "@" not in left and "@" not in right
    return False
