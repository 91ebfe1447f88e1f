"""What is wrong with a document that an operator wrote. All problems of a file are reported at once (law 7)."""

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem, at one place.

    `path` is like `deployments.vllm-a.base_url` or `rules[2].when.stream`; empty for the whole document.
    `line` and `column` count from 1; None where the place is not in the text (a required field that is absent
    has the place of the mapping that lacks it).
    """

    file: str
    line: int | None
    column: int | None
    path: str
    expected: str
    found: str | None = None
    hint: str | None = None  # a nearest name: `did you mean 'clearance'?`

    @property
    def sentence(self) -> str:
        """Without its place."""
        found = f", found {self.found}" if self.found is not None else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path or 'document'}: expected {self.expected}{found}{hint}"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.sentence}"


class InvalidDocument(Exception):
    """A document is refused whole; `problems` lists all that is wrong with it, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda one: (one.file, one.line or 0, one.column or 0))
        super().__init__("\n".join(str(problem) for problem in self.problems))
