"""Deployments that refuse for what will last are asked last, and callers hear who may be asked when. Over real sockets."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment
from tests.transport.raw_server import Server, always, serving

FEW = 8  # of 40: three in a row, and probes if the machine is slow
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "20s"}
RATE = {"code": 429, "message": "Slow down."}
SECRET = "sk-a-secret-of-the-tests-0123456789"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(2) as running:
        yield running


def started(folder: Path, first_url: str, second_url: str, **first: Any) -> GatewayProcess:
    """`pool` is `a`, then `b`. Nothing is retried: each request asks each of them once at most."""
    config = {
        "deployments": {"a": deployment(first_url, "any", **first), "b": deployment(second_url, "any")},
        "models": {"pool": {"deployments": ["a", "b"]}},
        "policy": {"rules": [{"name": "rest", "fallback": {"retries": 0}}]},
    }
    return GatewayProcess(folder, config, {"KEY_OF_A": SECRET})


def ask(gateway: GatewayProcess, model: str = "pool") -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=30, trust_env=False)


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and Retry-After."""
    return answer.status_code, answer.json()["error"]["code"], answer.headers.get("retry-after")


@contextmanager
def refusing(error: object, *headers: str, status: str = "429 Too Many Requests") -> Iterator[Server]:
    """A server of its own thread that refuses every request so."""
    body = json.dumps({"error": error}).encode()
    lines = [f"HTTP/1.1 {status}", *headers, "content-type: application/json", f"content-length: {len(body)}", "", ""]
    found: list[Server] = []
    ready, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving(always("\r\n".join(lines).encode() + body)) as server:
            found.append(server)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


LASTING = [
    "rate_limit_bare_429", "rate_limit_nonsense_429", "overloaded_529", "unauthorized_401", "payment_402", "model_404",
    "insufficient_quota_429", "forbidden_403", "gone_410", "redirect", "credit_400",
]  # fmt: skip


@pytest.mark.parametrize("fault", LASTING)
def test_of_forty_requests_few_try_one_that_refuses_all(fleet: Fleet, tmp_path: Path, fault: str) -> None:
    first, second = fleet.stands
    first.play(fault)
    second.play("ok")
    with started(tmp_path, first.base_url, second.base_url) as gateway:
        first.forget()
        answers = [ask(gateway) for _ in range(40)]
        assert {one.headers["x-gateway-deployment"] for one in answers} == {"b"}
        assert 3 <= first.calls()["chat"] <= FEW
        sentences = gateway.decision(answers[-1].headers["x-gateway-decision"])["sentences"]
        assert any(line.startswith("a: eligible; number 2; asked last") for line in sentences) or any(
            "asked last, it refused one request after the other" in line for line in sentences
        )


SAID = {
    "Google's RetryInfo": ({**RATE, "details": [RETRY_INFO]}, "429 Too Many Requests"),
    "words": ({**RATE, "message": "Rate limit reached. Please try again in 20s."}, "429 Too Many Requests"),
    "OpenRouter": ({**RATE, "metadata": {"headers": {"X-RateLimit-Reset": "20"}}}, "429 Too Many Requests"),
    "words of a 402": ({**RATE, "message": "Credits come back; retry after 20 seconds."}, "402 Payment Required"),
    "words of a 503": ({**RATE, "message": "Busy; retry in 20s."}, "503 Service Unavailable"),
}


@pytest.mark.parametrize("said", SAID)
def test_a_wait_that_only_the_body_says_is_kept(fleet: Fleet, tmp_path: Path, said: str) -> None:
    error, status = SAID[said]
    fleet.stands[1].play("ok")
    with refusing(error, status=status) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        with started(tmp_path, url, fleet.stands[1].base_url) as gateway:
            assert all(ask(gateway).status_code == 200 for _ in range(40))
            assert 1 <= len(server.requests) <= 3


def test_one_of_each_refusal_among_answers_moves_nobody(fleet: Fleet, tmp_path: Path) -> None:
    first, second = fleet.stands
    first.play(*(one for fault in LASTING for one in (fault, "ok", "ok")), in_order=True)
    second.play("ok")
    with started(tmp_path, first.base_url, second.base_url) as gateway:
        first.forget()
        by = [ask(gateway).headers["x-gateway-deployment"] for _ in range(3 * len(LASTING))]
    assert by == ["b", "a", "a"] * len(LASTING)


