"""What a translation does not say is told: in `x-gateway-lost`, and on the attempt's record."""

from typing import Any

import pytest

from tests.support.client import Seen
from tests.support.two_sides import HELLO, MESSAGES, TwoSides

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}}


def lost(sides: TwoSides, seen: Seen) -> set[str]:
    """By the header; the record says the same."""
    assert seen.status == 200, seen.body
    names = {name for name in seen.headers.get("x-gateway-lost", "").split(", ") if name}
    assert names == set(sides.record(seen)["attempts"][-1].get("lost", []))
    return names


@BOTH
def test_of_a_chat_completion(sides: TwoSides, stream: bool) -> None:
    plain = sides.chat("a-ok", stream=stream, temperature=0.5)
    assert lost(sides, plain) == set()
    seen = sides.chat(
        "a-ok", stream=stream, seed=1, presence_penalty=0.5, temperature=1.5, logit_bias={"1": 2}, top_p=0.5,
        messages=[{"role": "user", "name": "Ann", "content": [IMAGE]}],
    )  # fmt: skip
    assert lost(sides, seen) == {
        "seed", "presence_penalty", "top_p", "logit_bias", "messages[0].name", "messages[0].content[0].detail",
    }  # fmt: skip


@BOTH
def test_of_a_message(sides: TwoSides, stream: bool) -> None:
    plain = sides.message("o-ok", stream=stream, temperature=0.5)
    assert lost(sides, plain) == set()
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    seen = sides.message(
        "o-ok", stream=stream, system=system, thinking={"type": "enabled", "budget_tokens": 1024},
        context_management={"edits": []},
    )  # fmt: skip
    assert lost(sides, seen) == {"cache_control", "thinking", "context_management"}


def test_of_a_message_to_anthropic(sides: TwoSides) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "Hello."}]}
    assert lost(sides, sides.message("a-ok", messages=[*HELLO, said, *HELLO])) == {"messages[1].content[0]"}


@pytest.mark.parametrize("name", ["日本", "a\r\nx-evil: 1", "", "x" * 500, "my secret is 4711"])
def test_names_that_callers_made_up_are_not_repeated(sides: TwoSides, name: str) -> None:
    body = {"model": "o-ok", "max_tokens": 9, "messages": HELLO, name: 1}
    seen = sides.ask(MESSAGES, body, anthropic_version="2023-06-01")
    assert lost(sides, seen) == {"other"}
    assert "x-evil" not in seen.headers


def test_many_are_counted(sides: TwoSides) -> None:
    """The header stays short enough for every proxy; the record has them all."""
    seen = sides.chat("a-ok", messages=[{"role": "user", "content": [IMAGE] * 60}])
    assert seen.status == 200
    assert seen.headers["x-gateway-lost"].endswith(", and 40 more")
    assert len(seen.headers["x-gateway-lost"]) < 1000
    assert len(sides.record(seen)["attempts"][0]["lost"]) == 60


def test_who_answers_says_what_it_was_not_told(sides: TwoSides) -> None:
    """The first deployment of the pool would have been told the seed."""
    seen: Any = sides.chat("to-anthropic", seed=1)
    assert seen.headers["x-gateway-deployment"] == "a-ok"
    assert lost(sides, seen) == {"seed"}
    attempts = sides.record(seen)["attempts"]
    assert all("seed" not in attempt.get("lost", []) for attempt in attempts if attempt["deployment"] != "a-ok")
