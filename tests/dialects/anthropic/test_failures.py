"""What refusals mean, how long to wait, what limits are left; and how our errors look to callers."""

import json

import pytest

from gateway.dialects.anthropic.errors import error_body, error_event, error_type
from gateway.values.headroom import Headroom, Quota
from gateway.values.outcome import Outcome
from tests.dialects.anthropic.support import TRANSLATOR

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z


def body(kind: str, message: str, **details: str) -> bytes:
    error = {"type": kind, "message": message, **({"details": details} if details else {})}
    return json.dumps({"type": "error", "error": error}).encode()


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (302, b"", Outcome.REDIRECTED),
        (400, body("invalid_request_error", "messages: Field required"), Outcome.BAD_REQUEST),
        (400, body("invalid_request_error", "This organization has been disabled."), Outcome.CREDENTIAL_REFUSED),
        (400, body("invalid_request_error", "x", error_code="organization_on_hold"), Outcome.CREDENTIAL_REFUSED),
        (400, body("invalid_request_error", "x", error_code="linked_organization_billing_unavailable"), Outcome.QUOTA_EXHAUSTED),
        (400, body("overloaded_error", "Overloaded"), Outcome.OVERLOADED),
        (400, b"", Outcome.BAD_REQUEST),
        (400, b"not json \xff", Outcome.BAD_REQUEST),
        (403, body("permission_error", "Output blocked by content filtering policy"), Outcome.CONTENT_POLICY),
        (404, body("not_found_error", "Not Found"), Outcome.DEPLOYMENT_GONE),
        (405, b"", Outcome.DEPLOYMENT_GONE),
        (408, b"", Outcome.OVERLOADED),
        (409, body("conflict_error", "x"), Outcome.OVERLOADED),
        (413, body("invalid_request_error", "prompt is too long: 2 tokens > 1 maximum"), Outcome.CONTEXT_TOO_LONG),
        (418, b"", Outcome.BAD_REQUEST),
        (422, b'{"detail":[{"loc":["body","messages"],"msg":"field required"}]}', Outcome.BAD_REQUEST),
        (429, b"", Outcome.RATE_LIMITED),
        (429, body("rate_limit_error", "your rate limit; see billing"), Outcome.RATE_LIMITED),
        (500, body("overloaded_error", "Overloaded"), Outcome.OVERLOADED),
        (502, b"<html>", Outcome.SERVER_ERROR),
        (503, b"", Outcome.SERVER_ERROR),
        (529, b"", Outcome.OVERLOADED),
        (600, b"", Outcome.SERVER_ERROR),
        (199, b"", Outcome.MALFORMED_ANSWER),
    ],
)  # fmt: skip
def test_a_refusal_means(status: int, answer: bytes, outcome: Outcome) -> None:
    failure = TRANSLATOR.failure(status, {}, answer, NOW)
    assert failure.outcome is outcome
    assert failure.status == status


def test_a_refusal_of_the_gateways_own_is_not_told_to_the_caller() -> None:
    for status, kind in (
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (500, "api_error"),
    ):
        failure = TRANSLATOR.failure(status, {}, body(kind, "key sk-ant-api03-secret of org acme"), NOW)
        assert failure.message is None
        assert "secret" not in str(failure)
    spent = TRANSLATOR.failure(400, {}, body("invalid_request_error", "Your credit balance is too low, acme"), NOW)
    assert (spent.outcome, spent.message) == (Outcome.QUOTA_EXHAUSTED, None)


def test_an_errors_word_is_told_only_where_it_is_one() -> None:
    failure = TRANSLATOR.failure(400, {}, body("my prompt was: secret", "x", error_code="a b"), NOW)
    assert failure.detail == "HTTP 400"
    assert failure.code is None


