"""Whatever bytes Bedrock sends: nothing but AttemptFailed is raised, and nothing that is cut looks whole."""

import contextlib
import itertools
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects.bedrock.dialect import BEDROCK
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.translated import translated
from gateway.values.outcome import AttemptFailed
from tests.dialects.anthropic.support import request_of
from tests.dialects.bedrock.support import ANSWERS, PLAIN, STREAMS, TRANSLATOR, frame, meaning

PAIR = translated(OPENAI, BEDROCK, TRANSLATOR)
NAMES = ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "new"]
MEMBERS = ["output", "message", "content", "text", "toolUse", "toolUseId", "name", "input", "reasoningContent", "reasoningText", "signature",
           "redactedContent", "stopReason", "usage", "inputTokens", "outputTokens", "cacheDetails", "ttl", "serviceTier", "type", "delta",
           "start", "contentBlockIndex", "additionalModelResponseFields", "stop_sequence", "citationsContent", "role"]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from(["end_turn", "tool_use", "x", "\ud800", "1h"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=5)


def tried(body: bytes) -> None:
    with contextlib.suppress(AttemptFailed):
        PAIR.decode(body, request_of(PLAIN))
    decoder = PAIR.decoder(request_of({**PLAIN, "stream": True}), remember=True)
    chunks = decoder.feed(body)
    if not any(chunk.done or chunk.failure for chunk in chunks):
        decoder.end()
    decoder.summary()
    decoder.beginning()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60) | BODIES.map(lambda body: json.dumps(body).encode()))
def test_a_body_of_any_kind(body: bytes) -> None:
    tried(body)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), BODIES, st.sampled_from(["event", "event", "event", "exception", "error"])),
        max_size=5,
    )
)
def test_messages_of_any_kind(messages: list[Any]) -> None:
    tried(b"".join(frame(*one) for one in messages))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STREAMS), st.data())
def test_a_stream_with_a_byte_changed_fails_or_means_the_same(path: Any, data: st.DataObject) -> None:
    body = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    tried(bytes(body))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([path for path in ANSWERS if path.suffix != ".200"]), st.binary(max_size=30), st.integers(100, 599)
)
def test_an_error_of_any_kind(path: Any, junk: bytes, status: int) -> None:
    body = path.read_bytes()
    for one in (body, body[: len(body) // 2], junk, b"\xff" + body, b"[" * 9000):
        for headers in (
            {},
            {"x-amzn-errortype": junk.decode("latin-1")},
            {"x-amzn-errortype": "ThrottlingException:http://x/"},
        ):
            failed = TRANSLATOR.failure(status, headers, one, 0.0)
            assert "\n" not in failed.detail
            assert failed.status == status


def test_the_header_names_the_error_before_the_body_and_the_id_is_kept() -> None:
    headers = {
        "x-amzn-errortype": "ThrottlingException:http://internal/",
        "x-amzn-requestid": "b4f3-1",
        "retry-after": "7",
    }
    failed = TRANSLATOR.failure(400, headers, b'{"message":"x","__type":"ValidationException"}', 0.0)
    assert (failed.outcome.value, failed.code, failed.retry_after_s) == ("rate_limited", None, 7.0)
    assert failed.detail == "HTTP 400, ThrottlingException, request b4f3-1"
    assert failed.message is None  # it concerns the gateway's account


def test_a_long_stream_is_linear() -> None:
    delta = frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "word "}})
    end = frame("messageStop", {"stopReason": "end_turn"}) + frame(
        "metadata", {"usage": {"inputTokens": 1, "outputTokens": 5000}}
    )
    body = frame("messageStart", {"role": "assistant"}) + delta * 5000 + end
    pieces = [body[a:b] for a, b in itertools.pairwise([*range(0, len(body), 97), len(body)])]
    found = meaning(pieces)
    assert found["outcome"] == "ok"
    assert found["usage"]["completion_tokens"] == 5000


def test_a_whole_answer_with_bytes_that_nobody_reads_is_none_as_a_stream() -> None:
    body = b'{"output":{"message":{"role":"\xe1","content":[{"text":"x"}]}},"stopReason":"end_turn"}'
    assert meaning([body])["outcome"] == "malformed_answer"
    odd = b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"t","input":null}},{"reasoningContent":{}}]}},"stopReason":"tool_use"}'
    assert meaning([odd])["outcome"] == "ok"
