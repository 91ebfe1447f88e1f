"""The embedded model counts as it is asked: a count is what the same prompt then uses."""

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.gateway import GatewayProcess

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
TURNS: list[Any] = [*HELLO, {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}, *HELLO]
ASKED: list[dict[str, Any]] = [
    {"messages": HELLO},
    {"messages": HELLO, "system": "Be brief."},
    {"messages": TURNS, "system": [{"type": "text", "text": "Grüße, 你好."}]},
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("embedded")) as process:
        yield process


@pytest.mark.parametrize("more", ASKED, ids=["one", "system", "turns"])
def test_a_count_is_exact(gateway: GatewayProcess, more: dict[str, Any]) -> None:
    body = {"model": "smollm2", **more}
    counted = httpx.post(f"{gateway.url}/v1/messages/count_tokens", json=body, trust_env=False, timeout=60)
    assert counted.status_code == 200, counted.text
    assert counted.headers["x-gateway-tokens"] == "exact"
    told = httpx.post(f"{gateway.url}/v1/messages", json={**body, "max_tokens": 1}, trust_env=False, timeout=60)
    usage = told.json()["usage"]
    used = usage["input_tokens"] + usage.get("cache_read_input_tokens", 0)
    assert counted.json() == {"input_tokens": used}
