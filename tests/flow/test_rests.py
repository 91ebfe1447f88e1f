"""Deployments that refuse for what will last are asked last, and callers hear who may be asked when. On virtual time."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import InProcessFleet, InProcessGateway, Received
from tests.support.virtual_time import VirtualTime
from tests.transport.raw_server import always, serving

FEW = 3  # of 40: in a row; no time passes for probes
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "20s"}
RATE = {"code": 429, "message": "Slow down."}
SECRET = "sk-a-secret-of-the-tests-0123456789"
Started = Callable[..., InProcessGateway]


@pytest.fixture(scope="module")
def virtual() -> Iterator[VirtualTime]:
    with VirtualTime() as running:
        yield running


@pytest.fixture(scope="module")
def stands(virtual: VirtualTime) -> Iterator[list[Stand]]:
    with InProcessFleet(virtual, 2) as running:
        yield running.stands


@pytest.fixture(scope="module")
def good(virtual: VirtualTime) -> Iterator[Stand]:
    """Does what the model's name says."""
    with InProcessFleet(virtual, 1) as running:
        yield running.stands[0]


@pytest.fixture
def gateway_of_two(virtual: VirtualTime, stands: list[Stand], tmp_path: Path) -> Iterator[Started]:
    """`pool` is `a`, then `b`. Nothing is retried: each request asks each of them once at most."""
    with ExitStack() as running:

        def started(**first: Any) -> InProcessGateway:
            a, b = stands
            config = {
                "deployments": {"a": deployment(a.base_url, "any", **first), "b": deployment(b.base_url, "any")},
                "models": {"pool": {"deployments": ["a", "b"]}},
                "policy": {"rules": [{"name": "rest", "fallback": {"retries": 0}}]},
            }
            return running.enter_context(InProcessGateway(virtual, tmp_path, config, {"KEY_OF_A": SECRET}))

        yield started


def ask(gateway: InProcessGateway, model: str = "pool") -> Received:
    return gateway.chats(model, max_tokens=16)[0]


def told(answer: Received) -> tuple[int, str, str | None]:
    """Status, code and Retry-After."""
    return answer.status, answer.json()["error"]["code"], answer.headers.get("retry-after")


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
def refused(virtual: VirtualTime, good: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessGateway]:
    config = pools(dict.fromkeys(LASTING, good.base_url), good.base_url)
    with InProcessGateway(virtual, tmp_path_factory.mktemp("refused"), config, {}) as running:
        yield running


