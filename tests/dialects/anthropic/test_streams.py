"""Streams that go wrong, and how events are cut: what is forwarded, and what is never taken for an answer."""

import pytest

from gateway.dialects import whole_events
from gateway.dialects.anthropic.stream import AnthropicStreamDecoder
from gateway.dialects.eventstream import EventTooLong
from gateway.dialects.whole_events import WholeEvents, each_event
from tests.dialects.anthropic.support import meaning

START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"a","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
OPEN = b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
CLOSE = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
END = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def delta(text: str, kind: str = "text_delta", member: str = "text") -> bytes:
    return (
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
        f'{{"type":"{kind}","{member}":"{text}"}}}}\n\n'
    ).encode()


WELL = START + OPEN + delta("x") + CLOSE + END + STOP


@pytest.mark.parametrize(
    ("stream", "outcome"),
    [
        (WELL, "ok"),
        (b"\n \n" + WELL, "ok"),
        (WELL + delta("after the end"), "ok"),
        (b"", "empty_answer"),
        (b"  \n", "empty_answer"),
        (b"\xef\xbb\xbf", "empty_answer"),
        (START, "truncated"),
        (START + OPEN + CLOSE + END + STOP, "ok"),  # 2 tokens of nothing: an empty turn
        (START + OPEN + CLOSE + END.replace(b'"output_tokens":2', b'"output_tokens":0') + STOP, "empty_answer"),
        (START + OPEN + CLOSE + END.replace(b'"output_tokens":2', b'"output_tokens":0'), "empty_answer"),
        (START + START, "malformed_answer"),
        (OPEN, "malformed_answer"),
        (delta("x"), "malformed_answer"),
        (STOP, "malformed_answer"),
        (START + delta("x"), "malformed_answer"),
        (START + OPEN + CLOSE + delta("x") + END + STOP, "ok"),  # SDKs put it together by its index
        (START + b"event: content_block_start\ndata: {nonsense}\n\n", "malformed_answer"),
        (START + OPEN + delta("x") + b"event: content_block_delta\ndata: {\n", "truncated"),
        (b"data: hello\n\n", "malformed_answer"),
        (b"<html></html>", "malformed_answer"),
        (b'{"type":"error","error":{"type":"rate_limit_error","message":"x"}}', "rate_limited"),
        (b'{"type":"message","content":', "malformed_answer"),
        (START + b'event: error\ndata: {"message":"x"}\n\n', "error_in_answer"),
        (START + b"event: error\ndata: Overloaded\n\n", "error_in_answer"),
        (START + b'data: {"error":{"type":"overloaded_error"}}\n\n', "overloaded"),
        (START + b"event: ping\ndata:\n\n" + WELL[len(START) :], "ok"),
        (START + b"event: ping\ndata: {\ndata: }\n\n" + WELL[len(START) :], "ok"),
        (WELL.replace(b"\n", b"\r"), "ok"),
        (WELL[:-2], "ok"),  # the last event has no blank line
        (WELL[:-1], "ok"),
    ],
)
def test_a_stream_is_judged(stream: bytes, outcome: str) -> None:
    all_of_it = meaning([stream])
    assert all_of_it["outcome"] == outcome
    assert meaning([stream[at : at + 1] for at in range(len(stream))]) == all_of_it


@pytest.mark.parametrize(
    ("event", "is_output"),
    [
        (delta("x"), True),
        (delta(""), False),
        (delta("x", "thinking_delta", "thinking"), True),
        (delta("x", "signature_delta", "signature"), False),
        (delta("{", "input_json_delta", "partial_json"), True),
        (delta("", "input_json_delta", "partial_json"), False),
        (delta("x", "mood_delta", "mood"), True),
        (OPEN.replace(b'"index":0', b'"index":1').replace(b'"text":""', b'"text":"x"'), True),
        (OPEN.replace(b'"index":0', b'"index":1').replace(b'"type":"text"', b'"type":"tool_use"'), True),
        (OPEN.replace(b'"index":0', b'"index":1').replace(b'"type":"text"', b'"type":"redacted_thinking"'), True),
        (OPEN.replace(b'"index":0', b'"index":1').replace(b'"type":"text"', b'"type":"thinking"'), False),
        (b'event: ping\ndata: {"type": "ping"}\n\n', False),
        (b": keep-alive\n\n", False),
    ],
)
def test_output_is_what_a_caller_sees(event: bytes, is_output: bool) -> None:
    for before in (START + OPEN, (START + OPEN).replace(b"\n", b"\r\n")):
        decoder = AnthropicStreamDecoder()
        assert [chunk.output for chunk in decoder.feed(before)] in ([False], [False, False])
        assert [(chunk.forward, chunk.output) for chunk in decoder.feed(event)] == [(event, is_output)]


def test_what_came_before_an_error_is_forwarded_first() -> None:
    decoder = AnthropicStreamDecoder()
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    chunks = decoder.feed(START + OPEN + delta("x") + error)
    assert b"".join(chunk.forward for chunk in chunks) == START + OPEN + delta("x")
    assert chunks[-1].failure is not None
    assert decoder.feed(WELL) == []


def test_a_stream_that_is_left_tells_the_prompt_and_about_how_much_came() -> None:
    decoder = AnthropicStreamDecoder()
    decoder.feed(START + OPEN + delta("x" * 400))
    summary = decoder.summary()
    assert summary.usage is None
    assert summary.counts is not None
    assert (summary.counts.prompt_tokens, summary.tokens, decoder.tokens()) == (3, 100, 100)
    assert decoder.beginning() is None


def test_usage_that_says_nothing_came_was_not_counted() -> None:
    found = meaning(
        [WELL.replace(b'"output_tokens":2', b'"output_tokens":0').replace(b'"output_tokens":1', b'"output_tokens":0')]
    )
    assert found["outcome"] == "ok"
    assert found["usage"] is None
    assert found["anomalies"] == ("odd_usage",)


def test_an_event_that_does_not_end_is_not_held_for_ever() -> None:
    events = WholeEvents(max_event_bytes=100)
    assert [events.feed(b"data: 1234567") for _ in range(7)] == [b""] * 7
    with pytest.raises(EventTooLong):
        events.feed(b"data: 1234567")
    decoder = AnthropicStreamDecoder()
    chunks = [chunk for _ in range(9) for chunk in decoder.feed(b"data: " + b"x" * 1024 * 1024)]
    assert chunks[0].failure is not None
    assert chunks[0].failure.outcome.value == "answer_too_large"


def test_a_long_event_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    last_end = whole_events._last_end

    def counted(data: bytes) -> int:
        looked.append(len(data))
        return last_end(data)

    monkeypatch.setattr(whole_events, "_last_end", counted)
    event = delta("x" * 100_000)
    events = WholeEvents()
    found = [events.feed(event[at : at + 50]) for at in range(0, len(event), 50)]
    assert b"".join(found) == event
    assert sum(looked) <= len(event) + 3 * len(found)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_cut_at_their_ends(end: bytes) -> None:
    stream = b"".join([b"event: a", end, b"data: 1", end, end, b": c", end, end, b"data: 2", end, end])
    for at in range(len(stream)):
        events = WholeEvents()
        found = events.feed(stream[:at]) + events.feed(stream[at:])
        assert found + events.rest() == stream
        assert events.rest() in (b"", b"data: 2\r\r")
    assert len(each_event(stream)) == 3
