"""Sees that what stands in backticks in README and docs exists: `python docs/check_names.py`.

- A path has a slash, and is of the repository or below `gateway/`, `tests/` or `deploy/`; one with a placeholder (NAME), a
  `*` or a host is none. After `::` stands a test of that file.
- A name is a word of the code, of a file's name, or of the generated pages. One that a path follows (`NAME`, `PATH`)
  stands in that file.
- A command is one of the command line's, or a target of the Makefile.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_TICKED = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(
    r"(?:[a-z_0-9.-]+/)+(?:[a-z_0-9.-]+\.(?:py|md|mjs|yaml|yml|toml|json|txt|sh)|[a-z_0-9-]*)?(?:::(\w+))?"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")
_BESIDE = re.compile(r"`(\w+)`(?:, | in | of )`((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)`")
_COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?(make|gateway) ([a-z-]+)(?: ([a-z]+))?")
_PLACES = (ROOT, ROOT / "gateway", ROOT / "tests", ROOT / "deploy")
_OF_OTHERS = ("application/", "text/", "v1/")  # media types, and what is below a host
_CODE = ("gateway", "tests", "benchmarks", "deploy", "policies", "docs", "Makefile", "pyproject.toml")
# words of nobody here: other programs' settings and exceptions, examples, placeholders
_FOREIGN = frozenset({
    "max_fails", "drop_params", "UnprocessableEntityError", "FLOWERS", "AP", "NAME-HASH", "e6", "recover", "db-shm",
    "check_embedding_ctx_length",
})  # fmt: skip
_SERIES = re.compile(r"_(?:bucket|sum|count)$")  # that Prometheus makes of a histogram


def _sources() -> Iterator[Path]:
    for top in (ROOT / name for name in _CODE):
        yield from [top] if top.is_file() else sorted(one for one in top.rglob("*") if one.is_file())


def vocabulary() -> frozenset[str]:
    """All words of the code, in lower case, with and without hyphens; of pages in docs only the generated ones."""
    words: set[str] = set()
    for file in _sources():
        words.update(_NAME.findall(file.stem))
        if file.suffix == ".md" and "reference" not in file.parts:
            continue
        text = file.read_bytes().decode(errors="replace")
        words.update(_NAME.findall(text))
        words.update(re.findall(r"\w+", text))
    return frozenset(word.lower() for word in words)


def _place(path: str, page: Path) -> Path | None:
    return next((place / path for place in (*_PLACES, page.parent) if (place / path).exists()), None)


def _of_path(ticked: str, test: str | None, page: Path) -> str | None:
    file = _place(ticked.partition("::")[0], page)
    if file is None:
        return f"there is no {ticked}"
    if test is not None and not re.search(rf"\bdef {test}\(", file.read_text("utf-8")):
        return f"there is no test {test} in {ticked.partition('::')[0]}"
    return None


class Checker:
    """What there is, read once."""

    def __init__(self) -> None:
        self._words = vocabulary()
        reference = ROOT / "docs" / "reference" / "command-line.md"
        self._commands = reference.read_text("utf-8") if reference.exists() else ""
        makefile = ROOT / "Makefile"
        self._targets = makefile.read_text("utf-8") if makefile.exists() else ""

    def missing(self, page: Path) -> Iterator[str]:
        """What is nowhere, each with its line."""
        fenced = False
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
            fenced ^= line.strip().startswith("```")
            found = self._of_command(line.strip()) if fenced else None
            for problem in (found,) if found else self._of_line(line, page):
                yield f"{page.relative_to(ROOT)}:{number}: {problem}"

    def _of_line(self, line: str, page: Path) -> Iterator[str]:
        for ticked in _TICKED.findall(line):
            path = _PATH.fullmatch(ticked)
            if path and not ticked.startswith((*_OF_OTHERS, ".")) and ".." not in ticked:
                found = _of_path(ticked, path[1], page)
            else:
                found = self._of_command(ticked)
            if found is not None:
                yield found
            elif path is None:
                yield from self._unknown(ticked)
        for name, path_said in _BESIDE.findall(line):
            file = _place(path_said, page)
            if file is not None and not re.search(rf"\b{name}\b", file.read_text("utf-8")):
                yield f"there is no {name} in {path_said}"

    def _of_command(self, text: str) -> str | None:
        said = _COMMAND.search(text)
        if said is None:
            return None
        program, word, sub = said.groups()
        if program == "make":
            return None if re.search(rf"^{word}:", self._targets, re.MULTILINE) else f"there is no target {word}"
        group = f"## gateway {word}"
        is_there = re.search(rf"^{group}$", self._commands, re.MULTILINE)
        if is_there and sub and re.search(rf"^{group} \w", self._commands, re.MULTILINE):
            is_there = re.search(rf"^{group} {sub}$", self._commands, re.MULTILINE)
        return None if is_there else f"there is no command {said[0]}"

    def _unknown(self, ticked: str) -> Iterator[str]:
        for name in _NAME.findall(ticked):
            if name not in _FOREIGN and not {name.lower(), _SERIES.sub("", name)} & self._words:
                yield f"there is no {name}" if name == ticked else f"there is no {name}, as in {ticked}"


def main() -> int:
    """All pages but the changelog, which speaks of what was."""
    checker = Checker()
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = [one for page in pages if "reference" not in page.parts for one in checker.missing(page)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
