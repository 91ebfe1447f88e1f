"""Completions and embeddings are what OpenAI's description says they are, and say what the request asks for."""

import base64
import json
from typing import Any

import httpx2 as httpx
import pytest

from tests.fake_upstream import FakeUpstream, vectors
from tests.fake_upstream.behaviours import BEHAVIOURS
from tests.fake_upstream.reading import events
from tests.support.openai_spec import check, schemas


async def ask(up: FakeUpstream, path: str, model: str, **fields: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=up.base_url, trust_env=False) as client:
        return await client.post(path, json={"model": model, **fields})


async def complete(up: FakeUpstream, model: str, **fields: Any) -> Any:
    return (await ask(up, "/completions", model, **fields)).json()


async def chunks(up: FakeUpstream, model: str, **fields: Any) -> list[Any]:
    answer = await ask(up, "/completions", model, stream=True, **fields)
    *payloads, last = [data for _, data in events(answer.content)]
    assert last == b"[DONE]"
    return [json.loads(payload) for payload in payloads]


PROMPTS = ["hi", ["hi", "you there"], [1, 2, 3], [[1, 2], [3]]]


@pytest.mark.parametrize("prompt", PROMPTS, ids=["text", "texts", "tokens", "lists"])
async def test_completion_and_stream_say_the_same(up: FakeUpstream, prompt: Any) -> None:
    asked: dict[str, Any] = {"prompt": prompt, "n": 2, "logprobs": 1, "echo": True}
    whole = await complete(up, "ok", **asked)
    check(schemas(), "CreateCompletionResponse", whole)
    prompts = len(prompt) if isinstance(prompt[0], list | str) and isinstance(prompt, list) else 1
    assert [choice["index"] for choice in whole["choices"]] == list(range(2 * prompts))
    told = await chunks(up, "ok", stream_options={"include_usage": True}, **asked)
    texts = ["" for _ in whole["choices"]]
    for chunk in told:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["text"]
    assert texts == [choice["text"] for choice in whole["choices"]]
    assert told[-1]["choices"] == []
    assert told[-1]["usage"] == whole["usage"]
    assert all("You said: " in text for text in texts)


async def test_logprobs_of_completions_are_the_tokens(up: FakeUpstream) -> None:
    choice = (await complete(up, "ok", prompt="hi there", logprobs=1))["choices"][0]
    assert "".join(choice["logprobs"]["tokens"]) == choice["text"] == "You said: hi there"
    assert len({len(part) for part in choice["logprobs"].values()}) == 1
    assert (await complete(up, "ok", prompt="hi there"))["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("texts", ["hi", ["a", "b", "c"], [1, 2], [[1, 2], [3]]])
async def test_numbers_and_base64_are_the_same_bits(up: FakeUpstream, texts: Any) -> None:
    told = (await ask(up, "/embeddings", "vectors", input=texts)).json()
    check(schemas(), "CreateEmbeddingResponse", told)
    packed = (await ask(up, "/embeddings", "vectors", input=texts, encoding_format="base64")).json()
    for one, other in zip(told["data"], packed["data"], strict=True):
        assert vectors.numbers(base64.b64decode(other["embedding"])) == one["embedding"]
    assert told["usage"] == packed["usage"]


async def test_dimensions_and_limits_of_embeddings(up: FakeUpstream) -> None:
    assert len((await ask(up, "/embeddings", "vectors", input="a", dimensions=3)).json()["data"][0]["embedding"]) == 3
    assert (await ask(up, "/embeddings", "vectors@2", input=["a", "b", "c"])).status_code == 400


@pytest.mark.parametrize(("model", "status"), [("vectors_500_once", 500), ("vectors_429_once", 429)])
async def test_it_fails_once(up: FakeUpstream, model: str, status: int) -> None:
    answers = [(await ask(up, "/embeddings", f"{model}@7", input=["text 7", "b"])).status_code for _ in range(3)]
    assert answers == [status, 200, 200]
    assert (await ask(up, "/embeddings", f"{model}@7", input=["text 8"])).status_code == 200


async def test_faults_of_vectors(up: FakeUpstream) -> None:
    inputs = ["a", "b", "c"]
    missing = (await ask(up, "/embeddings", "vector_missing", input=inputs)).json()
    assert [one["index"] for one in missing["data"]] == [0, 1]
    moved = (await ask(up, "/embeddings", "vectors_out_of_order", input=inputs)).json()
    assert [one["index"] for one in moved["data"]] == [2, 0, 1]
    assert "usage" not in (await ask(up, "/embeddings", "vectors_without_usage", input=inputs)).json()
    assert (await ask(up, "/embeddings", "null_vector", input=inputs)).json()["data"][0]["embedding"] is None
    assert all(row["problem"] is None for row in up.seen())


async def test_faults_of_chats_are_theirs_too(up: FakeUpstream) -> None:
    assert (await ask(up, "/embeddings", "rate_limit_429", input="a")).status_code == 429
    assert (await ask(up, "/completions", "error_500", prompt="a")).status_code == 500
    assert (await ask(up, "/embeddings", "cut_after", input="a")).json()["error"]["code"] == "wrong_mode"


async def test_embeddings_alone_are_not_for_chats(up: FakeUpstream) -> None:
    for name in (row.name for row in BEHAVIOURS.values() if row.modes == "vectors"):
        assert (await complete(up, name, prompt="a"))["error"]["code"] == "wrong_mode"
