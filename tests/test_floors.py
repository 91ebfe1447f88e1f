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
    ("gateway/insight/course.py", "from gateway.flow import story"),
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


@pytest.mark.parametrize(("file", "line"), BROKEN, ids=[line for _, line in BROKEN])
def test_a_broken_one_is_noticed(broken: subprocess.CompletedProcess[str], file: str, line: str) -> None:
    """Its import is named, alone, as one that is not allowed."""
    assert broken.returncode != 0
    imported = line.removeprefix("from ").removeprefix("import ").replace(" import ", ".")
    importer = file.removesuffix(".py").replace("/", ".")
    assert f"- {importer} -> {imported} (l." in re.sub(r"-  +", "- ", broken.stdout)
