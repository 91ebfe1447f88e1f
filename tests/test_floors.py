"""The floors of the house hold, and the check would notice if one were broken."""

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


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], check=False, cwd=folder, capture_output=True, text=True,
        env={"PYTHONPATH": str(folder), "PATH": ""},
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_they_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(("file", "line"), BROKEN, ids=[line for _, line in BROKEN])
def test_a_broken_one_is_noticed(copy: Path, file: str, line: str) -> None:
    source = (copy / file).read_text()
    (copy / file).write_text(f"{source}\n{line}  # noqa\n")
    done = lint(copy)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout
