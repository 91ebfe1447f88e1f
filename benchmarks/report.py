"""What a benchmark found, as a part of RESULTS.md: a table of figures, and its bounds, held or not."""

from collections.abc import Sequence
from typing import NamedTuple


class Bound(NamedTuple):
    """`figure` says what was measured and what was allowed."""

    figure: str
    held: bool

    def __str__(self) -> str:
        return f"- {self.figure}: {'held' if self.held else 'NOT HELD'}."


class Section(NamedTuple):
    """Of one benchmark. The first column of a table is words, the others are figures."""

    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    bounds: Sequence[Bound]

    @property
    def held(self) -> bool:
        return all(bound.held for bound in self.bounds)

    def __str__(self) -> str:
        return "\n".join(
            [f"## {self.title}", "", self.text, "", *table(self.header, self.rows), "", *map(str, self.bounds)]
        )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of Markdown."""
    return [
        f"| {' | '.join(header)} |",
        f"|---|{'--:|' * (len(header) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
