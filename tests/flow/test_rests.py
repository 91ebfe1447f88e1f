"""Deployments that refuse for what will last are asked last, and callers hear who may be asked when. On virtual time."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import InProcess, InProcessFleet, InProcessGateway, Received
from tests.support.virtual_time import VirtualTime
from tests.transport.raw_server import always, serving

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


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as one:
        yield one


def asker(client: httpx.Client, gateway: GatewayProcess) -> Callable[..., httpx.Response]:
    def ask(model: str = "pool") -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
        return client.post(f"{gateway.url}/v1/chat/completions", json=body)

    return ask


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and Retry-After."""
    return answer.status_code, answer.json()["error"]["code"], answer.headers.get("retry-after")


LASTING = [
    "rate_limit_bare_429", "rate_limit_nonsense_429", "overloaded_529", "unauthorized_401", "payment_402", "model_404",
    "insufficient_quota_429", "forbidden_403", "gone_410", "redirect", "credit_400",
]  # fmt: skip
SAID = {
    "retry-info": ({**RATE, "details": [RETRY_INFO]}, "429 Too Many Requests"),
    "words": ({**RATE, "message": "Rate limit reached. Please try again in 20s."}, "429 Too Many Requests"),
    "metadata": ({**RATE, "metadata": {"headers": {"X-RateLimit-Reset": "20"}}}, "429 Too Many Requests"),
    "words-of-a-402": ({**RATE, "message": "Credits come back; retry after 20 seconds."}, "402 Payment Required"),
    "words-of-a-503": ({**RATE, "message": "Busy; retry in 20s."}, "503 Service Unavailable"),
}
HEADERS = {
    "in-2099": (["retry-after: Thu, 01 Jan 2099 00:00:00 GMT"], 290, 300),
    "two-lines": (["retry-after: 20", "retry-after: 30"], 30, 30),
    "two-cases": (["retry-after: 30", "Retry-After: 20"], 30, 30),
    "one-of-two": (["retry-after: soon", "retry-after: 7"], 7, 7),
    "too-many-digits": (["retry-after: 999999999999"], 290, 300),
    "a-fraction": (["retry-after: 0.2"], 1, 1),
}


def pools(refusing: dict[str, str], good: str) -> dict[str, Any]:
    """Each of these deployments alone, and with `b` after it as `pool-of-NAME`."""
    return {
        "deployments": {name: deployment(url, name) for name, url in refusing.items()} | {"b": deployment(good, "ok")},
        "models": {f"pool-of-{name}": {"deployments": [name, "b"]} for name in refusing},
        "policy": {"rules": [{"name": "rest", "fallback": {"retries": 0}}]},
    }


