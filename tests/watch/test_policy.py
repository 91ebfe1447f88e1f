"""A policy is replaced whole or not at all, while the gateway serves (law 7)."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess
from tests.support.in_process import InProcessGateway, in_front_of
from tests.support.waiting import wait_for

BODY = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}


def rule(order: str) -> str:
    return f"rules: [{{name: only, prefer: {{order: [{order}]}}}}]\n"


def configuration_of(base_url: str) -> dict[str, Any]:
    config = configuration(base_url, policy="policy.yaml")
    config["models"]["both"] = {"deployments": ["ok", "vllm"]}
    return config


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    (tmp_path / "policy.yaml").write_text(rule("ok"))
    with in_front_of(1, tmp_path, lambda stands: configuration_of(stands[0].base_url)) as running:
        yield running.gateway


@pytest.fixture
def process(upstream: Upstream, tmp_path: Path) -> Iterator[GatewayProcess]:
    """With signals."""
    (tmp_path / "policy.yaml").write_text(rule("ok"))
    with GatewayProcess(tmp_path, configuration_of(upstream.base_url)) as running:
        yield running


def ready(gateway: GatewayProcess | InProcessGateway) -> dict[str, Any]:
    found: dict[str, Any] = gateway.client().get("/readyz").json()
    return found


def answered(gateway: InProcessGateway) -> tuple[str, str]:
    answer = gateway.client().post("/v1/chat/completions", json=BODY)
    assert answer.status_code == 200
    return answer.headers["x-gateway-deployment"], answer.headers["x-gateway-policy"]


def test_a_change_of_the_file_takes_effect(gateway: InProcessGateway) -> None:
    first = answered(gateway)
    assert first[0] == "ok"
    (gateway.directory / "policy.yaml").write_text(rule("vllm"))
    gateway.virtual.wait_for(lambda: ready(gateway)["policy"].startswith("2-"), within_s=4)
    assert answered(gateway) == ("vllm", ready(gateway)["policy"])


@pytest.mark.parametrize("broken", ["rules: []", "rules: [{name: a, wen: {}}]", "{", rule("nobody"), None])
def test_a_broken_one_changes_nothing_and_is_visible(
    gateway: InProcessGateway, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    before = answered(gateway)
    file = gateway.directory / "policy.yaml"
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    gateway.reload_policy()
    gateway.virtual.wait_for(lambda: ready(gateway)["newest_policy_refused"], within_s=4)
    assert answered(gateway) == before
    assert ready(gateway)["ready"]
    metrics = gateway.client().get("/metrics").text
    assert 'gateway_policy_reloads_total{result="refused"}' in metrics
    assert "is refused" in caplog.text
    file.write_text(rule("vllm"))
    gateway.virtual.wait_for(lambda: not ready(gateway)["newest_policy_refused"], within_s=4)
    assert answered(gateway)[0] == "vllm"


def test_a_stream_ends_on_the_plan_it_began_with(process: GatewayProcess) -> None:
    body = {**BODY, "model": "endless", "stream": True}
    with httpx.stream("POST", f"{process.url}/v1/chat/completions", json=body, trust_env=False) as answer:
        parts = answer.iter_raw()
        next(parts)
        (process.directory / "policy.yaml").write_text(rule("vllm"))
        os.kill(process.pid, signal.SIGHUP)
        wait_for(lambda: ready(process)["policy"].startswith("2-"), within_s=30)
        assert next(parts)
        began = answer.headers["x-gateway-policy"]
    record = process.decision(answer.headers["x-gateway-decision"])["record"]
    assert record["decision"]["revision"] == began
    assert began.startswith("1-")


def test_the_same_document_is_the_same_revision(gateway: InProcessGateway) -> None:
    before = ready(gateway)["policy"]
    gateway.reload_policy()
    text = 'gateway_policy_reloads_total{result="taken"} 1.0'
    gateway.virtual.wait_for(lambda: text in gateway.client().get("/metrics").text, within_s=4)
    assert ready(gateway)["policy"] == before
