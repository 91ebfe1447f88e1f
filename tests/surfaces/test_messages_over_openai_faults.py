"""Anthropic's Messages by a provider that speaks OpenAI's chat completions: what goes wrong, in Anthropic's body."""

import json
from typing import Any

import pytest

from tests.support.two_sides import HELLO, TwoSides, of_events

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
TOOLS: list[Any] = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]
ERRORS = [
    ("bad_param_400", 400, "invalid_request_error"),
    ("context_length_400", 400, "invalid_request_error"),
    ("content_policy_400", 400, "invalid_request_error"),
    ("unauthorized_401", 502, "api_error"),
    ("model_404", 502, "api_error"),
    ("too_large_413", 413, "request_too_large"),
    ("rate_limit_429", 429, "rate_limit_error"),
    ("error_500", 502, "api_error"),
]


def error_of(body: bytes) -> dict[str, Any]:
    """Anthropic's, with the request's id."""
    found: dict[str, Any] = json.loads(body)
    assert set(found) == {"type", "error", "request_id"}
    assert found["type"] == "error"
    assert found["request_id"]
    error: dict[str, Any] = found["error"]
    return error


@BOTH
@pytest.mark.parametrize(("model", "status", "kind"), ERRORS, ids=[error[0] for error in ERRORS])
def test_error_before_an_answer(sides: TwoSides, model: str, status: int, kind: str, stream: bool) -> None:
    wait = "8" if stream else "7"  # each has its own: who is told to wait is not asked again
    name = f"{model}-{wait}" if model == "rate_limit_429" else model
    seen = sides.message(f"o-{name}", stream=stream)
    error = error_of(seen.body)
    assert (seen.status, error["type"]) == (status, kind)
    assert json.loads(seen.body)["request_id"] == seen.headers["x-request-id"]
    if model == "context_length_400":
        assert error["message"].startswith("prompt is too long")
    if model == "rate_limit_429":
        assert seen.headers["retry-after"] == wait


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "JSON"),
        ({"model": "o-ok", "messages": HELLO}, "max_tokens"),
        ({"model": "o-ok", "max_tokens": -1, "messages": HELLO}, "max_tokens"),
        ({"model": "o-ok", "max_tokens": 9, "messages": []}, "messages"),
        ({"model": "o-ok", "max_tokens": 9, "messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"max_tokens": 9, "messages": HELLO}, "model"),
        ({"model": "o-ok", "max_tokens": 9, "messages": HELLO, "stream": "yes"}, "stream"),
        ({"model": "o-ok", "max_tokens": 9, "messages": HELLO, "tools": [{"x": 1}]}, "tools"),
        (
            {"model": "o-ok", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "messages[0].content[0]",
        ),
    ],
)
def test_request_that_makes_no_sense(sides: TwoSides, body: Any, field: str) -> None:
    seen = sides.ask("/v1/messages", body)
    error = error_of(seen.body)
    assert (seen.status, error["type"]) == (400, "invalid_request_error")
    assert field in error["message"]


@pytest.mark.parametrize(
    ("model", "status", "kind"),
    [("nobody-knows-it", 404, "not_found_error"), ("a-plain", 400, "invalid_request_error")],
)
def test_refused_by_the_gateway(sides: TwoSides, model: str, status: int, kind: str) -> None:
    seen = sides.message(model, tools=TOOLS)
    assert (seen.status, error_of(seen.body)["type"]) == (status, kind)


@pytest.mark.parametrize(
    ("model", "stop"), [("error_mid", "error_in_answer"), ("cut_after", "truncated"), ("silent_after", "idle_timeout")]
)
def test_broken_stream_ends_with_an_error_and_no_message_stop(sides: TwoSides, model: str, stop: str) -> None:
    seen = sides.message(f"o-{model}", stream=True)
    assert sides.record(seen)["outcome"] == stop
    if seen.status != 200:  # it broke before anything was passed on
        error_of(seen.body)
        return
    events = list(of_events(seen.body))
    names = [name for name, _ in events]
    assert names[-1] == "error"
    assert "message_stop" not in names
    assert "message_delta" not in names
    assert set(events[-1][1]) == {"type", "error", "request_id"}
