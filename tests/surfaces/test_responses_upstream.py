"""Providers that speak Responses: what only they read goes back to them through any caller, and what they run is billed."""

import json
from typing import Any

import pytest

from tests.support.two_sides import HELLO, MESSAGES, TwoSides

PATH = "/v1/responses"


@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES])
def test_thoughts_go_back_through_callers_of_other_dialects(sides: TwoSides, path: str) -> None:
    """The server refuses them but as it made them, each with the id of its item."""
    body: dict[str, Any] = {"model": "r-thinking", "max_tokens": 100, "messages": HELLO}
    said = json.loads(sides.ask(path, body).body)
    turn = said["choices"][0]["message"] if path != MESSAGES else {"role": "assistant", "content": said["content"]}
    seen = sides.ask(path, {**body, "model": "r-ok", "messages": [*HELLO, turn, *HELLO]})
    assert seen.status == 200, seen.body
    items = sides.body_of("ok", PATH)["input"]
    thought = next(item for item in items if item["type"] == "reasoning")
    assert thought["encrypted_content"].startswith("gAAAAA")
    assert thought["summary"][0]["text"] == "The user greets me. I shall be brief."
    other = sides.ask(path, {**body, "model": "a-ok", "messages": [*HELLO, turn, *HELLO]})
    assert other.status == 200, other.body
    assert "gAAAAA" not in json.dumps(sides.body_of("ok", MESSAGES))
    assert other.headers["x-gateway-lost"]


def test_searches_are_counted_and_of_no_known_price(sides: TwoSides) -> None:
    seen = sides.ask(PATH, {"model": "r-searches", "input": "News?", "tools": [{"type": "web_search"}]})
    (attempt,) = sides.record(seen)["attempts"]
    assert attempt["usage"]["web_searches"] == 1
    assert attempt["cost_usd"] is None


def test_thoughts_that_a_provider_cannot_read_are_asked_of_the_next(sides: TwoSides) -> None:
    seen = sides.ask(PATH, {"model": "foreign-thoughts", "input": "Hi."})
    assert (seen.status, seen.headers["x-gateway-deployment"]) == (200, "a-ok")
    alone = sides.ask(PATH, {"model": "r-foreign_thoughts_400", "input": "Hi."})
    assert alone.error is not None
    assert (alone.status, alone.error["code"]) == (400, "invalid_encrypted_content")
