"""The floors of the house hold, and the check would notice if one were broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import REPOSITORY

BROKEN = [
    ("gateway/values/usage.py", "from gateway.flow import story"),
    ("gateway/routing/decide.py", "from gateway.providers import vendors"),
    ("gateway/transport/pool.py", "from gateway.http import errors"),
    ("gateway/routing/decide.py", "import random"),
    ("gateway/dialects/contract.py", "import asyncio"),
    ("gateway/observe/bus.py", "from gateway.learning import readings"),
    ("gateway/insight/simulated_request.py", "from gateway.flow import story"),
    ("gateway/surfaces/table.py", "import tenacity"),
    ("gateway/flow/answer.py", "import prometheus_client"),
    ("gateway/learning/readings.py", "import sqlite3"),
    ("gateway/verify/case.py", "import datetime"),
]


def copy(folder: Path) -> Path:
    shutil.copytree(REPOSITORY / "gateway", folder / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], check=False, cwd=folder, capture_output=True, text=True,
        env={"PYTHONPATH": str(folder), "PATH": ""},
    )  # fmt: skip


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What the check says of a house in which all of `BROKEN` was written."""
    folder = copy(tmp_path_factory.mktemp("broken"))
    for file, line in BROKEN:
        with (folder / file).open("a") as source:
            source.write(f"\n{line}  # noqa\n")
    return lint(folder)


def test_they_hold(tmp_path: Path) -> None:
    done = lint(copy(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_a_room_without_a_floor_is_noticed(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    (folder / "gateway" / "attic").mkdir()
    (folder / "gateway" / "attic" / "__init__.py").touch()
    done = lint(folder)
    assert done.returncode != 0
    assert "attic" in done.stdout


def test_a_path_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("See `gateway/attic.py` and `gateway/app.py`.\n")
    shutil.copy(REPOSITORY / "docs" / "check_names.py", page.parent)
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "app.py").touch()
    (tmp_path / "README.md").touch()
    done = subprocess.run([sys.executable, page.parent / "check_names.py"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == "docs/page.md:1: there is no gateway/attic.py\n"


def test_pure_rooms_ask_for_no_time() -> None:
    """They may make dates of moments that they are given."""
    pure = ("values", "documents", "routing", "verify", "dialects", "providers", "privacy", "access")
    files = [file for room in pure for file in (REPOSITORY / "gateway" / room).rglob("*.py")]
    assert len(files) > 100
    asks = re.compile(r"\.(now|today|utcnow)\(|time\.time\(|perf_counter|monotonic\(")
    assert [str(file) for file in files if asks.search(file.read_text())] == []


@pytest.mark.parametrize(("file", "line"), BROKEN, ids=[line for _, line in BROKEN])
def test_a_broken_one_is_noticed(broken: subprocess.CompletedProcess[str], file: str, line: str) -> None:
    """Its import is named, alone, as one that is not allowed."""
    assert broken.returncode != 0
    imported = line.removeprefix("from ").removeprefix("import ").replace(" import ", ".")
    importer = file.removesuffix(".py").replace("/", ".")
    assert f"- {importer} -> {imported} (l." in re.sub(r"-  +", "- ", broken.stdout)
