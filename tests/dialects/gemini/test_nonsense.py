"""Hostile and broken input: whatever comes, a body is read or refused, and an answer is one or fails."""

import contextlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.dialects.gemini.dialect import GEMINI
from gateway.values.outcome import AttemptFailed, Outcome
from tests.dialects.gemini.support import (
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
    "contents", "parts", "role", "text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData",
    "fileData", "mimeType", "data", "fileUri", "name", "id", "args", "response", "systemInstruction", "tools",
    "functionDeclarations", "parameters", "parametersJsonSchema", "toolConfig", "functionCallingConfig", "mode",
    "generationConfig", "thinkingConfig", "thinkingBudget", "thinkingLevel", "candidateCount", "responseSchema",
    "candidates", "content", "finishReason", "index", "promptFeedback", "blockReason", "usageMetadata", "promptTokenCount",
    "candidatesTokenCount", "totalTokenCount", "promptTokensDetails", "groundingMetadata", "webSearchQueries", "error",
    "status", "message", "details", "reason", "violations", "quotaId", "modelVersion", "responseId", "serviceTier",
])  # fmt: skip
WORDS = st.sampled_from([
    "user", "model", "x", "", "STOP", "SAFETY", "AUTO", "ANY", "image/png", "text/plain", "aGk=", "OBJECT", "UNAVAILABLE",
    "Z2F0ZXdheS1oaWRkZW46eA==",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OBJECTS)
@example({"generationConfig": {"thinkingConfig": 7}})
@example({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": ["OBJECT"]}}]}]})
def test_a_body_is_a_chat_or_refused(body: dict[str, object]) -> None:
    asked = {"contents": [{"parts": [{"text": "x"}]}], **body}
    fields = msgspec.json.decode(json.dumps(asked), type=dict[str, msgspec.Raw])
    with contextlib.suppress(AttemptFailed):
        GEMINI.fields(GEMINI.chat(fields))
    request = msgspec.structs.replace(request_of({}), fields=fields)
    for model in ("gemini-2.5-pro", "gemini-3.8-flash"):
        TRANSLATOR.encode(request, target(model))
        TRANSLATOR.encode_count(request, target(model))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OBJECTS, st.sampled_from([200, 400, 401, 403, 404, 413, 429, 500, 503]))
@example({"candidates": [], "usageMetadata": 7}, 200)
@example({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}], "usageMetadata": [1]}, 200)
@example({"error": {"error": []}}, 400)
@example({"error": {"status": "X", "details": [7, {"violations": 3}, {"reason": "R"}]}}, 429)
def test_an_answer_is_one_or_fails(body: dict[str, object], status: int) -> None:
    data = json.dumps(body).encode()
    assert TRANSLATOR.failure(status, {}, data, 0.0).status == status
    with contextlib.suppress(AttemptFailed):
        answer = decode(data)
        GEMINI.reply(whole(GEMINI.reply(answer.body)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(OBJECTS | st.binary(max_size=12), max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.integers(1, 40)
)
def test_a_stream_of_nonsense_is_judged_alike_in_pieces(
    events: list[dict[str, object] | bytes], end: bytes, size: int
) -> None:
    data = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    stream = b"data: {}" + end + end + b"".join(b"data: " + one + end + end for one in data)
    found = meaning_of(stream)
    assert meaning_of(stream, size) == found
    with contextlib.suppress(AttemptFailed):
        writer = GEMINI.writer(request_of({}))
        writer.write(GEMINI.reader().read(str(found.get("forwarded", "")).encode()))
        writer.end()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
@pytest.mark.parametrize(
    "path", [path for path in STREAMS if path.stem in ("stream-tools", "stream-thinking", "stream-reason-each")]
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


@pytest.mark.parametrize(
    "deep",
    [b'{"candidates":' + b"[" * 5000, b'{"error":' + b"[" * 5000 + b"]" * 5000 + b"}", b"[" * 5000 + b"]" * 5000],
)
def test_deep_nesting_is_no_answer(deep: bytes) -> None:
    with pytest.raises(AttemptFailed):
        decode(deep)
    assert TRANSLATOR.failure(400, {}, deep, 0.0).outcome is Outcome.BAD_REQUEST
    assert meaning([b"data: " + deep + b"\n\n"])["outcome"] in ("malformed_answer", "error_in_answer")


def test_a_deep_schema_is_refused_or_passed() -> None:
    deep = '{"type":"object","properties":{"a":' * 3000 + '{"const":1}' + "}}" * 3000
    body = {"contents": [{"parts": [{"text": "x"}]}]}
    tools = f'[{{"functionDeclarations":[{{"name":"f","parametersJsonSchema":{deep}}}]}}]'
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    with contextlib.suppress(AttemptFailed):
        GEMINI.fields(GEMINI.chat({**fields, "tools": msgspec.Raw(tools.encode())}))


def test_every_golden_answer_has_its_expectation() -> None:
    assert {path.stem for path in ANSWERS} == {
        path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json")
    }
