"""docs/reference/translation.md: it has a cell for each feature of each surface at each dialect, and each says one of four things.

That it is what the code does is seen by `docs/generate.py --check`.
"""

import re
from pathlib import Path

import pytest

from docs.translation import NOT_SAID, page
from docs.translation_examples import ANSWERS, REQUESTS
from gateway.providers.vendors import CALLERS, VENDORS
from gateway.values.surface import Surface

CELL = re.compile(
    r"passed|lost|adapted: .+|lost; adapted: .+|refused: .+|whole answers only|streams only|left out|" + NOT_SAID
)


def tables() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for section in page("note").split("\n## ")[1:]:
        title, _, rest = section.partition("\n")
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rest.splitlines() if line.startswith("|")]
        found[title] = [rows[0], *rows[2:]]
    return found


def test_every_conversation_and_every_dialect_has_its_table() -> None:
    found = tables()
    answering = {surface for surface in CALLERS if surface is not Surface.COUNT_TOKENS}
    dialects = {CALLERS[surface].name for surface in answering}
    assert {title for title in found if title != "Answers"} <= {f"Requests of `{one.value}`" for one in answering}
    assert len(found) == len(dialects) + 1
    for title, (head, *rows) in found.items():
        assert [row[0] for row in rows] == list(ANSWERS if title == "Answers" else REQUESTS)
        assert all(CELL.fullmatch(cell) for row in rows for cell in row[1:]), title
        if title != "Answers":
            shown = {
                VENDORS[name].chat.name if name in VENDORS else name for name in (cell.strip("`") for cell in head[1:])
            }
            surface = Surface(title.split("`")[1])
            assert shown == {vendor.chat.name for vendor in VENDORS.values()} - {CALLERS[surface].name}


@pytest.mark.parametrize("feature", [*REQUESTS])
def test_some_caller_can_say_each_feature(feature: str) -> None:
    rows = [row for title, rows in tables().items() if title != "Answers" for row in rows if row[0] == feature]
    assert any(cell != NOT_SAID for row in rows for cell in row[1:])


def test_the_page_is_on_file() -> None:
    file = Path(__file__).parents[2] / "docs" / "reference" / "translation.md"
    assert file.read_text().startswith("# What a translation keeps")
