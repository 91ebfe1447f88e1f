"""A request that is asked in parts, beside others: each part finds its own room."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from gateway.app import Gateway
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from gateway.values.records import RequestFinished
from tests.support.gateway import deployment
from tests.support.scripted import Asked, Scripted, response

IN_TWO = [f"text {number}" for number in range(2049)]  # a part of 2,048, and one more
PATIENT = {"connect_s": 30, "first_output_s": 60, "idle_s": 60, "total_s": 60}
WITHIN_S = 50


def inputs(asked: Asked) -> list[str]:
    given = json.loads(asked.body)["input"]
    return given if isinstance(given, list) else [given]


def in_two(model: str) -> dict[str, Any]:
    """Of numbers a part would hold fewer."""
    return {"model": model, "input": IN_TWO, "encoding_format": "base64"}


def vectors(asked: Asked) -> bytes:
    data = [{"object": "embedding", "index": at, "embedding": [0.5]} for at in range(len(inputs(asked)))]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return response({"object": "list", "data": data, "model": "any", "usage": usage})


def refusal(_: Asked) -> bytes:
    return response({"error": {"message": "no", "type": "server_error"}}, 500)


@asynccontextmanager
async def serving(
    tmp_path: Path, deployments: dict[str, Any], **rule: Any
) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    """A gateway in this process, and a client of it. The model `pool` has all deployments."""
    config = {
        "deployments": deployments,
        "models": {"pool": {"deployments": list(deployments)}},
        "policy": {"rules": [{"name": "once", "fallback": {"retries": 0}, **rule}]},
    }
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(config))
    gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, OFFERS))
    transport = httpx.ASGITransport(app=gateway.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=WITHIN_S) as client:
        yield gateway, client
    await gateway.stop()


def one(upstream: Scripted, **more: Any) -> dict[str, Any]:
    return deployment(upstream.base_url, "any", surfaces=["embeddings"], timeouts=PATIENT, **more)


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, WITHIN_S)


HEDGED = {"hedge": {"after_s": WITHIN_S, "share": 1}}


@pytest.mark.parametrize("limits", [{}, HEDGED], ids=["one attempt at a time", "hedged"])
async def test_a_part_goes_elsewhere_where_the_place_was_taken_meanwhile(
    tmp_path: Path, limits: dict[str, Any]
) -> None:
    """`max_in_flight` is exact: who answered the first part has another request when the second comes."""
    held, first_part, go_on, done = (threading.Event() for _ in range(4))

    def first(asked: Asked) -> bytes:
        return refusal(asked) if len(inputs(asked)) == 2048 else vectors(asked)

    def second(asked: Asked) -> bytes:
        if inputs(asked) == ["held"]:
            held.set()
            assert done.wait(WITHIN_S)
        elif len(inputs(asked)) == 2048:
            first_part.set()
            assert go_on.wait(WITHIN_S)
        return vectors(asked)

    with Scripted(first) as at_first, Scripted(second) as at_second:
        deployments = {"first": one(at_first), "second": one(at_second, limits={"max_in_flight": 2})}
        async with serving(tmp_path, deployments, limits=limits) as (gateway, client):
            ended: list[RequestFinished] = []
            gateway.bus.subscribe(RequestFinished, ended.append)
            in_parts = asyncio.create_task(client.post("/v1/embeddings", json=in_two("pool")))
            await until(first_part)
            beside = asyncio.create_task(client.post("/v1/embeddings", json={"model": "second", "input": "held"}))
            await until(held)
            gateway.readings.began("second", time.time())
            go_on.set()
            answer = await in_parts
            done.set()
            assert (answer.status_code, (await beside).status_code) == (200, 200)
    assert [(one.deployment, one.outcome.value) for one in ended[0].attempts] == [
        ("first", "server_error"), ("second", "ok"), ("first", "ok"),
    ]  # fmt: skip
    assert len(answer.json()["data"]) == len(IN_TWO)
    assert (gateway.readings.of("first").in_flight, gateway.readings.of("second").in_flight) == (0, 1)


async def test_a_part_that_finds_room_nowhere_is_told_when_to_come_again(tmp_path: Path) -> None:
    """The places of the only deployment are taken while the first part is there."""
    loop, taken = asyncio.get_running_loop(), threading.Event()

    def only(asked: Asked) -> bytes:
        def take() -> None:
            for _ in range(2):
                gateway.readings.began("only", time.time())
            taken.set()

        loop.call_soon_threadsafe(take)
        assert taken.wait(WITHIN_S)
        return vectors(asked)

    with Scripted(only) as upstream:
        async with serving(tmp_path, {"only": one(upstream, limits={"max_in_flight": 2})}) as (gateway, client):
            ended: list[RequestFinished] = []
            gateway.bus.subscribe(RequestFinished, ended.append)
            answer = await client.post("/v1/embeddings", json=in_two("pool"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    assert [(one.deployment, one.outcome.value) for one in ended[0].attempts] == [("only", "ok")]
    assert len(upstream.asked) == 1
    assert gateway.readings.of("only").in_flight == 2