def refusal(error: object, headers: list[str], status: str) -> bytes:
    body = json.dumps({"error": error}).encode()
    lines = [f"HTTP/1.1 {status}", *headers, "content-type: application/json", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture(scope="module")
def waiting(virtual: VirtualTime, good: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessGateway]:
    """In front of servers that refuse as `SAID` and `HEADERS` have it."""
    answers = {name: refusal(error, [], status) for name, (error, status) in SAID.items()}
    answers |= {name: refusal(RATE, headers, "429 Too Many Requests") for name, (headers, _, _) in HEADERS.items()}
    servers = {name: serving(always(answer)) for name, answer in answers.items()}
    urls = {name: f"http://127.0.0.1:{virtual.run(one.__aenter__()).port}/v1" for name, one in servers.items()}
    with InProcessGateway(virtual, tmp_path_factory.mktemp("waiting"), pools(urls, good.base_url), {}) as running:
        yield running
    for one in servers.values():
        virtual.run(one.__aexit__(None, None, None))


def tries_of_forty(gateway: InProcessGateway, model: str) -> int:
    """How many asked the first of the pool, the second having answered all."""
    answers = [ask(gateway, model) for _ in range(40)]
    assert {one.headers["x-gateway-deployment"] for one in answers} == {"b"}
    return [one.headers["x-gateway-attempts"] for one in answers].count("2")


@pytest.mark.parametrize("fault", LASTING)
def test_of_forty_requests_few_try_one_that_refuses_all(refused: InProcessGateway, fault: str) -> None:
    assert tries_of_forty(refused, f"pool-of-{fault}") == FEW


def test_the_decision_says_that_it_is_asked_last(refused: InProcessGateway) -> None:
    answers = [ask(refused, "pool-of-model_404") for _ in range(4)]
    record = refused.decision(answers[-1].headers["x-gateway-decision"])
    assert any("asked last, it refused one request after the other" in line for line in record["sentences"])
    assert record["record"]["outcome"] == "ok"


@pytest.mark.parametrize("said", SAID)
def test_a_wait_that_only_the_body_says_is_kept(waiting: InProcessGateway, said: str) -> None:
    assert 1 <= tries_of_forty(waiting, f"pool-of-{said}") <= 3


@pytest.mark.parametrize("name", HEADERS)
def test_odd_headers_break_no_wait(waiting: InProcessGateway, name: str) -> None:
    _, least, most = HEADERS[name]
    status, code, wait = told(ask(waiting, name))
    assert (status, code) == (429, "rate_limited")
    assert least <= int(wait or 0) <= most


def test_one_of_each_refusal_among_answers_moves_nobody(stands: list[Stand], gateway_of_two: Started) -> None:
    first, second = stands
    first.play(*(one for fault in LASTING for one in (fault, "ok", "ok")), in_order=True)
    second.play("ok")
    gateway = gateway_of_two()
    by = [ask(gateway).headers["x-gateway-deployment"] for _ in range(3 * len(LASTING))]
    assert by == ["b", "a", "a"] * len(LASTING)


def test_while_all_refuse_a_credential_callers_hear_that(
    stands: list[Stand], gateway_of_two: Started, caplog: pytest.LogCaptureFixture
) -> None:
    for stand in stands:
        stand.play("unauthorized_401")
    gateway = gateway_of_two(api_key="${env:KEY_OF_A}")
    assert {told(ask(gateway)) for _ in range(12)} == {(502, "credential_refused", None)}
    assert {told(ask(gateway, "a")) for _ in range(4)} == {(502, "credential_refused", None)}
    assert gateway.states() == {"a": "resting", "b": "resting"}
    for stand in stands:
        stand.play("ok")
    assert ask(gateway).status == 200
    for name in "ab":
        assert caplog.text.count(f"deployment {name} refused the gateway's credential: HTTP 401") == 1
    assert SECRET not in caplog.text


def test_the_log_says_it_at_once_and_again_only_after_it_was_taken(
    stands: list[Stand], gateway_of_two: Started, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = stands
    first.play("unauthorized_401", "forbidden_403", "ok", "unauthorized_401", "ok", in_order=True)
    second.play("ok")
    gateway = gateway_of_two()
    said = []
    for _ in range(5):
        ask(gateway)
        said.append(caplog.text.count("deployment a refused the gateway's credential"))
    assert said == [1, 1, 1, 2, 2]


def test_a_bad_credential_beside_a_rate_limit_is_told_with_the_others_time(
    stands: list[Stand], gateway_of_two: Started
) -> None:
    stands[0].play("unauthorized_401")
    stands[1].play("rate_limit_429@60")
    gateway = gateway_of_two()
    assert told(ask(gateway)) == (429, "rate_limited", "60")
    status, code, wait = told(ask(gateway))
    assert (status, code) == (502, "credential_refused")
    assert 1 < int(wait or 0) <= 60


@pytest.mark.parametrize("waits", [(10, 4200), (4200, 10)])
def test_the_caller_is_told_when_the_first_may_be_asked(
    stands: list[Stand], gateway_of_two: Started, waits: tuple[int, int]
) -> None:
    for stand, wait_s in zip(stands, waits, strict=True):
        stand.play(f"rate_limit_429@{wait_s}")
        stand.forget()
    gateway = gateway_of_two()
    assert told(ask(gateway)) == (429, "rate_limited", "10")
    gateway.virtual.sleep(2.5)
    assert told(ask(gateway)) == (429, "rate_limited", "8")
    assert [stand.calls()["chat"] for stand in stands] == [1, 1]
