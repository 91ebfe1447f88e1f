"""Labels of metrics are bounded by construction: nothing that callers send makes a series (law 10)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import APP_KEY, Upstream, configuration
from tests.support.gateway import REPOSITORY, GatewayProcess

NAMES = {
    "deployment", "model", "rule", "outcome", "fault", "code", "surface", "kind", "result", "state", "arm", "reason", "anomaly",
    "member", "reported", "le",
}  # fmt: skip
_SERIES = re.compile(r"^(\w+(?:\{.*\})?) ", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@pytest.fixture(scope="module")
def keyed(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One of its own, whose series nobody else adds to."""
    keys = {"app": {"secret": "${env:APP_KEY}", "team": "blue"}}
    config = configuration(upstream.base_url, keys=keys)
    with GatewayProcess(tmp_path_factory.mktemp("labels"), config, {"APP_KEY": APP_KEY}) as process:
        yield process


def everything(client: httpx.Client, word: str) -> None:
    """Requests that have `word` wherever a caller can write one, and end in every way that it can bring about."""
    key, hello = {"authorization": f"Bearer {APP_KEY}"}, [{"role": "user", "content": word, "name": word}]
    told = {"x-gateway-tags": f"{word}={word}", "x-gateway-session": word, "x-request-id": word, "user-agent": word}
    chat: dict[str, Any] = {"model": "chat", "messages": hello, "user": word, word: word, "max_tokens": 9}
    for stream in (False, True):
        assert (
            client.post("/v1/chat/completions", json={**chat, "stream": stream}, headers=key | told).status_code == 200
        )
    assert client.post("/v1/chat/completions", json={**chat, "model": word}, headers=key).status_code == 404
    assert client.post("/v1/chat/completions", json={**chat, "n": word}, headers=key).status_code == 400
    assert client.post("/v1/chat/completions", json=chat, headers=key | {"x-gateway-tags": word}).status_code == 400
    assert client.post("/v1/chat/completions", json=chat, headers={"x-api-key": word * 3}).status_code == 401
    assert client.post("/v1/completions", json={"model": "chat", "prompt": word}, headers=key).status_code == 400
    assert client.post("/v1/embeddings", json={"model": "chat", "input": word}, headers=key).status_code == 400
    messages = {"model": "chat", "messages": [{"role": "user", "content": word}], "max_tokens": 9}
    assert client.post("/v1/messages", json=messages, headers=key | told).status_code == 200
    assert client.get(f"/v1/{word}", headers=key).status_code == 404
    assert client.get(f"/admin/decisions/{word}", headers=key).status_code == 403


def test_what_callers_send_makes_no_series(keyed: GatewayProcess) -> None:
    with httpx.Client(base_url=keyed.url, trust_env=False, timeout=60) as client:
        everything(client, "zebra-before")  # series appear with their first event
        shown = []
        for word in ("zebra-first", "zebra-second", "zebra-third"):
            everything(client, word)
            shown.append(client.get("/metrics").text)
    series = [set(_SERIES.findall(text)) for text in shown]
    assert len(series[0]) > 100
    assert series[0] == series[1] == series[2]
    assert not any("zebra" in text for text in shown)
    labels = {name for one in series[2] for name, _ in _LABEL.findall(one)}
    assert {"deployment", "model", "outcome", "code"} <= labels <= NAMES


def test_no_metric_has_another_label() -> None:
    page = Path(REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[3])} <= NAMES