def test_while_all_refuse_a_credential_callers_hear_that(fleet: Fleet, tmp_path: Path) -> None:
    for stand in fleet.stands:
        stand.play("unauthorized_401")
    more = {"api_key": "${env:KEY_OF_A}"}
    with started(tmp_path, fleet.stands[0].base_url, fleet.stands[1].base_url, **more) as gateway:
        assert {told(ask(gateway)) for _ in range(12)} == {(502, "credential_refused", None)}
        assert {told(ask(gateway, "a")) for _ in range(4)} == {(502, "credential_refused", None)}
        ready = httpx.get(f"{gateway.url}/readyz", trust_env=False).json()
        assert ready["deployments"] == {"a": "resting", "b": "resting"}
        for stand in fleet.stands:
            stand.play("ok")
        assert ask(gateway).status_code == 200
    log = gateway.log.read_text()
    for name in "ab":
        assert len(re.findall(f"deployment {name} refused the gateway's credential: HTTP 401", log)) == 1
    assert SECRET not in log
    assert "sk-fake" not in log.replace(SECRET, "")


def test_the_log_says_it_at_once_and_again_only_after_it_was_taken(fleet: Fleet, tmp_path: Path) -> None:
    first, second = fleet.stands
    first.play("unauthorized_401", "forbidden_403", "ok", "unauthorized_401", "ok", in_order=True)
    second.play("ok")
    with started(tmp_path, first.base_url, second.base_url) as gateway:
        said = []
        for _ in range(5):
            ask(gateway)
            said.append(gateway.log.read_text().count("deployment a refused the gateway's credential"))
    assert said == [1, 1, 1, 2, 2]


def test_a_bad_credential_beside_a_rate_limit_is_told_with_the_others_time(fleet: Fleet, tmp_path: Path) -> None:
    first, second = fleet.stands
    first.play("unauthorized_401")
    second.play("rate_limit_429@10")
    with started(tmp_path, first.base_url, second.base_url) as gateway:
        assert told(ask(gateway)) == (429, "rate_limited", "10")
        status, code, wait = told(ask(gateway))
        assert (status, code) == (502, "credential_refused")
        assert 1 <= int(wait or 0) <= 10


@pytest.mark.parametrize("waits", [(10, 4200), (4200, 10)])
def test_the_caller_is_told_when_the_first_may_be_asked(fleet: Fleet, tmp_path: Path, waits: tuple[int, int]) -> None:
    for stand, wait_s in zip(fleet.stands, waits, strict=True):
        stand.play(f"rate_limit_429@{wait_s}")
    with started(tmp_path, fleet.stands[0].base_url, fleet.stands[1].base_url) as gateway:
        for stand in fleet.stands:
            stand.forget()
        since = time.monotonic()
        assert told(ask(gateway)) == (429, "rate_limited", "10")
        status, code, wait = told(ask(gateway))
        took = time.monotonic() - since
        assert (status, code) == (429, "rate_limited")
        assert 10 - took - 1 <= int(wait or 0) <= 10
        assert [stand.calls()["chat"] for stand in fleet.stands] == [1, 1]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (["retry-after: Thu, 01 Jan 2099 00:00:00 GMT"], 290, 300),
        (["retry-after: 20", "retry-after: 30"], 30, 30),
        (["retry-after: 30", "Retry-After: 20"], 30, 30),
        (["retry-after: soon", "retry-after: 7"], 7, 7),
        (["retry-after: 999999999999"], 290, 300),
        (["retry-after: 0.2"], 1, 1),
    ],
)
def test_odd_headers_break_no_wait(fleet: Fleet, tmp_path: Path, headers: list[str], least: int, most: int) -> None:
    with refusing(RATE, *headers) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        with started(tmp_path, url, fleet.stands[1].base_url) as gateway:
            status, code, wait = told(ask(gateway, "a"))
            assert (status, code) == (429, "rate_limited")
            assert least <= int(wait or 0) <= most
