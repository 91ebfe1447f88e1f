"""A policy is replaced whole or not at all, while the gateway serves (law 7)."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess

BODY = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}


def rule(order: str) -> str:
    return f"rules: [{{name: only, prefer: {{order: [{order}]}}}}]\n"


@pytest.fixture
def gateway(upstream: Upstream, tmp_path: Path) -> Iterator[GatewayProcess]:
    (tmp_path / "policy.yaml").write_text(rule("ok"))
    config = configuration(upstream.base_url, policy="policy.yaml")
    config["models"]["both"] = {"deployments": ["ok", "vllm"]}
    with GatewayProcess(tmp_path, config) as process:
        yield process


def wait_for(what: Callable[[], Any], within_s: float = 4) -> None:
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def ready(gateway: GatewayProcess) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{gateway.url}/readyz", trust_env=False).json()
    return found


def answered(gateway: GatewayProcess) -> tuple[str, str]:
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=BODY, trust_env=False)
    assert answer.status_code == 200
    return answer.headers["x-gateway-deployment"], answer.headers["x-gateway-policy"]


def test_a_change_of_the_file_takes_effect(gateway: GatewayProcess) -> None:
    first = answered(gateway)
    assert first[0] == "ok"
    (gateway.directory / "policy.yaml").write_text(rule("vllm"))
    wait_for(lambda: ready(gateway)["policy"].startswith("2-"))
    assert answered(gateway) == ("vllm", ready(gateway)["policy"])


@pytest.mark.parametrize("broken", ["rules: []", "rules: [{name: a, wen: {}}]", "{", rule("nobody"), None])
def test_a_broken_one_changes_nothing_and_is_visible(gateway: GatewayProcess, broken: str | None) -> None:
    before = answered(gateway)
    file = gateway.directory / "policy.yaml"
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    os.kill(gateway.pid, signal.SIGHUP)
    wait_for(lambda: ready(gateway)["newest_policy_refused"])
    assert answered(gateway) == before
    assert ready(gateway)["ready"]
    metrics = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    assert 'gateway_policy_reloads_total{result="refused"}' in metrics
    assert "is refused" in gateway.log.read_text()
    file.write_text(rule("vllm"))
    wait_for(lambda: not ready(gateway)["newest_policy_refused"])
    assert answered(gateway)[0] == "vllm"


def test_a_stream_ends_on_the_plan_it_began_with(gateway: GatewayProcess) -> None:
    body = {**BODY, "model": "endless", "stream": True}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, trust_env=False) as answer:
        parts = answer.iter_raw()
        next(parts)
        (gateway.directory / "policy.yaml").write_text(rule("vllm"))
        os.kill(gateway.pid, signal.SIGHUP)
        wait_for(lambda: ready(gateway)["policy"].startswith("2-"))
        assert next(parts)
        began = answer.headers["x-gateway-policy"]
    record = gateway.decision(answer.headers["x-gateway-decision"])["record"]
    assert record["decision"]["revision"] == began
    assert began.startswith("1-")


def test_the_same_document_is_the_same_revision(gateway: GatewayProcess) -> None:
    before = ready(gateway)["policy"]
    os.kill(gateway.pid, signal.SIGHUP)
    text = 'gateway_policy_reloads_total{result="taken"} 1.0'
    wait_for(lambda: text in httpx.get(f"{gateway.url}/metrics", trust_env=False).text)
    assert ready(gateway)["policy"] == before
