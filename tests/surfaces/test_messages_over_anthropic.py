"""Anthropic's Messages by a provider that speaks them: both ways bytes pass through untouched."""

import json
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import APP_KEY, NARROW_KEY
from tests.support.client import Seen
from tests.support.two_sides import ANTHROPIC_KEY, HELLO, MESSAGES, TwoSides, folded, of_events

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
WEATHER: list[Any] = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]
UNTOUCHED = ("ok", "tokens", "unicode", "tools", "tool_without_arguments", "thinking", "redacted", "cached", "refusal",
             "max_tokens", "stop_sequence")  # fmt: skip


def sent_by_upstream(sides: TwoSides, model: str) -> bytes:
    """What the provider answers to the bytes that the gateway sent it: the fake's answers depend on the body alone."""
    got = sides.got(model, MESSAGES)
    kept = ("x-api-key", "anthropic-version", "anthropic-beta", "content-type")
    headers = {name: value for name, value in got["headers"].items() if name in kept}
    url = sides.upstream.base_url + "/messages"

    async def ask() -> bytes:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(url, content=got["body"].encode(), headers=headers)).content

    return sides.gateway.virtual.run(ask())


@BOTH
@pytest.mark.parametrize("model", UNTOUCHED)
def test_caller_gets_what_upstream_sent(sides: TwoSides, model: str, stream: bool) -> None:
    seen = sides.message(f"a-{model}", stream=stream, tools=WEATHER)
    assert seen.status == 200
    assert seen.body == sent_by_upstream(sides, model)
    record = sides.record(seen)
    assert (record["outcome"], record["answered_by"]) == ("ok", f"a-{model}")
    assert record["attempts"][0]["cost_usd"] > 0


@pytest.mark.parametrize("model", ["pings@20", "new_events"])
def test_unusual_events_pass_through_too(sides: TwoSides, model: str) -> None:
    seen = sides.message(f"a-{model.replace('@', '-')}", stream=True)
    assert seen.body == sent_by_upstream(sides, model)


@BOTH
def test_what_upstream_gets_is_the_callers_body_but_for_the_model(sides: TwoSides, stream: bool) -> None:
    """Values keep their bytes: numbers, escapes, space within them, members that the gateway does not know."""
    content = (
        '[ {"role" : "user", "content": [{"type":"text","text":"caf\\u00e9 \\/ 😀", '
        '"cache_control": {"type":"ephemeral"}}]} ]'
    )
    rest = f'"max_tokens":  100, "messages": {content}, "temperature": 1.0, "context_management": {{"edits":  [ ]}}'
    sent = f'{{"model": "a-ok", {rest}, "stream": {"true" if stream else "false"}}}'
    assert sides.ask(MESSAGES, sent.encode(), anthropic_version="2023-06-01").status == 200
    body = sides.got("ok", MESSAGES)["body"]
    for value in (content, '"temperature":1.0', '{"edits":  [ ]}'):
        assert value in body
    assert [*json.loads(body)] == ["model", "max_tokens", "messages", "temperature", "context_management", "stream"]
    assert json.loads(body)["model"] == "ok"


def test_versions_of_the_caller_go_on(sides: TwoSides) -> None:
    body = {"model": "a-ok", "max_tokens": 9, "messages": HELLO}
    beta = "interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14"
    assert sides.ask(MESSAGES, body, anthropic_version="2026-10-21", anthropic_beta=beta).status == 200
    headers = sides.got("ok", MESSAGES)["headers"]
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2026-10-21", beta)
    assert headers["x-api-key"] == ANTHROPIC_KEY
    assert "authorization" not in headers


def test_caller_without_a_version_gets_the_usual_one(sides: TwoSides) -> None:
    assert sides.ask(MESSAGES, {"model": "a-ok", "max_tokens": 9, "messages": HELLO}).status == 200
    assert sides.got("ok", MESSAGES)["headers"]["anthropic-version"] == "2023-06-01"


@BOTH
def test_thoughts_go_back_with_their_signatures(sides: TwoSides, stream: bool) -> None:
    seen = sides.message("a-redacted", stream=stream, tools=WEATHER)
    message = folded(seen) if stream else json.loads(seen.body)
    call = message["content"][-1]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "18 degrees"}
    turns = [*HELLO, {"role": "assistant", "content": message["content"]}, {"role": "user", "content": [result]}]
    answer = sides.message("a-ok", messages=turns, tools=WEATHER)
    assert answer.status == 200, answer.body
    assert sides.body_of("ok", MESSAGES)["messages"] == turns


def test_thoughts_that_nobody_signed_are_left_out(sides: TwoSides) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "Hello."}]}
    assert sides.message("a-ok", messages=[*HELLO, said, *HELLO]).status == 200
    assert sides.body_of("ok", MESSAGES)["messages"][1]["content"] == [{"type": "text", "text": "Hello."}]


# -- what the gateway must change


def test_missing_message_stop_is_given(sides: TwoSides) -> None:
    seen = sides.message("a-no_stop", stream=True)
    upstream = sent_by_upstream(sides, "no_stop")
    assert seen.body == upstream + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert folded(seen)["stop_reason"] == "end_turn"


def test_whole_answer_to_a_stream_is_given_as_one(sides: TwoSides) -> None:
    seen = sides.message("a-not_streamed", stream=True)
    assert folded(seen)["content"] == [{"type": "text", "text": "You said: Say hello."}]


BROKEN = [
    ("error_after", "overloaded", "overloaded_error"),
    ("cut_after", "truncated", "api_error"),
    ("tool_cut", "truncated", "api_error"),
    ("no_end", "truncated", "api_error"),
    ("silent_after", "idle_timeout", "timeout_error"),
]


