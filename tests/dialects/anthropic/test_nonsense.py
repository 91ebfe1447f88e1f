"""Whatever comes, it is judged: nothing but AttemptFailed is raised, and no bytes make a decoder lose its way."""

import contextlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.values.outcome import AttemptFailed
from tests.dialects.anthropic.support import (
    ANSWERS,
    FOLDER,
    STREAMS,
    TRANSLATOR,
    decode,
    meaning,
    request_of,
    target,
    whole,
)

NAMES = st.sampled_from([
    "type", "text", "content", "index", "delta", "message", "content_block", "usage", "input_tokens", "output_tokens", "role",
    "messages", "system", "tools", "tool_choice", "name", "id", "input", "source", "data", "thinking", "signature", "error",
    "stop_reason", "cache_control", "ttl", "tool_use_id", "metadata", "output_config", "format", "schema", "max_tokens",
])  # fmt: skip
WORDS = st.sampled_from([
    "text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "user", "assistant", "system",
    "base64", "url", "auto", "any", "tool", "ephemeral", "1h", "json_schema", "end_turn", "message_start", "message_delta",
    "content_block_start", "content_block_delta", "content_block_stop", "message_stop", "text_delta", "input_json_delta", "",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OBJECTS)
def test_a_body_is_a_chat_or_refused(body: dict[str, object]) -> None:
    fields = msgspec.json.decode(
        json.dumps({"messages": [{"role": "user", "content": "x"}], **body}), type=dict[str, msgspec.Raw]
    )
    with contextlib.suppress(AttemptFailed):
        chat = ANTHROPIC.chat(fields)
        ANTHROPIC.fields(chat)
    request = msgspec.structs.replace(request_of({}), fields=fields)
    own = TRANSLATOR.prepare(request).request
    TRANSLATOR.encode(own, target())
    TRANSLATOR.encode_count(own, target())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OBJECTS, st.sampled_from([200, 400, 401, 404, 413, 429, 500, 529]))
@example({"content": [], "stop_reason": "end_turn", "usage": 7}, 200)
@example({"error": {"error": []}, "type": "error"}, 400)
def test_an_answer_is_one_or_fails(body: dict[str, object], status: int) -> None:
    data = json.dumps(body).encode()
    assert TRANSLATOR.failure(status, {}, data, 0.0).status == status
    with contextlib.suppress(AttemptFailed):
        answer = decode(data)
        ANTHROPIC.reply(whole(ANTHROPIC.reply(answer.body)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(OBJECTS | st.binary(max_size=12), max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.integers(1, 40)
)
def test_a_stream_of_nonsense_is_judged_alike_in_pieces(
    events: list[dict[str, object] | bytes], end: bytes, size: int
) -> None:
    start = b"event: message_start" + end + b'data: {"type":"message_start","message":{}}' + end + end
    data = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    stream = start + b"".join(b"event: x" + end + b"data: " + one + end + end for one in data)
    found = meaning_of(stream)
    assert meaning_of(stream, size) == found
    with contextlib.suppress(AttemptFailed):
        writer = ANTHROPIC.writer(request_of({}))
        writer.write(ANTHROPIC.reader().read(str(found.get("forwarded", "")).encode()))
        writer.end()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
@pytest.mark.parametrize(
    "path", [path for path in STREAMS if path.stem in ("stream-tools", "stream-thinking", "stream-crlf")]
)
def test_a_damaged_stream_is_judged_alike_in_pieces(path: Path, data: st.DataObject) -> None:
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    found = meaning_of(bytes(body))
    assert meaning_of(bytes(body), data.draw(st.integers(1, 99))) == found


def meaning_of(stream: bytes, size: int | None = None) -> dict[str, object]:
    parts = [stream] if size is None else [stream[at : at + size] for at in range(0, len(stream), size)]
    with contextlib.suppress(UnicodeDecodeError):  # of bytes that are no text, only that they are judged
        return meaning(parts)
    return {}


def test_every_golden_answer_has_its_expectation() -> None:
    assert {path.stem for path in ANSWERS} == {
        path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json")
    }
