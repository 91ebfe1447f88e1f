"""The OpenAI stream decoder: complete only after a finish_reason of each choice, the same wherever the bytes are cut."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.values.answer import Chunk
from gateway.values.outcome import Outcome

DONE = b"data: [DONE]\n\n"


def event(**members: Any) -> bytes:
    """One chunk as an event."""
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**base, **members}).encode() + b"\n\n"


def delta(text: str | None = None, *, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    """A chunk with one choice."""
    said = {**({"content": text} if text is not None else {}), **more}
    return event(choices=[{"index": index, "delta": said, "finish_reason": finish}])


ROLE = delta("", role="assistant")
STOP = delta(finish="stop")
USAGE = event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})


def decode(*parts: bytes, keep_usage: bool = True) -> tuple[bytes, list[Chunk], OpenAIStreamDecoder]:
    """What is forwarded of a body that arrives in these parts, up to its end."""
    decoder = OpenAIStreamDecoder(keep_usage=keep_usage)
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    return b"".join(chunk.forward for chunk in chunks), chunks, decoder


def outcome(chunks: list[Chunk]) -> Outcome:
    """How the stream ended."""
    last = chunks[-1]
    assert last.done or last.failure
    return last.failure.outcome if last.failure else Outcome.OK


GOOD = [ROLE, delta("Hello"), delta(" w\u00f6rld \U0001f600"), STOP, USAGE, DONE]


def test_a_good_stream_is_forwarded_byte_for_byte() -> None:
    body = b"".join(GOOD)
    forwarded, chunks, decoder = decode(body)
    assert (forwarded, outcome(chunks)) == (body, Outcome.OK)
    summary = decoder.summary()
    assert summary.usage is not None
    assert (summary.usage.prompt_tokens, summary.usage.completion_tokens) == (3, 2)
    assert (summary.model, summary.finish_reason, summary.tokens) == ("m", "stop", 2)


def test_usage_that_was_not_asked_for_is_taken_out_and_accounted_for() -> None:
    forwarded, _, decoder = decode(b"".join(GOOD), keep_usage=False)
    assert forwarded == b"".join(part for part in GOOD if part is not USAGE)
    assert decoder.summary().usage is not None


@given(st.data())
def test_the_cuts_change_nothing(data: st.DataObject) -> None:
    parts = list(GOOD)
    if data.draw(st.booleans()):
        parts.insert(2, b": ping\n\n")
    body = b"".join(parts)
    keep = data.draw(st.booleans())
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8))), len(body)]
    arrived = [body[a:b] for a, b in itertools.pairwise(edges)]
    expected = b"".join(part for part in parts if keep or part is not USAGE).replace(b": ping\n\n", b"")
    forwarded, chunks, decoder = decode(*arrived, keep_usage=keep)
    assert forwarded.replace(b": ping\n\n", b"") == expected
    assert outcome(chunks) is Outcome.OK
    assert decoder.summary().tokens == 2


def test_a_stream_cut_anywhere_never_looks_finished() -> None:
    """At each byte: between two events it breaks off in another way than within one."""
    body = b"".join(GOOD)
    finish = body.index(STOP) + len(STOP.rstrip())
    for cut in range(finish):
        forwarded, chunks, _ = decode(body[:cut])
        assert outcome(chunks) is not Outcome.OK, cut
        assert b"[DONE]" not in forwarded, cut
        assert not forwarded or forwarded.endswith(b"\n\n"), cut


BROKEN: list[tuple[str, list[bytes], Outcome]] = [
    ("nothing", [], Outcome.EMPTY_ANSWER),
    ("html", [b"<html>sorry</html>"], Outcome.MALFORMED_ANSWER),
    ("no finish_reason", [ROLE, delta("a"), DONE], Outcome.TRUNCATED),
    ("one of two choices unfinished", [delta("a"), delta("b", index=1), STOP, DONE], Outcome.TRUNCATED),
    ("no [DONE], and half of the usage", [ROLE, delta("a"), STOP, USAGE[:40]], Outcome.TRUNCATED),
    ("no [DONE], and half of that", [ROLE, delta("a"), STOP, b"data: [DO"], Outcome.TRUNCATED),
    ("only [DONE]", [DONE], Outcome.EMPTY_ANSWER),
    ("no output", [ROLE, STOP, DONE], Outcome.EMPTY_ANSWER),
    ("error member", [delta("a"), b'data: {"error": {"message": "x"}}\n\n', DONE], Outcome.ERROR_IN_ANSWER),
    ("error event", [delta("a"), b"event: error\ndata: {}\n\n", DONE], Outcome.ERROR_IN_ANSWER),
    ("bad json", [delta("a"), b"data: {oops\n\n", STOP, DONE], Outcome.MALFORMED_ANSWER),
    (
        "two halves of one event",
        [delta("a"), b'data: {"choices":[]\n\ndata: "x":1}\n\n', DONE],
        Outcome.MALFORMED_ANSWER,
    ),
    ("null", [delta("a"), b"data: null\n\n", STOP, DONE], Outcome.MALFORMED_ANSWER),
    ("not utf-8", [delta("a"), b'data: {"model": "\xff"}\n\n', STOP, DONE], Outcome.MALFORMED_ANSWER),
]


@pytest.mark.parametrize(("parts", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
@pytest.mark.parametrize("together", [True, False])
def test_broken_streams_fail_and_never_carry_done(parts: list[bytes], expected: Outcome, together: bool) -> None:
    forwarded, chunks, _ = decode(*([b"".join(parts)] if together else parts))
    assert outcome(chunks) is expected
    assert b"[DONE]" not in forwarded
    assert chunks[-1].forward == b""


OUTPUTS: list[tuple[str, bytes, bool]] = [
    ("role", ROLE, False),
    ("empty delta", delta(), False),
    ("no choices", event(choices=[]), False),
    ("text", delta("a"), True),
    ("reasoning, as vLLM says it", delta(reasoning="hm"), True),
    ("reasoning, as DeepSeek says it", delta(reasoning_content="hm"), True),
    ("refusal", delta(refusal="no"), True),
    ("tool call", delta(tool_calls=[{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]), True),
    ("no tool calls", delta(tool_calls=[]), False),
]


@pytest.mark.parametrize(("part", "expected"), [case[1:] for case in OUTPUTS], ids=[case[0] for case in OUTPUTS])
def test_what_counts_as_output(part: bytes, expected: bool) -> None:
    for framed in (part, part.replace(b"\n", b"\r\n")):
        chunks = OpenAIStreamDecoder(keep_usage=True).feed(framed)
        assert [chunk.output for chunk in chunks] == [expected]


def test_empty_text_is_an_answer_if_tokens_were_generated() -> None:
    _, chunks, _ = decode(ROLE, STOP, USAGE, DONE)
    assert outcome(chunks) is Outcome.OK


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]", b"data: [DONE]\r\n"])
def test_done_may_lack_its_last_newline(tail: bytes) -> None:
    forwarded, chunks, _ = decode(delta("a"), STOP, tail)
    assert outcome(chunks) is Outcome.OK
    assert forwarded.endswith(DONE)


def test_nothing_after_done_is_forwarded() -> None:
    body = b"".join(GOOD)
    forwarded, _, _ = decode(body, delta("more"), DONE)
    assert forwarded == body


def test_unusual_framing_is_put_in_order() -> None:
    body = (delta("a") + STOP + DONE).replace(b"\n\n", b"\r\n\r\n").replace(b"data: ", b"id: 1\r\ndata:")
    forwarded, chunks, _ = decode(body)
    assert outcome(chunks) is Outcome.OK
    assert forwarded == delta("a") + STOP + DONE


def test_an_event_that_never_ends_is_bounded() -> None:
    decoder = OpenAIStreamDecoder(keep_usage=True)
    chunks: list[Chunk] = []
    for _ in range(200):
        chunks = decoder.feed(b"data: " + b"x" * 65536)
        if chunks:
            break
    assert outcome(chunks) is Outcome.ANSWER_TOO_LARGE