@pytest.mark.parametrize(("model", "outcome", "kind"), BROKEN, ids=[one[0] for one in BROKEN])
def test_broken_stream_ends_with_an_error_and_no_message_stop(
    sides: TwoSides, model: str, outcome: str, kind: str
) -> None:
    seen = sides.message(f"a-{model}", stream=True, tools=WEATHER)
    assert sides.record(seen)["outcome"] == outcome
    if seen.status != 200:  # it broke before anything was passed on
        assert json.loads(seen.body)["error"]["type"] == kind
        return
    assert seen.broken is None
    events = list(of_events(seen.body))
    names = [name for name, _ in events]
    assert (names[0], names[-1]) == ("message_start", "error")
    assert not {"message_stop", "message_delta"} & set(names)
    last = events[-1][1]
    assert (last["error"]["type"], last["request_id"]) == (kind, seen.headers["request-id"])


ERRORS = [
    ("invalid_400", 400, "invalid_request_error"),
    ("too_long_400", 400, "invalid_request_error"),
    ("credit_400", 502, "api_error"),
    ("unauthorized_401", 502, "api_error"),
    ("permission_403", 502, "api_error"),
    ("not_found_404", 502, "api_error"),
    ("too_large_413", 413, "request_too_large"),
    ("rate_limit_429", 429, "rate_limit_error"),
    ("error_500", 502, "api_error"),
    ("overloaded_529", 503, "overloaded_error"),
]


@BOTH
@pytest.mark.parametrize(("model", "status", "kind"), ERRORS, ids=[error[0] for error in ERRORS])
def test_error_before_an_answer(sides: TwoSides, model: str, status: int, kind: str, stream: bool) -> None:
    wait = "8" if stream else "7"  # each has its own: who is told to wait is not asked again
    name = f"{model}-{wait}" if model == "rate_limit_429" else model
    seen = sides.message(f"a-{name}", stream=stream)
    body = json.loads(seen.body)
    assert (seen.status, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["request_id"] == seen.headers["request-id"] == seen.headers["x-request-id"]
    assert ANTHROPIC_KEY not in seen.body.decode()
    if model == "too_long_400":
        assert body["error"]["message"] == "prompt is too long: 210000 tokens > 200000 maximum"
    if model == "rate_limit_429":
        assert seen.headers["retry-after"] == wait


def test_pings_are_no_output(sides: TwoSides) -> None:
    seen = sides.message("a-only_pings", stream=True)
    assert (seen.status, json.loads(seen.body)["error"]["type"]) == (504, "timeout_error")


@BOTH
@pytest.mark.parametrize(("pool", "last"), [("to-openai", "o-ok"), ("to-anthropic", "a-ok")])
def test_another_dialect_takes_over(sides: TwoSides, pool: str, last: str, stream: bool) -> None:
    seen = sides.message(pool, stream=stream)
    assert seen.status == 200, seen.body
    message = folded(seen) if stream else json.loads(seen.body)
    assert message["content"] == [{"type": "text", "text": "You said: Say hello."}]
    assert sides.record(seen)["answered_by"] == last


# -- who may ask


def test_key_as_x_api_key_or_bearer(sides: TwoSides) -> None:
    body = {"model": "a-ok", "max_tokens": 9, "messages": HELLO}
    assert sides.ask(MESSAGES, body, x_api_key=APP_KEY).status == 200
    assert sides.ask(MESSAGES, body, authorization=f"Bearer {APP_KEY}").status == 200


def refusal(seen: Seen) -> tuple[int, str]:
    error = json.loads(seen.body)
    assert set(error) == {"type", "error", "request_id"}
    return seen.status, error["error"]["type"]


def test_wrong_key(sides: TwoSides) -> None:
    body = {"model": "a-ok", "max_tokens": 9, "messages": HELLO}
    for headers in (
        {"x_api_key": "wrong-key-0123456789"},
        {"authorization": "Bearer wrong-key-0123456789"},
        {"x_api_key": ""},
        {"x_api_key": APP_KEY, "authorization": "Bearer other-key-0123456789"},
    ):
        assert refusal(sides.ask(MESSAGES, body, **headers)) == (401, "authentication_error")


@pytest.mark.parametrize("path", [MESSAGES, MESSAGES + "/count_tokens"])
def test_too_sensitive_for_the_deployment(sides: TwoSides, path: str) -> None:
    """Law 1: by what the caller declares, and by its key's floor. Nothing of it reaches the provider."""
    body: dict[str, Any] = {
        "model": "a-plain",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "canary 4711"}],
    }
    if path != MESSAGES:
        del body["max_tokens"]
    declared = sides.ask(path, body, x_gateway_sensitivity="restricted")
    assert refusal(declared) == (403, "permission_error")
    floor = sides.ask(path, body, x_api_key=NARROW_KEY)
    assert refusal(floor) == (403, "permission_error")
    assert not [row for row in sides.upstream.ask("/_seen") if "canary 4711" in (row["body"] or "")]


def test_key_uses_only_its_models(sides: TwoSides) -> None:
    body = {"model": "a-tokens", "max_tokens": 9, "messages": HELLO}
    assert refusal(sides.ask(MESSAGES, body, x_api_key=NARROW_KEY)) == (404, "not_found_error")


def test_only_post(sides: TwoSides) -> None:
    headers = {"x-api-key": APP_KEY, "anthropic-version": "2023-06-01"}
    answer = sides.gateway.client(headers).get(MESSAGES)
    assert answer.status_code == 405
    assert answer.json()["error"]["type"] == "invalid_request_error"
