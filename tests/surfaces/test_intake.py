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
from gateway.surfaces.chat_body import read_shape
from gateway.surfaces.fields import parse_fields
from gateway.surfaces.intake import Intake
from gateway.surfaces.row import SurfaceRow
from gateway.surfaces.table import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES
from gateway.values.caller import Caller
from gateway.values.slices import BETWEEN_PAUSES

ANYBODY = Caller.anonymous()
MANY = [{"role": "user", "content": f'say "{at}", {{"é": [1]}}'} for at in range(20_000)]
IMAGES = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x" * LARGE_BYTES}}] * 3}]
TEXT = [{"role": "user", "content": "},{" * LARGE_BYTES}]


def body(messages: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


LONG = {
    "ascii": '}, {"a ' * (LARGE_BYTES // 4),
    "other letters": "委员会周二开会，" * (LARGE_BYTES // 8),
    "escapes": '\\"\n\t\\' * (LARGE_BYTES // 4),
    "emoji": "a😀" * (LARGE_BYTES // 4),
}
SOURCE = {"type": "base64", "media_type": "application/pdf", "data": "QUJD" * (LARGE_BYTES // 4)}


def bodies(text: str) -> dict[SurfaceRow, dict[str, Any]]:
    """For each surface one with a long text wherever it takes one."""
    tools = [{"type": "function", "function": {"name": "f", "description": text}}]
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": text}}]
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"arguments": text}}]}
    blocks = [
        {"type": "text", "text": text},
        {"type": "document", "source": SOURCE},
        {"type": "tool_use", "id": "1", "name": "f", "input": {"x": text}},
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": text}]},
    ]
    messages = [{"role": "user", "content": text}, {"role": "user", "content": parts}, call]
    return {
        CHAT: {"model": "m", "messages": messages, "tools": tools, text: 1, "top_k": 1},
        MESSAGES: {"model": "m", "max_tokens": 9, "system": text, "messages": [{"role": "user", "content": blocks}]},
        COMPLETIONS: {"model": "m", "prompt": [text, "short"], "suffix": text},
        EMBEDDINGS: {"model": "m", "input": text},
    }


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("row", [CHAT, MESSAGES, COMPLETIONS, EMBEDDINGS], ids=lambda row: row.surface.value)
def test_long_texts_say_the_same_in_slices(row: SurfaceRow, text: str, ensure_ascii: bool) -> None:
    asked = 0

    def pause() -> None:
        nonlocal asked
        asked += 1

    sent = json.dumps(bodies(text)[row], ensure_ascii=ensure_ascii).encode()
    request = row.read(sent, {}, ANYBODY, "id", with_prefix=True, pause=pause)
    whole = row.shape_of(msgspec.json.decode(sent, type=dict[str, msgspec.Raw]), with_prefix=True)
    facts = request.facts
    assert (facts.model, facts.needs, facts.prompt_tokens) == (whole.model, whole.needs, whole.prompt_tokens)
    assert (facts.prefix, facts.extra_fields) == (whole.prefix, whole.extra_fields)
    assert (facts.longest_prompt_tokens, request.inputs) == (whole.longest_prompt_tokens, whole.inputs)
    assert type(request.fields) is dict
    assert {name: bytes(value) for name, value in request.fields.items()} == {
        name: bytes(value) for name, value in msgspec.json.decode(sent, type=dict[str, msgspec.Raw]).items()
    }
    assert asked > 2 * len(sent) // BETWEEN_PAUSES


@pytest.mark.parametrize(
    "broken", [b'"x' + b"y" * 300_000, b'"' + b"\\q" * 200_000 + b'"', b'"' + b"\xff" * 300_000 + b'"', b'"\x01' + b"z" * 300_000 + b'"'],
    ids=["no end", "escapes", "no UTF-8", "a control"],
)  # fmt: skip
def test_a_long_text_that_is_no_json_is_refused(broken: bytes) -> None:
    with pytest.raises(ApiError, match="not valid JSON") as caught:
        parse_fields(b'{"model":"m","x":' + broken + b"}")
    assert caught.value.status == 400


def test_half_an_emoji_in_a_long_text_is_read() -> None:
    fields = parse_fields(b'{"x":"' + b"y" * 300_000 + b'\\ud83d","z":"\\ude00"}')
    assert (bytes(fields["x"])[-7:], bytes(fields["z"])) == (b'\\ufffd"', b'"\\ufffd"')


@pytest.mark.parametrize("messages", [MANY, IMAGES, TEXT], ids=["many", "images", "text"])
async def test_a_large_body_says_the_same_as_a_small_one_would(messages: Any) -> None:
    large = FairThreads("test", threads=1, most_waiting=4, longest_wait_s=10)
    sent = body(messages, n=2, stream=True, tools=[{"type": "function"}])
    request = await Intake(CHAT, large, with_prefix=True).request(sent, {}, ANYBODY, "id")
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
        await Intake(CHAT, large, with_prefix=False).request(body(messages), {}, ANYBODY, "id")
    assert (caught.value.status, caught.value.param) == (400, param)
    large.close()


async def test_small_ones_need_no_thread_and_large_ones_wait_for_theirs() -> None:
    large = FairThreads("test", threads=1, most_waiting=1, longest_wait_s=0.02)
    intake, go = Intake(CHAT, large, with_prefix=False), threading.Event()
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
    task = asyncio.create_task(Intake(CHAT, large, with_prefix=False).request(body(TEXT), {}, ANYBODY, "id"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.wait_for(large.run("other", lambda _: 1, 10), 20) == 1
    large.close()
