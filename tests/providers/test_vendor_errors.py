"""Errors of vendors: inside answers that began with 200, in shapes of their own, and hostile ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.vendors import VENDORS
from gateway.surfaces.table import SURFACES
from gateway.values.caller import Caller
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Fault, Outcome
from gateway.values.surface import Serves, Surface

SPEAKING_OPENAI = sorted(
    name for name, row in VENDORS.items() if Serves.CHAT in row.translators and row.chat.name == "openai"
)
CHAT = next(row for row in SURFACES if row.surface is Surface.CHAT)
PLAIN = b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
ASKED = CHAT.read(PLAIN, {}, Caller.anonymous(), "r")
STREAMED = CHAT.read(PLAIN.replace(b"}]}", b'}], "stream": true}'), {}, Caller.anonymous(), "r")


def whole(vendor: str, body: bytes) -> AttemptFailed | None:
    try:
        VENDORS[vendor].translators[Serves.CHAT].decode(body, ASKED)
    except AttemptFailed as failed:
        return failed
    return None


def streamed(vendor: str, body: bytes) -> AttemptFailed | None:
    decoder = VENDORS[vendor].translators[Serves.CHAT].decoder(STREAMED)
    chunks = [*decoder.feed(body), decoder.end()]
    return next((chunk.failure for chunk in chunks if chunk.failure is not None), None)


@pytest.mark.parametrize(
    ("vendor", "error", "outcome"),
    [
        ("openrouter", {"code": 429, "message": "x"}, Outcome.RATE_LIMITED),
        ("openrouter", {"code": 402, "message": "x"}, Outcome.QUOTA_EXHAUSTED),
        ("openrouter", {"code": 401, "message": "x"}, Outcome.CREDENTIAL_REFUSED),
        ("openrouter", {"code": 503, "message": "x"}, Outcome.ERROR_IN_ANSWER),
        ("openrouter", {"code": 400, "message": "maximum context length is 8192 tokens"}, Outcome.CONTEXT_TOO_LONG),
        ("openrouter", {"code": 400, "message": "x"}, Outcome.ERROR_IN_ANSWER),
        ("openai", {"type": "insufficient_quota", "code": "insufficient_quota"}, Outcome.QUOTA_EXHAUSTED),
        ("openai", {"type": "server_error", "code": None}, Outcome.ERROR_IN_ANSWER),
        ("groq", {"code": "tool_use_failed"}, Outcome.MALFORMED_ANSWER),
        ("alibaba", {"code": "data_inspection_failed"}, Outcome.CONTENT_POLICY),
        ("zhipu", {"code": "1302", "message": "x"}, Outcome.RATE_LIMITED),
        ("zhipu", {"code": 1113, "message": "x"}, Outcome.QUOTA_EXHAUSTED),
        ("openai", {"code": 1113, "message": "x"}, Outcome.ERROR_IN_ANSWER),
        ("openai", "text", Outcome.ERROR_IN_ANSWER),
    ],
)
def test_an_error_in_an_answer_is_what_it_says(vendor: str, error: Any, outcome: Outcome) -> None:
    """Whole, or as an event of a stream; its words, which may hold a prompt, are not passed on."""
    body = json.dumps({"error": error}).encode()
    for failed in (whole(vendor, body), streamed(vendor, b"data: " + body + b"\n\n")):
        assert failed is not None
        assert failed.outcome is outcome
        assert failed.message is None


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(1002, Outcome.RATE_LIMITED), (1004, Outcome.CREDENTIAL_REFUSED), (1008, Outcome.QUOTA_EXHAUSTED),
     (1026, Outcome.CONTENT_POLICY), (1033, Outcome.ERROR_IN_ANSWER), (2013, Outcome.BAD_REQUEST)],
)  # fmt: skip
def test_minimax_says_it_in_base_resp(code: int, outcome: Outcome) -> None:
    body = json.dumps({"choices": None, "base_resp": {"status_code": code, "status_msg": "x"}}).encode()
    for failed in (whole("minimax", body), streamed("minimax", b"data: " + body + b"\n\n"), streamed("minimax", body)):
        assert failed is not None
        assert failed.outcome is outcome


def test_minimax_has_one_code_for_all_that_it_refuses() -> None:
    said = {"status_code": 2013, "status_msg": "invalid params, context window exceeds limit"}
    body = json.dumps({"choices": None, "base_resp": said}).encode()
    for failed in (whole("minimax", body), streamed("minimax", b"data: " + body + b"\n\n")):
        assert failed is not None
        assert failed.outcome is Outcome.CONTEXT_TOO_LONG


def test_a_vendor_own_quota_is_never_the_callers_fault() -> None:
    for name, row in VENDORS.items():
        if name in SPEAKING_OPENAI:
            for body in (b'{"error":{"message":"x","code":"insufficient_quota"}}', b'{"error":{"message":"no"}}'):
                failed = row.translators[Serves.CHAT].failure(402, {}, body, 0.0)
                assert CONSEQUENCES[failed.outcome].fault is not Fault.CALLER, name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "error", "code", "type", "message", "param", "error_code", "error_type", "base_resp", "status_code", "choices",
            "usage", "x_groq", "cost", "delta", "finish_reason", "index", "prompt_tokens", "completion_tokens", "detail",
        ]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(SPEAKING_OPENAI), JSON, st.integers(100, 999), st.binary(max_size=8))
def test_nothing_that_a_vendor_sends_raises_anything_else(vendor: str, value: Any, status: int, junk: bytes) -> None:
    translator = VENDORS[vendor].translators[Serves.CHAT]
    for body in (json.dumps(value).encode(), json.dumps(value).encode() + junk, junk):
        failed = translator.failure(status, {"retry-after": "x"}, body, 0.0)
        assert isinstance(failed.outcome, Outcome)
        whole(vendor, body)
        streamed(vendor, b"data: " + body + b"\n\n")
        streamed(vendor, body)
