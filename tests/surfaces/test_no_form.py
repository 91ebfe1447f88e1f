"""What a provider's dialect cannot say and must not be lost: the next candidate of another dialect is asked, and only where
there is none the caller is told.
"""

import json
from typing import Any

import pytest

from tests.support.client import Seen
from tests.support.two_sides import TwoSides, folded

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
TEXT = {"type": "text", "text": "What is it?"}
PDF = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


def user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


OF_CHAT: list[tuple[str, dict[str, Any]]] = [
    ("messages[0].content[1]", {"messages": user(TEXT, AUDIO)}),
    ("n", {"n": 2}),
    ("tools[0]", {"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
]


def attempts(sides: TwoSides, seen: Seen) -> list[tuple[str, str]]:
    return [(attempt["deployment"], attempt["outcome"]) for attempt in sides.record(seen)["attempts"]]


@BOTH
@pytest.mark.parametrize(("path", "more"), OF_CHAT, ids=[one[0] for one in OF_CHAT])
def test_chat_goes_to_who_can_say_it(sides: TwoSides, path: str, more: dict[str, Any], stream: bool) -> None:
    seen = sides.chat("anthropic-first", stream=stream, **more)
    assert seen.status == 200, seen.body
    assert attempts(sides, seen) == [("a-ok", "field_refused"), ("o-ok", "ok")]


@BOTH
@pytest.mark.parametrize(("path", "more"), OF_CHAT, ids=[one[0] for one in OF_CHAT])
def test_caller_is_told_where_nobody_can(sides: TwoSides, path: str, more: dict[str, Any], stream: bool) -> None:
    seen = sides.chat("a-ok", stream=stream, **more)
    assert seen.error is not None
    assert (seen.status, seen.error["type"], seen.error["code"]) == (400, "invalid_request_error", "bad_request")
    assert (seen.error["param"], path in seen.error["message"]) == (path, True)
    assert sides.record(seen)["fault"] == "caller"


@BOTH
def test_message_goes_to_who_can_say_it(sides: TwoSides, stream: bool) -> None:
    seen = sides.message("openai-first", stream=stream, messages=user(TEXT, PDF))
    assert seen.status == 200, seen.body
    message = folded(seen) if stream else json.loads(seen.body)
    assert message["content"][0]["text"] == "You said: What is it? [document url]"
    assert attempts(sides, seen) == [("o-ok", "field_refused"), ("a-ok", "ok")]


def test_message_that_nobody_can_say(sides: TwoSides) -> None:
    seen = sides.message("o-ok", messages=user(TEXT, PDF))
    error = json.loads(seen.body)["error"]
    assert (seen.status, error["type"]) == (400, "invalid_request_error")
    assert "messages[0].content[1]" in error["message"]


def test_it_is_no_fault_of_the_provider(sides: TwoSides) -> None:
    """However often: its breaker stays closed."""
    for _ in range(12):
        assert sides.chat("a-ok", n=2).status == 400
    assert sides.chat("a-ok").status == 200


def test_one_choice_is_what_everybody_gives(sides: TwoSides) -> None:
    for n in (1, None):
        assert sides.chat("a-ok", n=n).status == 200
