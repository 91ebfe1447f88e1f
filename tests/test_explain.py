"""`gateway explain`: a header that is not understood is refused; else another request would be explained than was meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.support.gateway import REPOSITORY

BODY = '{"model": "chat", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}'


def explained(directory: Path, *headers: str) -> Result:
    (directory / "body.json").write_text(BODY)
    policy = str(REPOSITORY / "policies" / "enterprise.yaml")
    given = [part for header in headers for part in ("-H", header)]
    return CliRunner().invoke(main, ["explain", "-c", policy, "-f", str(directory / "body.json"), *given])


def test_a_header_counts(tmp_path: Path) -> None:
    done = explained(tmp_path, "X-Gateway-Sensitivity: restricted")
    assert done.exit_code == 0
    assert "Rule 'personal-data-stays-home'" in done.output


@pytest.mark.parametrize(
    "headers",
    [
        ["x-gateway-sensitivity=restricted"],
        [": restricted"],
        ["x-gateway-sensitivity: public", "X-Gateway-Sensitivity: restricted"],
    ],
)
def test_a_header_that_would_be_lost(tmp_path: Path, headers: list[str]) -> None:
    done = explained(tmp_path, *headers)
    assert done.exit_code == 2
    assert "--header" in done.output
