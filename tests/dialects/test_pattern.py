"""Events that differ in their text alone are passed on at sight: what comes of a stream is the same as if each were read."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.values.answer import StreamSummary

TEXTS = st.one_of(
    st.sampled_from(
        ["", " the", "\n", '"', "\\", "é", "中", "😀", "\u2028", "\ud83d", "\x00", "}\n\ndata: {", "[DONE]"]
    ),
    st.text(max_size=4),
)
BYTES = st.sampled_from([b"\xff", b"\r", b"\x01", b'","error":{"message":"x"},"a":"', b"\\u", b"\\ud83d", b"\\x"])


def event(text: bytes, **more: Any) -> bytes:
    """With this as the inside of its text, as it is."""
    frame = {
        "id": "c-1",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "?"}, "finish_reason": None}],
        **more,
    }
    return b"data: " + json.dumps(frame).encode().replace(b'"?"', b'"' + text + b'"') + b"\n\n"


def written(text: str, *, as_ascii: bool) -> bytes:
    return json.dumps(text, ensure_ascii=as_ascii).encode("utf-8", "surrogatepass")[1:-1]


TOKENS = st.one_of(st.builds(written, TEXTS, as_ascii=st.booleans()), BYTES)
EVENTS = st.lists(st.builds(event, TOKENS), max_size=12)
ENDS = st.sampled_from([
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
    b'data: {"error":{"message":"no"}}\n\n',
    b"",
])  # fmt: skip


def fed(decoder: OpenAIStreamDecoder, pieces: list[bytes]) -> tuple[bytes, object, StreamSummary]:
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    failure = chunks[-1].failure
    told = b"".join(chunk.forward for chunk in chunks if chunk.failure is None)
    return told, failure and (failure.outcome, failure.detail), decoder.summary()


@settings(max_examples=200, deadline=None)
@given(st.lists(TOKENS, max_size=3), EVENTS, ENDS, st.lists(st.integers(1, 400), max_size=8))
def test_it_is_as_if_each_event_were_read(few: list[bytes], events: list[bytes], end: bytes, cuts: list[int]) -> None:
    usual = [event(text) for text in (b" one", b" two", b" three", *few, b" four")]
    whole = b"".join([*usual, *events, *usual]) + end
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(whole[at : at + cut])
        at += cut
    for way in ([*pieces, whole[at:]], [*usual, *events, *usual, end], [whole]):
        reads_each = OpenAIStreamDecoder(keep_usage=True)
        reads_each._looks = 0  # for what events look like
        assert fed(OpenAIStreamDecoder(keep_usage=True), way) == fed(reads_each, way)


def test_events_alike_are_passed_on_as_one() -> None:
    decoder = OpenAIStreamDecoder(keep_usage=True)
    events = [event(text) for text in (b"a", b" b", b"\\n", b" \xc3\xa9", b" c")]
    assert [chunk.forward for chunk in decoder.feed(events[0])] == events[:1]
    (chunk,) = decoder.feed(b"".join(events[1:]))
    assert (chunk.forward, chunk.output) == (b"".join(events[1:]), True)
    assert decoder.tokens() == len(events)


def test_a_first_event_with_a_role_shows_nothing_of_the_others() -> None:
    decoder = OpenAIStreamDecoder(keep_usage=True)
    role = b'data: {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}\n\n'
    parts = [role, *(event(b" b") for _ in range(9))]
    assert b"".join(chunk.forward for part in parts for chunk in decoder.feed(part)) == b"".join(parts)
    assert decoder.tokens() == len(parts)


def test_text_that_stands_there_twice_is_no_pattern() -> None:
    twice = b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"m"}}]}\n\n'
    other = b'data: {"model":"x","choices":[{"index":0,"delta":{"content":"m"}}]}\n\n'
    decoder = OpenAIStreamDecoder(keep_usage=True)
    assert (
        b"".join(chunk.forward for one in (twice, other, twice) for chunk in decoder.feed(one)) == twice + other + twice
    )
    assert decoder.summary().model == "m"
