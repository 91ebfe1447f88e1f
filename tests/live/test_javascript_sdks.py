"""The official SDKs for JavaScript, from npm as it is today, against providers of both dialects."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import APP_KEY, Upstream
from tests.support.gateway import GatewayProcess
from tests.support.two_sides import SECRETS, configuration

SCRIPT = Path(__file__).with_name("sdks.mjs")
PACKAGES = ("@anthropic-ai/sdk", "openai")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed"),
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that has them."""
    directory = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    subprocess.run(command, cwd=directory, check=True, timeout=300)
    return directory


@pytest.fixture(scope="module")
def url(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with GatewayProcess(tmp_path_factory.mktemp("javascript"), configuration(upstream.base_url), SECRETS) as gateway:
        yield gateway.url


def test_both_sdks_read_every_answer(packages: Path, url: str) -> None:
    ran = subprocess.run(
        ["node", SCRIPT, url, APP_KEY], cwd=packages, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    for side in ("a", "o"):
        assert found[side] == {
            "whole": "You said: Say hello.",
            "streamed": "You said: Say hello.",
            "first": "message_start",
            "last": "message_stop",
            "calls": [["get_weather", "string"], ["get_forecast", "string"]],
            "after": "end_turn",
            "thought": ["thinking", "text"],
            "seen": True,
            "counted": True,
            "beta": "end_turn",
            "error": ["RateLimitError", 429, "rate_limit_error"],
            "broken": True,
        }
    assert found["openai"] == {
        "whole": "You said: Say hello.",
        "calls": [{"city": "Paris é", "days": 2}, {"city": "Rom"}],
    }
