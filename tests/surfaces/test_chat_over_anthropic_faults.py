"""Chat completions by a provider that speaks Anthropic's Messages: its faults, and who takes over."""

import json
from typing import Any

import pytest

from tests.support.two_sides import ANTHROPIC_KEY, TwoSides, chunks_of, said_by

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
WEATHER: list[Any] = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
]

ERRORS = [
    ("invalid_400", 400, "invalid_request_error", "bad_request"),
    ("too_long_400", 400, "invalid_request_error", "context_length_exceeded"),
    ("credit_400", 502, "upstream_error", "quota_exhausted"),
    ("unauthorized_401", 502, "upstream_error", "credential_refused"),
    ("permission_403", 502, "upstream_error", "credential_refused"),
    ("not_found_404", 502, "upstream_error", "deployment_gone"),
    ("too_large_413", 413, "invalid_request_error", "bad_request"),
    ("rate_limit_429", 429, "rate_limit_error", "rate_limited"),
    ("error_500", 502, "upstream_error", "server_error"),
    ("overloaded_529", 503, "upstream_error", "overloaded"),
]


@BOTH
@pytest.mark.parametrize(("model", "status", "kind", "code"), ERRORS, ids=[error[0] for error in ERRORS])
def test_error_before_an_answer(sides: TwoSides, model: str, status: int, kind: str, code: str, stream: bool) -> None:
    wait = "8" if stream else "7"  # each has its own: who is told to wait is not asked again
    name = f"{model}-{wait}" if model == "rate_limit_429" else model
    seen = sides.chat(f"a-{name}", stream=stream)
    assert seen.error is not None
    assert set(seen.error) >= {"message", "type", "param", "code"}
    assert (seen.status, seen.error["type"], seen.error["code"]) == (status, kind, code)
    assert ANTHROPIC_KEY not in seen.body.decode()
    if model == "rate_limit_429":
        assert seen.headers["retry-after"] == wait


def test_provider_names_the_field_at_fault(sides: TwoSides) -> None:
    error = sides.chat("a-invalid_400").error
    assert error is not None
    assert error["param"] == "messages.0.content.0.text"
    assert "Field required" in error["message"]


BROKEN = [
    ("error_after", "overloaded"),
    ("cut_after", "truncated"),
    ("tool_cut", "truncated"),
    ("no_end", "truncated"),
    ("silent_after", "idle_timeout"),
]


@pytest.mark.parametrize(("model", "code"), BROKEN, ids=[one[0] for one in BROKEN])
def test_broken_stream_never_looks_finished(sides: TwoSides, model: str, code: str) -> None:
    seen = sides.chat(f"a-{model}", stream=True, tools=WEATHER)
    if seen.status != 200:  # it broke before anything was passed on
        assert seen.error is not None
        assert seen.error["code"] == code
        return
    assert not seen.looks_finished(stream=True)
    assert not any(choice["finish_reason"] for chunk in chunks_of(seen)[:-1] for choice in chunk["choices"])
    assert seen.error is not None
    assert seen.error["code"] == code
    assert sides.record(seen)["outcome"] == code


def test_pings_are_no_output(sides: TwoSides) -> None:
    seen = sides.chat("a-only_pings", stream=True)
    assert (seen.status, seen.error and seen.error["code"]) == (504, "first_output_timeout")


# -- fallback between the dialects


@pytest.mark.parametrize(
    ("pool", "stream", "first", "last"),
    [
        ("to-openai", False, "a-overloaded_529", "o-ok"),
        ("to-openai-streamed", True, "a-error_500", "o-tokens"),
        ("to-anthropic", False, "o-error_500", "a-ok"),
        ("to-anthropic-streamed", True, "o-reset_after_headers", "a-tokens"),
    ],
)
def test_another_dialect_takes_over(sides: TwoSides, pool: str, stream: bool, first: str, last: str) -> None:
    seen = sides.chat(pool, stream=stream)
    assert seen.looks_finished(stream=stream), seen.body
    said = said_by(chunks_of(seen), "content") if stream else json.loads(seen.body)["choices"][0]["message"]["content"]
    assert said.startswith("0 1 2" if stream else "You said: Say hello.")
    record = sides.record(seen)
    assert record["answered_by"] == last
    tried = [attempt["deployment"] for attempt in record["attempts"]]
    assert tried[-1] == last
    assert set(tried) <= {first, last}
