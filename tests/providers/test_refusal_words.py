"""A refusal's words reach the caller whatever they are wrapped in."""

import json
from typing import Any

import pytest

from gateway.providers.vendors import VENDORS
from gateway.values.outcome import AttemptFailed, Outcome


def refused(body: bytes, status: int = 400) -> AttemptFailed:
    return VENDORS["openai_compatible"].failure(status, {}, body, 0.0)


def as_json(body: Any) -> bytes:
    return json.dumps(body).encode()


DETAIL = {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "field required", "type": "value_error.missing"}]}
PAGE = b"<!DOCTYPE html><html><head><title>400</title></head><body><h1>Bad Request</h1><p>tools &amp; more</p></body></html>"
CASES: dict[str, tuple[bytes, str, str | None]] = {
    "text": (b"temperature must be at most 2\n", "temperature must be at most 2", None),
    "a page": (PAGE, "Bad Request tools & more", None),
    "a page with a title only": (b"<html><head><title>Bad Request</title></head></html>", "Bad Request", None),
    "fastapi": (as_json(DETAIL), "messages.0.role: field required", "messages.0.role"),
    "fastapi, a text": (as_json({"detail": "no such thing"}), "no such thing", None),
    "an event": (b'data: {"error": {"message": "bad tools", "param": "tools"}}\n\ndata: [DONE]\n\n', "bad tools", "tools"),
    "an event with a name": (b'event: error\r\ndata: {"message": "bad tools"}\r\n\r\n', "bad tools", None),
    "an event that is text": (b"event: error\ndata: bad tools\n\n", "bad tools", None),
    "a list of errors": (as_json({"errors": [{"message": "one"}, {"message": "two"}]}), "one; two", None),
    "a message that holds the detail": (
        as_json({"object": "error", "message": DETAIL, "code": None}), "messages.0.role: field required", "messages.0.role",
    ),
    "an error whose message is an object": (as_json({"error": {"message": {"msg": "no"}}}), "no", None),
    "a json text": (as_json("no"), "no", None),
}  # fmt: skip


@pytest.mark.parametrize(("body", "message", "param"), CASES.values(), ids=CASES)
def test_the_words_are_kept(body: bytes, message: str, param: str | None) -> None:
    for status in (400, 422):
        failure = refused(body, status)
        assert failure.outcome is Outcome.BAD_REQUEST
        assert (failure.message, failure.param) == (message, param)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b"[]", b"5", b"[" * 100_000, b"\xff\xfe", b"<html>", b"data:\n\n"]
)
def test_no_words_are_no_message(body: bytes) -> None:
    assert refused(body).outcome is Outcome.BAD_REQUEST


def test_text_that_speaks_of_the_context_is_understood() -> None:
    assert refused(b"This model's maximum context length is 4096 tokens").outcome is Outcome.CONTEXT_TOO_LONG


def test_a_page_of_a_failing_server_is_no_message() -> None:
    assert refused(PAGE, 502).message is None
