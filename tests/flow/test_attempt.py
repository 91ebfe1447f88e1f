"""One attempt: which limit ended it, and whose fault that is."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import deployment
from tests.support.in_process import InProcessGateway, InProcessScripted
from tests.support.scripted import Asked, completion, delta, events, response
from tests.support.virtual_time import VirtualTime


@pytest.fixture(scope="module")
def virtual() -> Iterator[VirtualTime]:
    with VirtualTime() as running:
        yield running


def ask(gateway: InProcessGateway, model: str = "chat", headers: dict[str, str] | None = None, **more: Any) -> Any:
    """The answer, and its record."""
    (answer,) = gateway.chats(model, headers=headers, **more)
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
    virtual: VirtualTime, deaf: str, tmp_path: Path, deadline_ms: int
) -> None:
    config = {
        "deployments": {name: deployment(deaf, "any") for name in ("first", "second")},
        "models": {"chat": {"deployments": ["first", "second"]}},
    }
    with InProcessGateway(virtual, tmp_path, config, {}) as gateway:
        for _ in range(6):  # more than shut a deployment, if they were its fault
            answer, record = ask(gateway, headers={"x-gateway-deadline-ms": str(deadline_ms)})
            assert (answer.status, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
            assert record["fault"] == "policy"
            assert [attempt["outcome"] for attempt in record["attempts"]] == ["deadline_exceeded"]
        assert "shut" not in gateway.states().values()


def test_connecting_has_a_limit_of_its_own(virtual: VirtualTime, deaf: str, tmp_path: Path) -> None:
    slow = {"connect_s": 0.2, "first_output_s": 2.5, "idle_s": 0.7, "total_s": 5}
    config = {"deployments": {"chat": deployment(deaf, "any", timeouts=slow)}}
    with InProcessGateway(virtual, tmp_path, config, {}) as gateway:
        _, record = ask(gateway)
        assert (record["outcome"], record["fault"]) == ("connect_timeout", "provider")


PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
UNKNOWN = 'gateway_attempts_of_unknown_cost_total{deployment="chat"}'


async def says(asked: Asked) -> bytes | None:
    """By the prompt: what the upstream does."""
    match asked.text:
        case "breaks":
            return events(delta("one"), delta("two"), delta("three"), b'{"error":{"message":"broke"}}', done=False)
        case "hangs":
            await asyncio.sleep(1)
            return None
        case "refuses":
            return response({"error": {"message": "no"}}, 400)
        case "counts wrong":
            return response(completion(usage={"prompt_tokens": 10**30, "completion_tokens": 10**400}))
        case _:
            return response(completion())


@pytest.fixture(scope="module")
def priced(virtual: VirtualTime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessGateway]:
    with InProcessScripted(virtual, says) as upstream:
        config = {
            "deployments": {"chat": deployment(upstream.base_url, "m", price=PRICE)},
            "policy": {"rules": [{"name": "once", "fallback": {"retries": 0}}]},
        }
        with InProcessGateway(virtual, tmp_path_factory.mktemp("priced"), config, {}) as gateway:
            yield gateway


def test_what_was_generated_before_an_error_is_paid_for(priced: InProcessGateway) -> None:
    """Though nothing of it was shown: output and error came in one piece."""
    _, record = ask(priced, messages=[{"role": "user", "content": "breaks"}], stream=True)
    attempt = record["attempts"][0]
    assert attempt["outcome"] == "error_in_answer"
    assert (attempt["usage"]["completion_tokens"], attempt["usage"]["estimated"]) == (3, True)
    assert attempt["cost_usd"] > 0


def test_what_nobody_knows_the_cost_of_is_counted(priced: InProcessGateway) -> None:
    """A caller that left before a whole answer: it was being generated. A refusal costs nothing."""
    before = priced.metric(UNKNOWN)
    ask(priced, messages=[{"role": "user", "content": "refuses"}])
    assert priced.metric(UNKNOWN) == before

    async def leave() -> None:
        leaves = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, leaves.set)
        body = {"model": "chat", "messages": [{"role": "user", "content": "hangs"}]}
        await priced.ask("/v1/chat/completions", body, leaves=leaves)

    priced.virtual.run(asyncio.wait_for(leave(), 0.5))
    assert priced.metric(UNKNOWN) == before + 1


def test_a_count_that_is_none_costs_nobody_the_answer(priced: InProcessGateway) -> None:
    """Neither this answer nor those that come after it."""
    for prompt, cost in (("counts wrong", "unknown"), ("hi", "0.000020000"), ("counts wrong", "unknown")):
        answer, record = ask(priced, messages=[{"role": "user", "content": prompt}])
        assert (answer.status, answer.headers["x-gateway-cost-usd"]) == (200, cost)
        assert (record["attempts"][0]["usage"] is None) is (cost == "unknown")
