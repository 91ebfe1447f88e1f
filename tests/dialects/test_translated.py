"""What holds of any pair of dialects: failures end a translated stream, and callers' own names are not repeated."""

import json
from typing import Any

import pytest

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.known_names import MOST, repeatable
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.translated import translated
from gateway.values.chat import Chat
from gateway.values.outcome import Outcome
from tests.dialects.anthropic.support import request_of

PAIR = translated(ANTHROPIC, OPENAI, OpenAITranslator(usage_in_streams=True))


def event(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice], **more}).encode() + b"\r\n\r\n"


def call(index: int, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **more}]}


def test_what_follows_a_failure_in_the_same_read_is_never_forwarded() -> None:
    decoder = PAIR.decoder(request_of({"stream": True}))
    nameless = event(call(0, id="x", function={"arguments": '{"a": 1}'}))
    rest = event({"content": "after"}) + event(finish="tool_calls") + b"data: [DONE]\r\n\r\n"
    chunks = decoder.feed(event({"content": "before"}) + nameless + rest)
    failed = [chunk for chunk in chunks if chunk.failure is not None]
    assert [chunk.failure.outcome for chunk in failed if chunk.failure] == [Outcome.MALFORMED_ANSWER]
    assert failed[0] is chunks[-1]
    assert not any(chunk.done for chunk in chunks)
    assert b"[DONE]" not in b"".join(chunk.forward for chunk in chunks)
    assert decoder.feed(event({"content": "later"})) == []


@pytest.mark.parametrize("more", [{"id": None}, {"id": 5}, {"model": None}])
def test_what_the_dialect_takes_is_translated(more: dict[str, Any]) -> None:
    decoder = PAIR.decoder(request_of({"stream": True}))
    chunks = decoder.feed(event({"content": "hi"}, **more) + event(finish="stop", **more) + b"data: [DONE]\r\n\r\n")
    assert chunks[-1].done
    assert b'"text":"hi"' in b"".join(chunk.forward for chunk in chunks)


def test_the_callers_fields_are_not_the_providers() -> None:
    PAIR.decoder(request_of({"stream": True, "stream_options": 5}))


@pytest.mark.parametrize(
    ("asks", "path", "told"),
    [
        (OPENAI, "tools[2].schema", "tools[2].function.parameters"), (OPENAI, "tools[0].strict", "tools[0].function.strict"),
        (ANTHROPIC, "tools[2].schema", "tools[2].input_schema"), (ANTHROPIC, "tools[0].strict", "tools[0].strict"),
        (OPENAI, "provider_tools[1].search.max_uses", "web_search_options"), (ANTHROPIC, "provider_tools[1].x", "tools"),
    ],
)  # fmt: skip
def test_a_tools_members_are_told_as_the_caller_calls_them(asks: Any, path: str, told: str) -> None:
    chat = Chat(turns=())
    assert asks.caller_path(chat, path) == told
    assert repeatable([told]) == (told,)


def test_names_that_a_caller_made_up_are_other() -> None:
    assert repeatable(["top_k", "sk-ant-api03-CANARY", "tools[0].john.smith", "tools[12].strict", "top_k", ""]) == (
        "top_k",
        "other",
        "tools[12].strict",
    )
    many = repeatable(f"tools[{at}].strict" for at in range(100_000))
    assert len(many) == MOST + 1
    assert many[-1] == "other"
