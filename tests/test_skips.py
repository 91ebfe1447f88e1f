"""A test that is skipped for a reason that nobody expected fails the suite in CI, and only there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import REPOSITORY

EXPECTED, UNEXPECTED = "there is no helm on PATH nor in $HELM", "not in the mood"


@pytest.mark.parametrize(
    ("reason", "ci", "processes", "status"),
    [(UNEXPECTED, "1", "1", 1), (EXPECTED, "1", "0", 0), (UNEXPECTED, "", "0", 0)],
)
def test_a_skip_that_ci_does_not_expect_fails(
    tmp_path: Path, reason: str, ci: str, processes: str, status: int
) -> None:
    file = tmp_path / "test_one.py"
    file.write_text(f"import pytest\n\n\ndef test_one():\n    pytest.skip({reason!r})\n\n\ndef test_two():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-n", processes]
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", str(file)], cwd=REPOSITORY, env={**os.environ, "CI": ci}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    assert ("skipped, which CI does not expect" in done.stdout) == bool(status)
