"""Servers that several tests share: a fake upstream and gateways in front of it, each a process of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import hypothesis
import pytest

from gateway.values.deployment import Capability
from tests.support.gateway import REPOSITORY, GatewayProcess, deployment

APP_KEY, OPERATOR_KEY, NARROW_KEY = "app-key-0123456789", "operator-key-0123456789", "narrow-key-0123456789"
BEHAVIOURS = (
    "ok",
    "tools",
    "json_schema",
    "logprobs",
    "slow@1000",
    "slow@3000",
    "endless",
    "silent",
    "error_500",
    "rate_limit_429",
    "bad_param_400",
    "unauthorized_401",
    "model_404",
    "reset_after_headers",
    "tokens",
    "cut_after",
    "vllm",
    "unicode",
    "echoes_prompt",
)
TAKE_LONG = (
    "tests/cases/",
    "tests/flow/test_workers.py",
    "tests/insight/",
    "tests/policies/",
    "tests/routing/test_decide.py",
    "tests/verify/",
)
# why a test may be skipped in CI: what a machine need not have. Any other reason fails there
MAY_BE_ABSENT = re.compile(
    r"beside the (repository|checkout)|the Azure trace is not at|there is no (helm|promtool) on PATH"
    r"|no right to (mount|a namespace of processes)"
)

# an example may take as long as a busy machine needs: how fast it is, is what benchmarks say
hypothesis.settings.register_profile(
    "any-speed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-speed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no process works alone at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(TAKE_LONG))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI (`CI` is set) a test that was skipped for a reason that nobody expected is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or hasattr(session.config, "workerinput"):
        return
    reasons = {report.nodeid: str(report.longrepr[-1]) for report in reporter.stats.get("skipped", ())}
    unexpected = {test: reason for test, reason in reasons.items() if not MAY_BE_ABSENT.search(reason)}
    for test, reason in unexpected.items():
        reporter.write_line(f"\nskipped, which CI does not expect: {test}: {reason}", red=True)
    if unexpected:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass
class Upstream:
    """A fake upstream in a process of its own."""

    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def ask(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False).json()

    def last(self, model: str) -> dict[str, Any]:
        """The newest request for this behaviour."""
        answer = httpx.post(f"http://127.0.0.1:{self.port}/_last", content=model.encode(), trust_env=False)
        found: dict[str, Any] | None = answer.json()
        assert found is not None, f"nobody asked for {model}"
        return found


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fake_upstream"], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield Upstream(json.loads(process.stdout.readline())["port"])
        process.terminate()


def configuration(base_url: str, **more: Any) -> dict[str, Any]:
    """Each behaviour as a deployment of its own name, and `chat` in front of `ok`."""
    capable = [capability.value for capability in Capability]
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
    deployments = {
        name: deployment(base_url, name, capabilities=capable, price=price, max_output_tokens=1000)
        for name in BEHAVIOURS
    }
    deployments = {name.replace("@", "-"): entry for name, entry in deployments.items()}
    deployments["plain"] = deployment(base_url, "ok", clearance="internal", context_tokens=500, capabilities=[])
    return {"deployments": deployments, "models": {"chat": {"deployments": ["ok"]}}, **more}


@pytest.fixture(scope="session")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Without keys."""
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), configuration(upstream.base_url)) as process:
        yield process


@pytest.fixture(scope="session")
def keyed(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """With keys: an application's, an operator's, and one that may use `chat` only and sends confidential things."""
    directory: Path = tmp_path_factory.mktemp("keyed")
    (directory / "operator.key").write_text(f"{OPERATOR_KEY}\n")
    keys = {
        "app": {"secret": "${env:APP_KEY}", "team": "blue"},
        "operator": {"secret": "${file:operator.key}", "role": "operator"},
        "narrow": {"secret": "${env:NARROW_KEY}", "models": ["chat", "plain"], "sensitivity": "confidential"},
    }
    env = {"APP_KEY": APP_KEY, "NARROW_KEY": NARROW_KEY}
    with GatewayProcess(directory, configuration(upstream.base_url, keys=keys), env) as process:
        yield process
