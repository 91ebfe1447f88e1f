"""One attempt: which limit ended it, and whose fault that is."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted, completion, delta, events, response


def ask(gateway: GatewayProcess, model: str = "chat", headers: dict[str, str] | None = None, **more: Any) -> Any:
    """The answer, and its record."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=30, trust_env=False)
    return answer, gateway.decision(answer.headers["x-gateway-decision"])["record"]


@pytest.fixture(scope="module")
def deaf() -> Iterator[str]:
    """An address that takes no connection and refuses none: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.mark.parametrize("deadline_ms", [1, 150])
def test_a_deadline_that_passes_while_connecting_is_no_fault_of_the_provider(
    deaf: str, tmp_path: Path, deadline_ms: int
) -> None:
    config = {
        "deployments": {name: deployment(deaf, "any") for name in ("first", "second")},
        "models": {"chat": {"deployments": ["first", "second"]}},
    }
    with GatewayProcess(tmp_path, config) as gateway:
        for _ in range(6):  # more than shut a deployment, if they were its fault
            answer, record = ask(gateway, headers={"x-gateway-deadline-ms": str(deadline_ms)})
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
            assert record["fault"] == "policy"
            assert [attempt["outcome"] for attempt in record["attempts"]] == ["deadline_exceeded"]
        standing = httpx.get(f"{gateway.url}/readyz", trust_env=False).json()["deployments"]
        assert "shut" not in standing.values()


def test_connecting_has_a_limit_of_its_own(deaf: str, tmp_path: Path) -> None:
    slow = {"connect_s": 0.2, "first_output_s": 2.5, "idle_s": 0.7, "total_s": 5}
    config = {"deployments": {"chat": deployment(deaf, "any", timeouts=slow)}}
    with GatewayProcess(tmp_path, config) as gateway:
        _, record = ask(gateway)
        assert (record["outcome"], record["fault"]) == ("connect_timeout", "provider")


PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
UNKNOWN = 'gateway_attempts_of_unknown_cost_total{deployment="chat"}'


def sampled(gateway: GatewayProcess, sample: str) -> float:
    """A sample of the metrics; 0 if it is not there."""
    lines = httpx.get(f"{gateway.url}/metrics", trust_env=False).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample)), 0.0)


def says(asked: Asked) -> bytes | None:
    """By the prompt: what the upstream does."""
    match asked.text:
        case "breaks":
            return events(delta("one"), delta("two"), delta("three"), b'{"error":{"message":"broke"}}', done=False)
        case "hangs":
            time.sleep(1)
            return None
        case "refuses":
            return response({"error": {"message": "no"}}, 400)
        case "counts wrong":
            return response(completion(usage={"prompt_tokens": 10**30, "completion_tokens": 10**400}))
        case _:
            return response(completion())


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with Scripted(says) as upstream:
        config = {
            "deployments": {"chat": deployment(upstream.base_url, "m", price=PRICE)},
            "policy": {"rules": [{"name": "once", "fallback": {"retries": 0}}]},
        }
        with GatewayProcess(tmp_path_factory.mktemp("priced"), config) as gateway:
            yield gateway


def test_what_was_generated_before_an_error_is_paid_for(priced: GatewayProcess) -> None:
    """Though nothing of it was shown: output and error came in one piece."""
    _, record = ask(priced, messages=[{"role": "user", "content": "breaks"}], stream=True)
    attempt = record["attempts"][0]
    assert attempt["outcome"] == "error_in_answer"
    assert (attempt["usage"]["completion_tokens"], attempt["usage"]["estimated"]) == (3, True)
    assert attempt["cost_usd"] > 0


def test_what_nobody_knows_the_cost_of_is_counted(priced: GatewayProcess) -> None:
    """A caller that left before a whole answer: it was being generated. A refusal costs nothing."""
    before = sampled(priced, UNKNOWN)
    ask(priced, messages=[{"role": "user", "content": "refuses"}])
    assert sampled(priced, UNKNOWN) == before
    body = {"model": "chat", "messages": [{"role": "user", "content": "hangs"}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{priced.url}/v1/chat/completions", json=body, timeout=0.3, trust_env=False)
    until = time.monotonic() + 2
    while sampled(priced, UNKNOWN) == before:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert sampled(priced, UNKNOWN) == before + 1


def test_a_count_that_is_none_costs_nobody_the_answer(priced: GatewayProcess) -> None:
    """Neither this answer nor those that come after it."""
    for prompt, cost in (("counts wrong", "unknown"), ("hi", "0.000020000"), ("counts wrong", "unknown")):
        answer, record = ask(priced, messages=[{"role": "user", "content": prompt}])
        assert (answer.status_code, answer.headers["x-gateway-cost-usd"]) == (200, cost)
        assert (record["attempts"][0]["usage"] is None) is (cost == "unknown")
