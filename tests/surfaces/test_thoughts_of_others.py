"""What a model thought is given back to the provider that made it, and to no other: its signature would be refused there."""

from typing import Any

from tests.fake_upstream.messages.checks import signature_of
from tests.support.two_sides import CHAT, HELLO, MESSAGES, TwoSides

SIGNED = {"type": "reasoning.text", "text": "Hm.", "signature": signature_of("Hm."), "format": "anthropic", "index": 0}


def chat_after(thoughts: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    said = {"role": "assistant", "content": "Hello.", "reasoning_details": thoughts, **more}
    return [*HELLO, said, *HELLO]


def message_after(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [*HELLO, {"role": "assistant", "content": [*blocks, {"type": "text", "text": "Hello."}]}, *HELLO]


def test_a_signed_thought_goes_back_to_its_maker(sides: TwoSides) -> None:
    seen = sides.chat("a-ok", messages=chat_after([SIGNED]))
    assert "x-gateway-lost" not in seen.headers
    content = sides.body_of("ok", MESSAGES)["messages"][1]["content"]
    assert content[0] == {"type": "thinking", "thinking": "Hm.", "signature": signature_of("Hm.")}


def test_another_ones_thought_and_one_of_unknown_make_are_lost(sides: TwoSides) -> None:
    for format_of in ("gemini", "openai/anthropic-claude-v1", None):
        seen = sides.chat("a-ok", messages=chat_after([{**SIGNED, "format": format_of}]))
        assert seen.headers["x-gateway-lost"] == "messages[1].reasoning_content"
        content = sides.body_of("ok", MESSAGES)["messages"][1]["content"]
        assert [block["type"] for block in content] == ["text"]


def test_a_plain_thought_goes_to_servers_that_take_one(sides: TwoSides) -> None:
    said = message_after({"type": "thinking", "thinking": "Hm.", "signature": ""})
    seen = sides.message("v-ok", messages=said)
    assert "x-gateway-lost" not in seen.headers
    assert sides.body_of("ok", CHAT)["messages"][1] == {"role": "assistant", "content": "Hello.", "reasoning": "Hm."}
    seen = sides.message("o-ok", messages=said)
    assert seen.headers["x-gateway-lost"] == "messages[1].content[0]"
    assert "Hm." not in str(sides.body_of("ok", CHAT))


def test_marks_of_others_do_not_reach_anthropic(sides: TwoSides) -> None:
    """Callers of Messages give back what they got, whichever provider answers next: bytes would pass untouched."""
    others = [
        {"type": "thinking", "thinking": "Hm.", "signature": "gemini:c2ln"},
        {"type": "redacted_thinking", "data": "gemini+call:c2ln"},
        {"type": "redacted_thinking", "data": "openai/x:ZGF0YQ=="},
    ]
    own = {"type": "thinking", "thinking": "Aha.", "signature": signature_of("Aha.")}
    seen = sides.message("a-ok", messages=message_after(*others, own))
    assert seen.headers["x-gateway-lost"] == "messages[1].content[0], messages[1].content[1], messages[1].content[2]"
    content = sides.body_of("ok", MESSAGES)["messages"][1]["content"]
    assert content == [own, {"type": "text", "text": "Hello."}]
