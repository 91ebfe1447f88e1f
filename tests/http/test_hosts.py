"""Callers never choose hosts: wherever one writes an address, nobody is called there (law 8)."""

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.client import BODY
from tests.support.gateway import GatewayProcess
from tests.support.scripted import Scripted, completion, response


@pytest.fixture
def decoy() -> Iterator[Scripted]:
    with Scripted(lambda _: response(completion())) as server:
        yield server


def places(url: str) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """Path, members of the body and headers by which other gateways, or SDKs, are told where to go."""
    host = url.removeprefix("http://").removesuffix("/v1")
    return [
        ("/v1/chat/completions", {"base_url": url, "api_base": url, "api_key": "sk-mine", "endpoint": url}, {}),
        ("/v1/chat/completions", {"extra_body": {"base_url": url}, "metadata": {"base_url": url}}, {}),
        ("/v1/chat/completions", {"model": url}, {}),
        ("/v1/chat/completions", {"model": f"ok@{url}"}, {}),
        (
            "/v1/chat/completions",
            {},
            {"x-portkey-custom-host": url, "x-forwarded-host": host, "forwarded": f"host={host}"},
        ),
        ("/v1/chat/completions", {}, {"x-original-url": f"{url}/chat/completions", "x-rewrite-url": url}),
        ("/v1/chat/completions", {}, {"proxy": url, "http_proxy": url, "location": url}),
        ("/v1/chat/completions?base_url=" + url, {}, {}),
        ("/v1/messages", {"base_url": url, "max_tokens": 9}, {"anthropic-base-url": url}),
    ]


def test_no_caller_brings_a_call_elsewhere(gateway: GatewayProcess, decoy: Scripted) -> None:
    statuses = []
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
        for path, members, headers in places(decoy.base_url):
            answer = client.post(path, json={"model": "chat", **BODY, **members}, headers=headers)
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                assert answer.headers["x-gateway-deployment"] == "ok"
    assert decoy.asked == []
    assert statuses == [200, 200, 404, 404, 200, 200, 200, 200, 200]
