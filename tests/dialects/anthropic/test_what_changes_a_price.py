"""What Anthropic tells beside tokens that changes a price: it is priced, or the cost is unknown (law 5)."""

import datetime as dt
import json
from typing import Any

import pytest

from gateway.catalogue.list_prices import list_price
from gateway.learning.settlement import usage_told
from gateway.values.usage import Usage, cost_usd
from tests.dialects.anthropic.support import PLAIN, TRANSLATOR, decode, replayed, request_of

PRICE = list_price("anthropic", "claude-opus-5-5", dt.datetime(2026, 11, 20, tzinfo=dt.UTC)).price
TIERED = list_price("anthropic", "claude-sonnet-4-5", dt.datetime(2026, 11, 20, tzinfo=dt.UTC)).price
TOKENS = {"input_tokens": 1000, "output_tokens": 100}
BASE = 1000 * 4e-6 + 100 * 20e-6


def whole(usage: dict[str, Any]) -> Usage | None:
    message = {
        "id": "i", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    return decode(json.dumps(message).encode()).usage


def event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def beginning(usage: dict[str, Any], block: dict[str, Any] | None = None) -> bytes:
    message = {"id": "i", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    return (
        event("message_start", message=message)
        + event("content_block_start", index=0, content_block=block or {"type": "text", "text": ""})
        + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello"})
    )


def streamed(usage: dict[str, Any]) -> Usage | None:
    """What is cumulative comes at the end, the rest at the start, as Anthropic's API does it."""
    of_end = {"output_tokens", "server_tool_use", "iterations"}
    start = {name: value for name, value in usage.items() if name not in of_end} | {"output_tokens": 1}
    end = {name: value for name, value in usage.items() if name in of_end}
    decoder = TRANSLATOR.decoder(request_of({**PLAIN, "stream": True}))
    decoder.feed(
        beginning(start)
        + event("content_block_stop", index=0)
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage=end)
        + event("message_stop")
    )
    return decoder.summary().usage


def round_of(kind: str) -> dict[str, Any]:
    return {"type": kind, "input_tokens": 900, "output_tokens": 90, "cache_read_input_tokens": 0}


CASES: list[tuple[str, dict[str, Any], float | None]] = [
    ("nothing", {}, BASE),
    ("usual words", {"service_tier": "standard", "speed": "standard", "inference_geo": "global"}, BASE),
    ("an older model", {"inference_geo": "not_available"}, BASE),
    ("nulls", {"service_tier": None, "speed": None, "inference_geo": None, "server_tool_use": None, "iterations": None}, BASE),
    ("fast", {"speed": "fast"}, 2 * BASE),
    ("batch", {"service_tier": "batch"}, BASE / 2),
    ("priority", {"service_tier": "priority"}, None),
    ("in one country", {"inference_geo": "us"}, None),
    ("fast in one country", {"speed": "fast", "inference_geo": "us"}, None),
    ("a place that is no word", {"inference_geo": "us-East 1"}, None),
    ("a speed that is no text", {"speed": 2}, None),
    ("no searches", {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}}, BASE),
    ("searches", {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}}, BASE + 0.03),
    ("fetches", {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 5}}, BASE),
    ("another tool", {"server_tool_use": {"web_search_requests": 0, "moon_requests": 1}}, None),
    ("tools that cannot be read", {"server_tool_use": [1]}, None),
    ("a count that is none", {"server_tool_use": {"web_search_requests": "many"}}, None),
    ("one round", {"iterations": [round_of("message")]}, BASE),
    ("rounds", {"iterations": [round_of("message")] * 3}, BASE),
    ("a compaction", {"iterations": [round_of("compaction"), round_of("message")]}, None),
    ("an advisor", {"iterations": [round_of("message"), round_of("advisor_message")]}, None),
    ("another model", {"iterations": [round_of("message"), round_of("fallback_message")]}, None),
    ("rounds that cannot be read", {"iterations": "three"}, None),
    ("a write", {"cache_creation_input_tokens": 100}, BASE + 100 * 5e-6),
    ("a write for an hour", {"cache_creation_input_tokens": 100, "cache_creation": {
        "ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 60}}, BASE + 40 * 5e-6 + 60 * 8e-6),
    ("more for an hour than was written", {"cache_creation_input_tokens": 100, "cache_creation": {
        "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 160}}, None),
    ("a read", {"cache_read_input_tokens": 100}, BASE + 100 * 0.2e-6),
]  # fmt: skip


@pytest.mark.parametrize("read", [whole, streamed])
@pytest.mark.parametrize(("name", "more", "cost"), CASES, ids=[one[0] for one in CASES])
def test_cost_is_right_or_unknown(name: str, more: dict[str, Any], cost: float | None, read: Any) -> None:
    found = cost_usd(PRICE, read({**TOKENS, **more}))
    assert found == (None if cost is None else pytest.approx(cost)), name


@pytest.mark.parametrize(("tokens", "is_known"), [(100_000, True), (300_000, False)])
def test_rounds_that_may_be_of_several_tiers_have_no_price(tokens: int, is_known: bool) -> None:
    one = {"input_tokens": tokens, "output_tokens": 10}
    assert cost_usd(TIERED, whole(one)) is not None
    many = {**one, "iterations": [round_of("message")] * 2}
    assert (cost_usd(TIERED, whole(many)) is not None) is is_known
    searched = {**one, "server_tool_use": {"web_search_requests": 1}}
    assert (cost_usd(TIERED, whole(searched)) is not None) is is_known


CUT: list[tuple[str, dict[str, Any], dict[str, Any] | None, float | None]] = [
    ("plain", {}, None, 1000 * 4e-6 + 20e-6),
    ("fast", {"speed": "fast"}, None, 2 * (1000 * 4e-6 + 20e-6)),
    ("in one country", {"inference_geo": "us"}, None, None),
    ("a read", {"cache_read_input_tokens": 100}, None, 1000 * 4e-6 + 20e-6 + 100 * 0.2e-6),
    ("while a tool runs", {}, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "more", "block", "cost"), CUT, ids=[one[0] for one in CUT])
def test_a_stream_that_was_cut_is_priced_as_it_was_begun(
    name: str, more: dict[str, Any], block: dict[str, Any] | None, cost: float | None
) -> None:
    body = beginning({**TOKENS, **more}, block)
    if block is not None:
        body = body.replace(b"text_delta", b"input_json_delta").replace(b'"text": "hello"', b'"partial_json": "{"')
    decoder = TRANSLATOR.decoder(request_of({**PLAIN, "stream": True}))
    decoder.feed(body)
    found = usage_told(decoder.summary(), request_of({**PLAIN, "stream": True}).facts)
    assert found is not None
    assert found.estimated
    assert cost_usd(PRICE, found) == (None if cost is None else pytest.approx(cost, rel=0.02)), name


def test_counts_that_come_again_only_grow() -> None:
    parts = [
        beginning({**TOKENS, "server_tool_use": {"web_search_requests": 1}}),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 7, "server_tool_use": {"web_search_requests": 2}}),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
        event("message_stop"),
    ]  # fmt: skip
    _, summary = replayed(parts)
    assert summary["usage"] == {"prompt_tokens": 1000, "completion_tokens": 9, "web_searches": 2, "rounds": 3}
