"""Anthropic's Messages on Bedrock: what is sent is Anthropic's but for its place, and what comes means what it means there."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.bedrock.invoke import InvokeAnthropicTranslator
from gateway.values.outcome import AttemptFailed, Outcome
from tests.dialects import sending
from tests.dialects.anthropic.support import ANSWERS as OF_ANTHROPIC
from tests.dialects.anthropic.support import PLAIN, STREAMS, events_in, request_of
from tests.dialects.bedrock.shapes import request_problems
from tests.dialects.bedrock.support import chunk, frame, meaning, target

TRANSLATOR = InvokeAnthropicTranslator()
NATIVE = AnthropicTranslator()
# of Anthropic's own framing alone
IN_FRAMES = [
    path
    for path in STREAMS
    if path.stem not in ("stream-not-streamed", "stream-nameless", "stream-comments", "stream-crlf")
]


def framed(stream: bytes) -> bytes:
    """A stream of Anthropic's API as Bedrock sends it."""
    return b"".join(chunk(json.dumps(data).encode()) for _, data in events_in(stream))


def said(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "forwarded": [data for _, data in events_in(found["forwarded"])]}


@pytest.mark.parametrize("path", IN_FRAMES, ids=[path.stem for path in IN_FRAMES])
def test_a_stream_in_frames_means_what_it_means_at_anthropics(path: Path) -> None:
    body = path.read_bytes()
    if not body.endswith(b"\n\n"):
        return  # the cut of an event is one of a frame here
    frames = framed(body)
    found = meaning([frames], TRANSLATOR)
    assert said(found) == said(meaning([body], NATIVE))
    assert meaning([bytes([byte]) for byte in frames], TRANSLATOR) == found
    for at in range(1, len(frames), 11):
        assert meaning([frames[:at], frames[at:]], TRANSLATOR) == found, at


def test_a_whole_answer_is_anthropics() -> None:
    for path in OF_ANTHROPIC:
        if path.suffix == ".200" and path not in STREAMS:
            results = []
            for translator in (TRANSLATOR, NATIVE):
                try:
                    results.append(translator.decode(path.read_bytes(), request_of(PLAIN)))
                except AttemptFailed as failed:
                    results.append(failed.outcome)
            assert results[0] == results[1]


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_sent(stream: bool) -> None:
    body = {
        **PLAIN,
        "stream": stream,
        "temperature": 0.5,
        "system": "s",
        "tools": [{"name": "t", "input_schema": {"type": "object"}}],
    }
    headers = (("anthropic-version", "2023-06-01"), ("anthropic-beta", "context-1m-2025-08-07, Bad Value,x-1"))
    call, lost = sending.sent(TRANSLATOR, request_of(body, headers), target())
    told = json.loads(call.body)
    assert not lost
    assert told.pop("anthropic_version") == "bedrock-2023-05-31"
    assert told.pop("anthropic_beta") == ["context-1m-2025-08-07", "x-1"]
    assert told == {name: value for name, value in body.items() if name not in ("model", "stream")}
    verb = "invoke-with-response-stream" if stream else "invoke"
    assert call.path == f"/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/{verb}"
    assert dict(call.headers)["accept"] == ("application/vnd.amazon.eventstream" if stream else "application/json")
    assert all(not name.startswith("anthropic") for name, _ in call.headers)


def test_tokens_are_counted_of_the_body_that_would_be_sent() -> None:
    call = TRANSLATOR.encode_count(request_of({**PLAIN, "system": "s", "temperature": 1}), target())
    told = json.loads(call.body)
    assert call.path.endswith("/count-tokens")
    assert request_problems("CountTokens", told) == []
    inner = json.loads(base64.b64decode(told["input"]["invokeModel"]["body"]))
    assert inner == {
        "anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, "messages": PLAIN["messages"], "system": "s",
    }  # fmt: skip
    assert TRANSLATOR.decode_count(b'{"inputTokens": 12}') == 12
    for body in (b"", b"{}", b'{"inputTokens": -1}', b'{"inputTokens": "x"}', b"\xff"):
        with pytest.raises(AttemptFailed):
            TRANSLATOR.decode_count(body)


def test_an_exception_in_the_stream_ends_it() -> None:
    start = chunk(json.dumps({"type": "message_start", "message": {"id": "m", "model": "c", "usage": {}}}).encode())
    for kind, outcome in (
        ("throttlingException", "rate_limited"),
        ("modelStreamErrorException", "server_error"),
        ("modelTimeoutException", "overloaded"),
        ("validationException", "bad_request"),
    ):
        found = meaning([start + frame(kind, {"message": "x"}, "exception")], TRANSLATOR)
        assert found["outcome"] == outcome
        assert b"message_start" in found["forwarded"]


def test_what_is_no_chunk_is_no_answer() -> None:
    for payload in (
        {"bytes": "%%"},
        {"bytes": 7},
        [],
        {"bytes": base64.b64encode(b"not json").decode()},
        {"bytes": ""},
    ):
        assert meaning([frame("chunk", payload)], TRANSLATOR)["outcome"] == "malformed_answer"
    odd = chunk(b'{"type":"message_start\\nevent: message_stop\\ndata: {}","index":0}')
    assert b"message_stop\n" not in meaning([odd], TRANSLATOR)["forwarded"]
    assert meaning([b""], TRANSLATOR)["outcome"] == "empty_answer"
    assert meaning([chunk(b'{"type":"ping"}')[:-3]], TRANSLATOR)["outcome"] == "truncated"
    assert (
        TRANSLATOR.failure(403, {"x-amzn-errortype": "AccessDeniedException"}, b"{}", 0).outcome
        is Outcome.CREDENTIAL_REFUSED
    )
    assert TRANSLATOR.headroom({"anthropic-ratelimit-requests-remaining": "1"}, 0) is None