@pytest.fixture(scope="module")
def refused(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    config = pools(dict.fromkeys(LASTING, upstream.base_url), upstream.base_url)
    with GatewayProcess(tmp_path_factory.mktemp("refused"), config) as process:
        yield process


def refusal(error: object, headers: list[str], status: str) -> bytes:
    body = json.dumps({"error": error}).encode()
    lines = [f"HTTP/1.1 {status}", *headers, "content-type: application/json", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture(scope="module")
def scripted() -> Iterator[dict[str, str]]:
    """The addresses of servers that refuse as `SAID` and `HEADERS` have it, in a thread of their own."""
    answers = {name: refusal(error, [], status) for name, (error, status) in SAID.items()}
    answers |= {name: refusal(RATE, headers, "429 Too Many Requests") for name, (headers, _, _) in HEADERS.items()}
    urls: dict[str, str] = {}
    ready, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with AsyncExitStack() as servers:
            for name, answer in answers.items():
                server = await servers.enter_async_context(serving(always(answer)))
                urls[name] = f"http://127.0.0.1:{server.port}/v1"
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield urls
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def waiting(
    upstream: Upstream, scripted: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    config = pools(scripted, upstream.base_url)
    with GatewayProcess(tmp_path_factory.mktemp("waiting"), config) as process:
        yield process


def tries_of_forty(ask: Callable[..., httpx.Response], model: str) -> int:
    """How many asked the first of the pool, the second having answered all."""
    answers = [ask(model) for _ in range(40)]
    assert {one.headers["x-gateway-deployment"] for one in answers} == {"b"}
    return [one.headers["x-gateway-attempts"] for one in answers].count("2")


@pytest.mark.parametrize("fault", LASTING)
def test_of_forty_requests_few_try_one_that_refuses_all(
    client: httpx.Client, refused: GatewayProcess, fault: str
) -> None:
    assert 3 <= tries_of_forty(asker(client, refused), f"pool-of-{fault}") <= FEW


def test_the_decision_says_that_it_is_asked_last(client: httpx.Client, refused: GatewayProcess) -> None:
    ask = asker(client, refused)
    answers = [ask("pool-of-model_404") for _ in range(4)]
    record = refused.decision(answers[-1].headers["x-gateway-decision"])
    assert any("asked last, it refused one request after the other" in line for line in record["sentences"])
    assert record["record"]["outcome"] == "ok"


@pytest.mark.parametrize("said", SAID)
def test_a_wait_that_only_the_body_says_is_kept(client: httpx.Client, waiting: GatewayProcess, said: str) -> None:
    assert 1 <= tries_of_forty(asker(client, waiting), f"pool-of-{said}") <= 3


@pytest.mark.parametrize("name", HEADERS)
def test_odd_headers_break_no_wait(client: httpx.Client, waiting: GatewayProcess, name: str) -> None:
    _, least, most = HEADERS[name]
    status, code, wait = told(asker(client, waiting)(name))
    assert (status, code) == (429, "rate_limited")
    assert least <= int(wait or 0) <= most


def test_one_of_each_refusal_among_answers_moves_nobody(client: httpx.Client, fleet: Fleet, tmp_path: Path) -> None:
    first, second = fleet.stands
    first.play(*(one for fault in LASTING for one in (fault, "ok", "ok")), in_order=True)
    second.play("ok")
    with started(tmp_path, first.base_url, second.base_url) as gateway:
        ask = asker(client, gateway)
        by = [ask().headers["x-gateway-deployment"] for _ in range(3 * len(LASTING))]
    assert by == ["b", "a", "a"] * len(LASTING)


def test_while_all_refuse_a_credential_callers_hear_that(client: httpx.Client, fleet: Fleet, tmp_path: Path) -> None:
    for stand in fleet.stands:
        stand.play("unauthorized_401")
    more = {"api_key": "${env:KEY_OF_A}"}
    with started(tmp_path, fleet.stands[0].base_url, fleet.stands[1].base_url, **more) as gateway:
        ask = asker(client, gateway)
        assert {told(ask()) for _ in range(12)} == {(502, "credential_refused", None)}
        assert {told(ask("a")) for _ in range(4)} == {(502, "credential_refused", None)}
        ready = client.get(f"{gateway.url}/readyz").json()
        assert ready["deployments"] == {"a": "resting", "b": "resting"}
        for stand in fleet.stands:
            stand.play("ok")
        assert ask().status_code == 200
    log = gateway.log.read_text()
    for name in "ab":
        assert log.count(f"deployment {name} refused the gateway's credential: HTTP 401") == 1
    assert SECRET not in log


def test_the_log_says_it_at_once_and_again_only_after_it_was_taken(
    client: httpx.Client, fleet: Fleet, tmp_path: Path
) -> None:
    first, second = fleet.stands
    first.play("unauthorized_401", "forbidden_403", "ok", "unauthorized_401", "ok", in_order=True)
    second.play("ok")
    with started(tmp_path, first.base_url, second.base_url) as gateway:
        ask, said = asker(client, gateway), []
        for _ in range(5):
            ask()
            said.append(gateway.log.read_text().count("deployment a refused the gateway's credential"))
    assert said == [1, 1, 1, 2, 2]


def test_a_bad_credential_beside_a_rate_limit_is_told_with_the_others_time(
    client: httpx.Client, fleet: Fleet, tmp_path: Path
) -> None:
    fleet.stands[0].play("unauthorized_401")
    fleet.stands[1].play("rate_limit_429@60")
    with started(tmp_path, fleet.stands[0].base_url, fleet.stands[1].base_url) as gateway:
        ask = asker(client, gateway)
        assert told(ask()) == (429, "rate_limited", "60")
        status, code, wait = told(ask())
        assert (status, code) == (502, "credential_refused")
        assert 1 < int(wait or 0) <= 60


@pytest.mark.parametrize("waits", [(10, 4200), (4200, 10)])
def test_the_caller_is_told_when_the_first_may_be_asked(
    client: httpx.Client, fleet: Fleet, tmp_path: Path, waits: tuple[int, int]
) -> None:
    for stand, wait_s in zip(fleet.stands, waits, strict=True):
        stand.play(f"rate_limit_429@{wait_s}")
        stand.forget()
    with started(tmp_path, fleet.stands[0].base_url, fleet.stands[1].base_url) as gateway:
        ask, since = asker(client, gateway), time.monotonic()
        assert told(ask()) == (429, "rate_limited", "10")
        status, code, wait = told(ask())
        took = time.monotonic() - since
    assert (status, code) == (429, "rate_limited")
    assert 10 - took <= int(wait or 0) <= 10
    assert [stand.calls()["chat"] for stand in fleet.stands] == [1, 1]