def test_a_rate_limit_says_how_long_to_wait() -> None:
    limited = body("rate_limit_error", "x")
    assert TRANSLATOR.failure(429, {"retry-after": "7"}, limited, NOW).retry_after_s == 7
    reset = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:50Z",
    }
    assert TRANSLATOR.failure(429, reset, limited, NOW).retry_after_s == 30
    assert TRANSLATOR.failure(429, {}, limited, NOW).retry_after_s is None
    spent = body("rate_limit_error", "x", error_code="contract_spend_limit_reached")
    assert TRANSLATOR.failure(429, {}, spent, NOW).outcome is Outcome.QUOTA_EXHAUSTED
    assert TRANSLATOR.failure(429, {"retry-after": "7"}, spent, NOW).outcome is Outcome.RATE_LIMITED
    assert TRANSLATOR.failure(503, {"retry-after": "7"}, b"", NOW).outcome is Outcome.OVERLOADED


def told(**left: str) -> dict[str, str]:
    headers = {}
    for kind, count in left.items():
        name = f"anthropic-ratelimit-{kind.replace('_', '-')}"
        headers |= {f"{name}-limit": "1000", f"{name}-remaining": count, f"{name}-reset": "2023-11-14T22:14:20Z"}
    return headers


@pytest.mark.parametrize(
    ("headers", "headroom"),
    [
        ({}, None),
        ({"x-ratelimit-remaining-requests": "5"}, None),
        (told(requests="49"), Headroom(requests=Quota(49, NOW + 60))),
        (told(tokens="900", input_tokens="800", output_tokens="100"), None),
        (told(requests="49", tokens="900"), Headroom(requests=Quota(49, NOW + 60))),
        (told(tokens="0"), Headroom(tokens=Quota(0, NOW + 60))),
        (told(input_tokens="0", output_tokens="100"), Headroom(tokens=Quota(0, NOW + 60))),
        (told(tokens="900", input_tokens="900", output_tokens="0"), Headroom(tokens=Quota(0, NOW + 60))),
        ({"anthropic-ratelimit-tokens-remaining": "0"}, Headroom(tokens=Quota(0, NOW + 10))),
        (told(requests="many", tokens="-1"), None),
    ],
)
def test_headroom_is_read(headers: dict[str, str], headroom: Headroom | None) -> None:
    assert TRANSLATOR.headroom(headers, NOW) == headroom


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad_request", "invalid_request_error"),
        (401, "invalid_api_key", "authentication_error"),
        (403, "refused_by_policy", "permission_error"),
        (404, "model_not_found", "not_found_error"),
        (405, "method_not_allowed", "invalid_request_error"),
        (413, "body_too_large", "request_too_large"),
        (415, "unsupported_content_encoding", "invalid_request_error"),
        (429, "rate_limited", "rate_limit_error"),
        (500, "internal_error", "api_error"),
        (502, "truncated", "api_error"),
        (503, "overloaded", "overloaded_error"),
        (503, "gateway_busy", "overloaded_error"),
        (503, "something_else", "api_error"),
        (504, "deadline_exceeded", "timeout_error"),
    ],
)
def test_an_error_has_anthropics_type(status: int, code: str, kind: str) -> None:
    assert error_type(status, code) == kind
    error = {"type": kind, "message": "Words.", "details": {"error_code": code}}
    expected = {"type": "error", "error": error, "request_id": "req-1"}
    assert json.loads(error_body(status, code, "Words.", "req-1")) == expected
    event = error_event(status, code, "Words.", "req-1")
    assert event.startswith(b"event: error\ndata: {")
    assert event.endswith(b"}\n\n")
    assert json.loads(event.split(b"data: ")[1]) == expected


def test_a_prompt_that_is_too_long_is_told_in_the_words_that_applications_look_for() -> None:
    code = "context_length_exceeded"
    ours = json.loads(error_body(400, code, "It has 9 tokens.", None))
    assert ours["error"]["message"] == "prompt is too long: It has 9 tokens."
    theirs = json.loads(error_body(400, code, "Prompt is too long: 9 tokens > 8 maximum", None))
    assert theirs["error"]["message"] == "Prompt is too long: 9 tokens > 8 maximum"
    assert theirs["request_id"] is None
