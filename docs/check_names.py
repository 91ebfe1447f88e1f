"""Sees that the paths in backticks in README and docs exist: `python docs/check_names.py`.

A path has a slash, and is of the repository or below `gateway/`; one with a placeholder (NAME), a `*` or a host is none.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_TICKED = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:[a-z_0-9.-]+/)+(?:[a-z_0-9.-]+\.(?:py|md|yaml|yml|toml|json|txt|sh)|[a-z_0-9-]*)?")
_PLACES = (ROOT, ROOT / "gateway", ROOT / "tests", ROOT / "deploy")
_OF_OTHERS = ("application/", "text/", "v1/")  # media types, and what is below a host


def missing(page: Path) -> Iterator[str]:
    """The paths that are nowhere, each with its line."""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        for name in _TICKED.findall(line):
            is_path = _PATH.fullmatch(name) and not name.startswith((*_OF_OTHERS, ".")) and ".." not in name
            if is_path and not any((place / name).exists() for place in (*_PLACES, page.parent)):
                yield f"{page.relative_to(ROOT)}:{number}: there is no {name}"


def main() -> int:
    """All pages but the changelog, which speaks of what was."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = [one for page in pages if "reference" not in page.parts for one in missing(page)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
