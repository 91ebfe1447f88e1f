"""Large bodies are read off the event loop: to the same request, or the same refusal."""

import asyncio
import json
import threading
from typing import Any

import msgspec
import pytest

from gateway.flow.fair_threads import FairThreads, TooBusy
from gateway.flow.large import LARGE_BYTES
from gateway.http.errors import ApiError
from gateway.surfaces.chat_body import parse_fields, read_shape
from gateway.surfaces.intake import Intake
from gateway.values.caller import Caller

ANYBODY = Caller.anonymous()
MANY = [{"role": "user", "content": f'say "{at}", {{"é": [1]}}'} for at in range(20_000)]
IMAGES = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x" * LARGE_BYTES}}] * 3}]
TEXT = [{"role": "user", "content": "},{" * LARGE_BYTES}]


def body(messages: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


@pytest.mark.parametrize("messages", [MANY, IMAGES, TEXT], ids=["many", "images", "text"])
async def test_a_large_body_says_the_same_as_a_small_one_would(messages: Any) -> None:
    large = FairThreads("test", threads=1, most_waiting=4, longest_wait_s=10)
    sent = body(messages, n=2, stream=True, tools=[{"type": "function"}])
    request = await Intake(large, with_prefix=True).request(sent, {}, ANYBODY, "id")
    whole = read_shape(parse_fields(sent), with_prefix=True)
    facts = request.facts
    assert (facts.needs, facts.prompt_tokens, facts.choices) == (whole.needs, whole.prompt_tokens, whole.choices)
    assert facts.prefix == whole.prefix
    assert {name: bytes(value) for name, value in request.fields.items()} == {
        name: bytes(value) for name, value in msgspec.json.decode(sent, type=dict[str, msgspec.Raw]).items()
    }
    large.close()


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([*MANY, {"role": 5}], "messages[20000].role"),
        ([*MANY, 7, *MANY], "messages[20000]"),
        ({"x": "y" * 2 * LARGE_BYTES}, "messages"),
    ],
)
async def test_a_wrong_one_is_refused_with_its_place(messages: Any, param: str) -> None:
    large = FairThreads("test", threads=1, most_waiting=4, longest_wait_s=10)
    with pytest.raises(ApiError) as caught:
        await Intake(large, with_prefix=False).request(body(messages), {}, ANYBODY, "id")
    assert (caught.value.status, caught.value.param) == (400, param)
    large.close()


async def test_small_ones_need_no_thread_and_large_ones_wait_for_theirs() -> None:
    large = FairThreads("test", threads=1, most_waiting=1, longest_wait_s=0.02)
    intake, go = Intake(large, with_prefix=False), threading.Event()
    blocked = asyncio.create_task(large.run("other", lambda _: go.wait(20), 30))
    await asyncio.sleep(0)
    assert (await intake.request(body([{"role": "user", "content": "hi"}]), {}, ANYBODY, "id")).facts.model == "m"
    with pytest.raises(TooBusy):
        await intake.request(body(MANY), {}, ANYBODY, "id")
    go.set()
    await blocked
    assert (await intake.request(body(MANY), {}, ANYBODY, "id")).facts.model == "m"
    large.close()


async def test_one_that_nobody_waits_for_is_given_up() -> None:
    large = FairThreads("test", threads=1, most_waiting=4, longest_wait_s=10)
    task = asyncio.create_task(Intake(large, with_prefix=False).request(body(TEXT), {}, ANYBODY, "id"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.wait_for(large.run("other", lambda _: 1, 10), 20) == 1
    large.close()
