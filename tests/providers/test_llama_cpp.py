"""llama.cpp's ways with completions that are put in order, and what is not as it was seen."""

import json
from typing import Any

import pytest

from gateway.providers.llama_cpp import LlamaCppCompletions
from gateway.surfaces.table import COMPLETIONS
from gateway.values.answer import Chunk
from gateway.values.caller import Caller
from gateway.values.outcome import Outcome
from gateway.values.request import Request
from tests.insight.worlds import deployment

DONE = b"data: [DONE]\n\n"
TRANSLATOR = LlamaCppCompletions()


def request(**fields: Any) -> Request:
    body = {"model": "m", "prompt": "x", "stream": True, **fields}
    return COMPLETIONS.read(json.dumps(body).encode(), {}, Caller.anonymous(), "d")


def said(index: int, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": index, "text": "" if finish else "a", "logprobs": None, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def read(asked: Request, *parts: bytes) -> Chunk:
    decoder = TRANSLATOR.decoder(asked)
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    return chunks[-1] if chunks and (chunks[-1].done or chunks[-1].failure) else decoder.end()


NULL = b"data: null\n\n"


@pytest.mark.parametrize(
    ("asked", "parts", "outcome"),
    [
        (request(n=2), [NULL, said(0, "stop"), said(1, "stop"), DONE], None),
        (request(n=2), [said(0, "stop"), NULL, said(1, "stop"), DONE], Outcome.MALFORMED_ANSWER),
        (request(), [NULL, said(0, "stop"), DONE], Outcome.MALFORMED_ANSWER),
        (request(n=2), [NULL, NULL, DONE], Outcome.EMPTY_ANSWER),
    ],
    ids=["before several choices", "in the middle", "of one choice", "nothing else"],
)
def test_an_event_of_null(asked: Request, parts: list[bytes], outcome: Outcome | None) -> None:
    last = read(asked, *parts)
    assert (last.failure.outcome if last.failure else None) is outcome


@pytest.mark.parametrize(
    "usage", [{"completion_tokens": 1}, "many", {"prompt_tokens": None, "completion_tokens": 1}, []]
)
def test_a_usage_that_is_none_is_passed_on(usage: Any) -> None:
    asked = request(n=2, stream_options={"include_usage": True})
    last = read(asked, said(0, "stop", usage=usage), said(1, "stop", usage=usage), DONE)
    assert last.done


@pytest.mark.parametrize("logprobs", [{"content": [{"id": 1}]}, {"content": "x"}, {"tokens": []}, [], 1])
def test_logprobs_of_another_form_are_passed_on(logprobs: Any) -> None:
    choice = {"index": 0, "text": "a", "logprobs": logprobs, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice]}).encode()
    told = TRANSLATOR.decode(body, request(logprobs=1, stream=False))
    assert json.loads(told.body) == json.loads(body)


@pytest.mark.parametrize(("given", "sent"), [(0, 1), (3, 3), (None, None)])
def test_no_alternatives_are_asked_for_as_one(given: int | None, sent: int | None) -> None:
    call = TRANSLATOR.encode(request(logprobs=given), deployment("d", provider="llama_cpp"))
    assert json.loads(call.body)["logprobs"] == sent
