"""The Gemini side of the fake upstream, as Google's answers are documented, and what it refuses."""

import json
from typing import Any

import httpx2 as httpx
import pytest

from tests.fake_upstream import FakeUpstream
from tests.fake_upstream.gemini.checks import NOT_SIGNED, signature_of
from tests.fake_upstream.gemini.faults import ROWS
from tests.fake_upstream.registry import GEMINI, cases

HELLO: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}
GOOD = [(row.name, stream) for row, stream in cases(GEMINI) if row.group == "answers"]
KEY = {"x-goog-api-key": "any"}


async def ask(up: FakeUpstream, model: str, body: dict[str, Any], *, stream: bool = False) -> httpx.Response:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=20) as client:
        return await client.post(f"{up.base_url}/models/{model}:{verb}", json=body, headers=KEY)


def answers(response: httpx.Response, *, stream: bool) -> list[dict[str, Any]]:
    if not stream:
        return [json.loads(response.content)]
    return [json.loads(event.removeprefix(b"data: ")) for event in response.content.split(b"\r\n\r\n")[:-1]]


def text_of(told: list[dict[str, Any]]) -> str:
    parts = [part for one in told for part in one["candidates"][0].get("content", {}).get("parts", ())]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


@pytest.mark.parametrize(("name", "stream"), GOOD)
async def test_an_answer_ends_and_says_what_it_used(up: FakeUpstream, name: str, stream: bool) -> None:
    response = await ask(up, name, HELLO, stream=stream)
    assert response.status_code == 200
    last = answers(response, stream=stream)[-1]
    assert last["usageMetadata"]["promptTokenCount"] > 0
    assert "promptFeedback" in last or last["candidates"][0]["finishReason"]
    assert up.seen()[-1]["problem"] is None


async def test_both_modes_say_the_same(up: FakeUpstream) -> None:
    for name in ("ok", "tools", "thinking", "unicode"):
        told = [answers(await ask(up, name, HELLO, stream=stream), stream=stream) for stream in (False, True)]
        assert text_of(told[0]) == text_of(told[1])
        assert told[0][-1]["usageMetadata"] == told[1][-1]["usageMetadata"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
async def test_an_error_has_its_status(up: FakeUpstream, row: tuple[Any, ...]) -> None:
    response = await ask(up, row[0], HELLO)
    assert response.status_code == row[1]
    assert response.json()["error"]["status"] == row[2]


CALL = {"functionCall": {"name": "f", "args": {}}}
RESULT = {"functionResponse": {"name": "f", "response": {"output": "1"}}}


@pytest.mark.parametrize(
    "more",
    [
        {"messages": []},
        {"contents": []},
        {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
        {"contents": [{"parts": [{"text": ""}]}]},
        {"contents": [{"parts": [{"text": "x", "functionCall": {}}]}]},
        {"contents": [{"role": "model", "parts": [CALL]}]},
        {"contents": [{"role": "model", "parts": [{**CALL, "thoughtSignature": "c2ln"}]}]},
        {
            "contents": [
                {"role": "model", "parts": [{**CALL, "thoughtSignature": NOT_SIGNED}]},
                {"parts": [{"text": "x"}]},
            ]
        },
        {"contents": [{"parts": [RESULT]}]},
        {"generationConfig": {"temperature": 3}},
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "low"}}},
        {"generationConfig": {"max_tokens": 3}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    ],
    ids=str,
)
async def test_what_the_api_refuses_is_refused(up: FakeUpstream, more: dict[str, Any]) -> None:
    assert (await ask(up, "ok", {**HELLO, **more})).status_code == 400


async def test_what_the_api_takes_is_taken(up: FakeUpstream) -> None:
    signed = {**CALL, "thoughtSignature": signature_of("f")}
    contents = [{"parts": [{"text": "x"}]}, {"role": "model", "parts": [signed, CALL]}, {"parts": [RESULT, RESULT]}]
    response = await ask(up, "ok", {"contents": contents})
    assert text_of(answers(response, stream=False)) == "You said: [result f None: 1] [result f None: 1]"
