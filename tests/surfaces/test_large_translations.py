"""Large conversations across dialects: off the event loop, and still once for all deployments of a dialect."""

from typing import Any

import pytest

from tests.support.two_sides import CHAT, MESSAGES, TwoSides

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
LONG: list[Any] = [
    {"role": role, "content": f"turn {at} " + "word, " * 100} for at in range(230) for role in ("user", "assistant")
] + [{"role": "user", "content": "Say hello."}]


@BOTH
@pytest.mark.parametrize(("path", "model"), [(CHAT, "a-ok"), (MESSAGES, "o-ok"), (MESSAGES, "to-openai")])
def test_a_large_conversation_arrives_whole(sides: TwoSides, path: str, model: str, stream: bool) -> None:
    body = {"model": model, "max_tokens": 100, "messages": LONG, "stream": stream}
    headers = {"anthropic_version": "2023-06-01"} if path == MESSAGES else {}
    seen = sides.ask(path, body, **headers)
    assert seen.status == 200, seen.body
    assert b"hello" in seen.body
    sent = sides.body_of("ok", "/v1/messages" if model == "a-ok" else "/v1/chat/completions")["messages"]
    said = [turn["content"] if isinstance(turn["content"], str) else turn["content"][0]["text"] for turn in sent]
    assert said == [turn["content"] for turn in LONG]


def test_a_large_one_that_has_no_form_is_refused_with_its_place(sides: TwoSides) -> None:
    broken = [*LONG[:-1], {"role": "user", "content": [{"type": "moon", "moon": {}}]}]
    seen = sides.ask(CHAT, {"model": "a-ok", "max_tokens": 100, "messages": broken})
    assert (seen.status, f"messages[{len(LONG) - 1}].content[0]" in seen.body.decode()) == (400, True), seen.body
