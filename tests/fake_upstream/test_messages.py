"""The Messages side of the fake upstream, as Anthropic's own SDK sees it, and what it refuses."""

import asyncio
from typing import Any

import anthropic
import httpx2 as httpx
import pytest

from tests.fake_upstream import FakeUpstream
from tests.fake_upstream.messages.checks import HIDDEN, signature_of
from tests.fake_upstream.messages.faults import ROWS
from tests.fake_upstream.registry import MESSAGES, cases

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
GOOD = [(row.name, stream) for row, stream in cases(MESSAGES) if row.group == "answers"]
BROKEN = [row.name for row in MESSAGES.values() if row.group == "streams" and not row.hangs and row.modes == "stream"]


def client(up: FakeUpstream) -> anthropic.AsyncAnthropic:
    http = httpx.AsyncClient(
        trust_env=False, verify=False, timeout=20
    )  # nothing here is TLS: a context takes long to make
    url = up.base_url.removesuffix("/v1")
    return anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0, http_client=http)


async def ask(up: FakeUpstream, model: str, *, stream: bool, **more: Any) -> Any:
    body: dict[str, Any] = {"model": model, "max_tokens": 100, "messages": HELLO, **more}
    if not stream:
        return await client(up).messages.create(**body)
    async with client(up).messages.stream(**body) as events:
        return await events.get_final_message()


def texts(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize(("name", "stream"), GOOD)
async def test_answer_is_the_sdks_message(up: FakeUpstream, name: str, stream: bool) -> None:
    message = await ask(up, name, stream=stream)
    assert message.stop_reason
    assert message.usage.output_tokens > 0
    assert up.seen()[-1]["problem"] is None


@pytest.mark.parametrize("stream", [False, True])
async def test_both_modes_say_the_same(up: FakeUpstream, stream: bool) -> None:
    thought = await ask(up, "redacted", stream=stream)
    assert [block.type for block in thought.content] == ["thinking", "redacted_thinking", "tool_use"]
    assert thought.content[0].signature == signature_of(thought.content[0].thinking)
    assert thought.content[1].data == HIDDEN
    tools = await ask(up, "tools", stream=stream)
    assert [block.input for block in tools.content[1:]] == [{"city": "Paris é", "days": 2}, {"city": "Rom"}]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
@pytest.mark.parametrize("stream", [False, True])
async def test_error_has_its_status(up: FakeUpstream, row: tuple[str, int, str, str], stream: bool) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await ask(up, row[0], stream=stream)
    body: Any = caught.value.body
    assert (caught.value.status_code, body["error"]["type"], body["error"]["message"]) == row[1:]


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_stream_has_no_message_stop(up: FakeUpstream, name: str) -> None:
    body = {"model": name, "max_tokens": 9, "messages": HELLO, "stream": True}
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.post(f"{up.base_url}/messages", json=body, headers=headers)
        except httpx.RemoteProtocolError:
            assert name == "cut_after"
            return
    assert answer.status_code == 200
    assert b"message_stop" not in answer.content


async def test_count_of_tokens(up: FakeUpstream) -> None:
    counted = await client(up).messages.count_tokens(model="ok", messages=HELLO, system="Be brief.")
    assert counted.input_tokens == 4


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("seed: Extra inputs", {"seed": 1}),
    ("temperature: range", {"temperature": 1.5}),
    ("`temperature` and `top_p`", {"temperature": 0.5, "top_p": 0.5}),
    ("greater than or equal to 1024", {"thinking": {"type": "enabled", "budget_tokens": 1}}),
    ("messages.0.role", {"messages": [{"role": "tool", "content": "x"}]}),
    ("non-whitespace", {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]}),
    (
        "Invalid `signature`",
        {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "y"}]}]},
    ),
    (
        "without `tool_result`",
        {
            "messages": [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "t", "input": {}}]},
                {"role": "user", "content": "x"},
            ]
        },
    ),
    (
        "unexpected `tool_use_id`",
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]},
    ),
]


@pytest.mark.parametrize(("words", "more"), REFUSED, ids=[one[0] for one in REFUSED])
async def test_refuses_what_the_api_refuses(up: FakeUpstream, words: str, more: dict[str, Any]) -> None:
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    body = {"model": "ok", "max_tokens": 9, "messages": HELLO, **more}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{up.base_url}/messages", json=body, headers=headers)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"x-api-key": "wrong", "anthropic-version": "2023-06-01"}, 401), ({"x-api-key": "right"}, 400)],
)
async def test_key_and_version_are_needed(headers: dict[str, str], status: int) -> None:
    async with FakeUpstream(api_key="right") as up, httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{up.base_url}/messages", json={}, headers=headers)
    assert answer.status_code == status


async def test_what_hangs_says_nothing_more(up: FakeUpstream) -> None:
    for row in MESSAGES.values():
        if row.hangs and row.modes == "stream":
            events = await client(up).messages.create(model=row.name, max_tokens=9, messages=HELLO, stream=True)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(event async for event in events if event.type == "message_stop"), 0.3)
