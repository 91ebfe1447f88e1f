"""What docs say of the code is held by `make check`: a wrong path, name, test, command, number or floor is noticed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.examples import examples, with_explained
from tests.support.gateway import REPOSITORY

GOOD = """\
`gateway/app.py`, `app.py`, `Gateway`, `gateway_things_total`, `make check`, `.venv/bin/gateway policy show`, `TIMES`, `app.py`,
`TIMES` in `gateway/app.py`, `tests/test_app.py::test_it_goes`, `x-gateway-thing`
"""
BAD = [
    ("`gateway/attic.py`", "there is no gateway/attic.py"),
    ("`Attic`", "there is no Attic"),
    ("`gateway_attics_total`", "there is no gateway_attics_total"),
    ("`{attic: 3}`", "there is no attic, as in {attic: 3}"),
    ("`x-gateway-attic`", "there is no x-gateway-attic"),
    ("`make attic`", "there is no target attic"),
    ("`gateway attic`", "there is no command gateway attic"),
    ("`gateway policy attic`", "there is no command gateway policy attic"),
    ("`test_it_goes`, `gateway/app.py`", "there is no test_it_goes in gateway/app.py"),
    ("`tests/test_app.py::test_goes`", "there is no test test_goes in tests/test_app.py"),
]


def run(program: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run([sys.executable, program], check=False, capture_output=True, text=True, env=env)


def small_house(folder: Path, page: str) -> Path:
    """A repository with one module, one test, one command and one page; its check of names."""
    files = {
        "gateway/app.py": 'TIMES = 3\nHEADER = "x-gateway-thing"\nclass Gateway: ...\n',
        "tests/test_app.py": "def test_it_goes() -> None: ...\n",
        "docs/reference/command-line.md": "## gateway policy\n\n## gateway policy show\n",
        "docs/reference/metrics.md": "| `gateway_things_total` | counter |\n",
        "docs/page.md": page,
        "Makefile": "check: all\n",
        "README.md": "",
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Path(shutil.copy(REPOSITORY / "docs" / "check_names.py", folder / "docs"))


def test_what_is_there_is_not_missed(tmp_path: Path) -> None:
    done = run(small_house(tmp_path, GOOD))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize(("text", "told"), BAD, ids=[text for text, _ in BAD])
def test_what_is_not_there_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    done = run(small_house(tmp_path, f"{GOOD}\nSee {text}.\n"))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"docs/page.md:4: {told}"]


def test_a_command_in_a_block_is_looked_at(tmp_path: Path) -> None:
    done = run(small_house(tmp_path, "```sh\n.venv/bin/gateway attic   # what is up there\n```\n"))
    assert done.stdout == "docs/page.md:2: there is no command .venv/bin/gateway attic\n"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The real pages, to be changed."""
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "old", "new", "told"),
    [
        ("operators.md", "at any load, twenty without", "at any load, thirty without", "MANY_IN_A_ROW = 20"),
        ("applications.md", "| request body | 32 MiB", "| request body | 33 MiB", "max_body_bytes in MiB = 32"),
        ("operators.md", "`journal.keep` (200,000 by", "`journal.keep` (100,000 by", "JournalSection.keep = 200000"),
        ("detection.md", "on one of three threads", "on one of the threads", "_THREADS = 3"),
        ("contributing.md", "    verify    ", "    verified  ", "the map is not the floors"),
        ("contributing.md", "    documents    ", "    values       ", "the map is not the floors"),
    ],
)
def test_a_number_or_a_floor_that_is_not_the_codes_is_told(
    house: Path, page: str, old: str, new: str, told: str
) -> None:
    file = house / "docs" / page
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    done = run(house / "docs" / "check_quotes.py")
    assert done.returncode == 1, done.stderr
    assert told in done.stdout


def test_the_pages_quote_the_code(house: Path) -> None:
    done = run(house / "docs" / "check_quotes.py")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_what_a_command_prints_in_a_page_is_what_it_prints() -> None:
    for page, content in examples().items():
        assert page.read_text("utf-8") == content, "run `make docs`"


def test_another_policy_in_the_page_prints_something_else() -> None:
    policies, operators = ((REPOSITORY / "docs" / name).read_text() for name in ("policies.md", "operators.md"))
    changed = with_explained(policies.replace("name: personal-data-stays-home", "name: homework"), operators)
    assert "Rule 'homework' of policy 1-" in changed
    assert "Rule 'personal-data-stays-home'" not in changed
