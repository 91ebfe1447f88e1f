"""Which field a provider says that it does not take: real refusals, and such as say something else."""

import json

import pytest

from gateway.providers.refused_field import refused_field
from gateway.providers.vendors import VENDORS
from gateway.surfaces.table import CHAT
from gateway.values.caller import Caller
from gateway.values.surface import Serves
from tests.fake_upstream.wire import error_body

BODY = {
    "model": "m", "messages": [{"role": "assistant", "content": "x", "reasoning_content": "r"}], "top_k": 1, "max_tokens": 5,
    "temperature": 0.2, "user": "me", "stop": "END", "logit_bias": {"1": 1}, "stream": True,
    "stream_options": {"continuous_usage_stats": True}, "tools": [],
}  # fmt: skip


def found(
    message: str | None, param: str | None = None, code: str | None = None, *, body: bytes | None = None
) -> str | None:
    said = body or error_body(message or "", "invalid_request_error", param, code)
    request = CHAT.read(json.dumps(BODY).encode(), {}, Caller.anonymous(), "r")
    return refused_field(VENDORS["openai_compatible"].translators[Serves.CHAT].failure(400, {}, said, 0.0), request)


@pytest.mark.parametrize(
    ("message", "param", "code", "field"),
    [
        ("Unrecognized request argument supplied: top_k", None, None, "top_k"),
        ("Unrecognized request arguments supplied: min_p, top_k", None, None, "top_k"),
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
         "max_tokens", "unsupported_parameter", "max_tokens"),
        ("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
         "temperature", "unsupported_value", "temperature"),
        ("Unknown parameter: 'messages[0].reasoning_content'.", "messages[0].reasoning_content", "unknown_parameter",
         "messages.reasoning_content"),
        ("Unknown parameter: 'stream_options.continuous_usage_stats'.", "stream_options.continuous_usage_stats",
         "unknown_parameter", "stream_options.continuous_usage_stats"),
        ("property 'top_k' is unsupported", None, None, "top_k"),
        ("stop is not currently supported", None, None, "stop"),  # vLLM's of `suffix`
        ("Unsupported param: stop", None, None, "stop"),  # llama.cpp's of `suffix` and `best_of`
        ("messages.2.assistant.reasoning_content: property 'messages.2.assistant.reasoning_content' is unsupported",
         "validation_error", "wrong_api_format", "messages.reasoning_content"),
        ("Argument not supported on this model: logit_bias", None, None, "logit_bias"),
        ('Invalid JSON payload received. Unknown name "top_k": Cannot find field.', None, None, "top_k"),
        ('json: unknown field "top_k"', None, None, "top_k"),
        ("Additional properties are not allowed ('top_k' was unexpected)", None, None, "top_k"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_taken(message: str, param: str | None, code: str | None, field: str) -> None:
    assert found(message, param, code) == field


def test_pydantics_refusal() -> None:
    detail = [
        {"type": "extra_forbidden", "loc": ["body", "top_k"], "msg": "Extra inputs are not permitted", "input": 1}
    ]
    assert found(None, body=json.dumps({"detail": detail}).encode()) == "top_k"


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        ("Invalid 'temperature': decimal above maximum value. Expected a value <= 2.", "temperature", "decimal_above_max_value"),
        ("Invalid value: 'foo'. Supported values are: 'system', 'user' and 'assistant'.", "messages[0].role", "invalid_value"),
        ("This model does not support image input.", "messages", None),
        ("An unsupported image was given by the user", "messages.[0].content", None),
        ("Unrecognized request argument supplied: min_p", None, None),  # which was not sent
        ("Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
        ("", None, None),
        ("x" * 100_000 + "Unrecognized request argument supplied: top_k", None, None),
    ],
)  # fmt: skip
def test_what_is_no_such_refusal(message: str, param: str | None, code: str | None) -> None:
    assert found(message, param, code) is None


def test_no_words_at_all() -> None:
    assert found(None, body=b"<html>") is None
