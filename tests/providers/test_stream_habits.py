"""What vendors do beside OpenAI's own stream: complete ends, failing ends, usage, output of other names, order.

Each is read as one event, in one batch and in arbitrary pieces, with the same result; and a whole answer as the stream.
"""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.answer import decode
from gateway.dialects.openai.finish import ANY, OPENAI
from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, StreamSummary, WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome

DONE = b"data: [DONE]\n\n"
USED = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def event(**members: Any) -> bytes:
    return (
        b"data: "
        + json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", **members}).encode()
        + b"\n\n"
    )


def delta(text: Any = None, *, index: int = 0, finish: Any = None, usage: Any = None, **more: Any) -> bytes:
    said = {**({"content": text} if text is not None else {}), **more}
    members = {"choices": [{"index": index, "delta": said, "finish_reason": finish}]}
    return event(**members, **({} if usage is None else {"usage": usage}))


ROLE, STOP, USAGE = delta("", role="assistant"), delta(finish="stop"), event(choices=[], usage=USED)


def read(*parts: bytes, **options: Any) -> tuple[list[dict[str, Any]], Outcome, StreamSummary]:
    """The events that the caller gets ([DONE] as None), how it ended, what is on record."""
    decoder = OpenAIStreamDecoder(**{"keep_usage": True, **options})
    chunks: list[Chunk] = [chunk for part in parts for chunk in decoder.feed(part)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    data = b"".join(chunk.forward for chunk in chunks).decode().split("\n\n")[:-1]
    assert (data[-1:] == ["data: [DONE]"]) is chunks[-1].done
    last = chunks[-1].failure
    events = [json.loads(one.removeprefix("data: ")) for one in data if one != "data: [DONE]"]
    return events, last.outcome if last else Outcome.OK, decoder.summary()


def counts(events: list[dict[str, Any]]) -> list[Any]:
    return [one["usage"] for one in events if one.get("usage")]


def said(events: list[dict[str, Any]], name: str = "content") -> str:
    return "".join(choice["delta"].get(name) or "" for one in events for choice in one["choices"])


UNENDED = {
    "no [DONE]": [ROLE, delta("a"), STOP, USAGE],
    "no [DONE], no usage": [ROLE, delta("a"), STOP],
    "no blank line": [ROLE, delta("a"), delta(finish="stop", usage=USED)[:-1]],
    "no line end": [ROLE, delta("a"), STOP, USAGE.rstrip()],
    "no line end, in the finish": [delta("a"), STOP.rstrip()],
    "a whole one for each choice": [delta("a"), delta("b", index=1), STOP, delta(index=1, finish="length")],
    "comments at the end": [delta("a"), STOP, b": bye\n\n"],
}


@pytest.mark.parametrize("parts", UNENDED.values(), ids=UNENDED)
@pytest.mark.parametrize("together", [True, False])
def test_a_complete_end_needs_no_terminator(parts: list[bytes], together: bool) -> None:
    events, outcome, summary = read(*([b"".join(parts)] if together else parts))
    assert outcome is Outcome.OK
    assert summary.anomalies == (Anomaly.NO_TERMINATOR,)
    assert len(counts(events)) == (b"usage" in b"".join(parts))
    assert (summary.usage is not None) is (b"usage" in b"".join(parts))


CUT = {
    "in the finish": [delta("a"), STOP.rstrip()[:-1]],
    "in the usage": [delta("a"), STOP, USAGE[:30]],
    "before the finish": [delta("a")],
    "a choice that speaks on": [delta("a"), delta("b", index=1), STOP],
    "a choice that never spoke": [delta("a"), STOP],
}


@pytest.mark.parametrize("parts", CUT.values(), ids=CUT)
def test_a_cut_stays_a_cut(parts: list[bytes]) -> None:
    _, outcome, _ = read(*parts, choices=2 if len(parts) == 2 else 1)
    assert outcome is Outcome.TRUNCATED


FAILING = ["insufficient_system_resource", "network_error", "error", "abort", "ERROR", "malformed_function_call"]


@pytest.mark.parametrize("reason", FAILING)
@pytest.mark.parametrize("text", ["", "a"])
def test_a_reason_that_means_failure(reason: str, text: str) -> None:
    _, outcome, _ = read(ROLE, delta(text), delta(finish=reason), USAGE, DONE)
    assert outcome is Outcome.ERROR_IN_ANSWER
    with pytest.raises(AttemptFailed) as failed:
        whole(text, finish=reason)
    assert failed.value.outcome is Outcome.ERROR_IN_ANSWER


def whole(content: Any, *, finish: Any = "stop", usage: Any = USED, finishes: frozenset[str] = ANY, **more: Any) -> Any:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish, **more}
    return decode(json.dumps({"model": "m", "choices": [choice], "usage": usage}).encode(), finishes)


def test_an_error_beside_stop() -> None:
    broken = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop", "error": {"code": 502}}])
    for parts in ([delta("a") + broken + DONE], [delta("a"), broken, DONE]):
        assert read(*parts)[1] is Outcome.ERROR_IN_ANSWER
    with pytest.raises(AttemptFailed) as failed:
        whole("a", error={"code": 502})
    assert failed.value.outcome is Outcome.ERROR_IN_ANSWER


@pytest.mark.parametrize("reason", [None, "", "null"])
def test_a_choice_that_did_not_end(reason: Any) -> None:
    assert read(ROLE, delta("a"), delta(finish=reason), DONE)[1] is Outcome.TRUNCATED
    with pytest.raises(AttemptFailed) as failed:
        whole("a", finish=reason)
    assert failed.value.outcome is Outcome.TRUNCATED


@pytest.mark.parametrize("reason", ["", "null"])
def test_a_reason_that_is_none_does_not_end_a_choice(reason: str) -> None:
    events, outcome, summary = read(delta("a", finish=reason), delta("b", finish=reason), STOP, DONE)
    assert (said(events), outcome, summary.anomalies) == ("ab", Outcome.OK, ())


def test_an_unknown_reason_passes_and_is_counted() -> None:
    odd = (Anomaly.UNKNOWN_FINISH_REASON,)
    _, outcome, summary = read(delta("a"), delta(finish="satisfied"), DONE)
    assert (outcome, summary.anomalies, summary.finish_reason) == (Outcome.OK, odd, "satisfied")
    assert whole("a", finish="satisfied").anomalies == odd
    assert read(delta("a"), delta(finish="model_length"), DONE)[2].anomalies == ()
    assert read(delta("a"), delta(finish="model_length"), DONE, finishes=OPENAI)[2].anomalies == odd
    assert whole("a", finish="model_length", finishes=OPENAI).anomalies == odd


def test_an_unknown_reason_with_nothing_said_is_no_answer() -> None:
    assert read(ROLE, delta(finish="satisfied"), USAGE, DONE)[1] is Outcome.EMPTY_ANSWER
    with pytest.raises(AttemptFailed) as failed:
        whole("", finish="satisfied")
    assert failed.value.outcome is Outcome.EMPTY_ANSWER


TOLD = {
    "on the finish, and alone": [delta("a"), delta(finish="stop", usage=USED), USAGE],
    "alone, twice": [delta("a"), STOP, USAGE, USAGE],
    "on the finish": [delta("a"), delta(finish="stop", usage=USED)],
    "on each": [delta("a", usage=USED), delta(finish="stop", usage=USED), USAGE],
    "beside a choice after its end": [delta("a"), STOP, delta("", usage=USED)],
    "without choices": [delta("a"), STOP, event(usage=USED)],
}


@pytest.mark.parametrize("parts", TOLD.values(), ids=TOLD)
@pytest.mark.parametrize("together", [True, False])
def test_one_usage_event_reaches_the_caller(parts: list[bytes], together: bool) -> None:
    arrived = [b"".join([*parts, DONE])] if together else [*parts, DONE]
    events, outcome, summary = read(*arrived)
    assert (outcome, counts(events), events[-1]["choices"]) == (Outcome.OK, [USED], [])
    assert (said(events), events[-2]["choices"][0]["finish_reason"] or "stop") == ("a", "stop")
    assert summary.usage is not None
    events, _, summary = read(*arrived, keep_usage=False)
    assert (counts(events), said(events)) == ([], "a")
    assert summary.usage is not None


def test_usage_on_each_event_reaches_who_asked_for_it() -> None:
    body = delta("a", usage=USED) + delta(finish="stop", usage=USED) + USAGE + DONE
    events, _, summary = read(body, running_usage=True)
    assert counts(events) == [USED] * 3
    assert summary.anomalies == ()


OTHER = ["reasoning_details", "images", "annotations", "thinking_blocks", "video"]


@pytest.mark.parametrize("name", OTHER)
def test_output_under_another_name(name: str) -> None:
    value = [{"type": "x", "text": "hm"}]
    decoder = OpenAIStreamDecoder(keep_usage=True)
    assert [chunk.output for chunk in decoder.feed(ROLE)] == [False]
    assert [chunk.output for chunk in decoder.feed(delta(**{name: value}))] == [True]
    assert [chunk.output for chunk in decoder.feed(delta(**{name: []}).replace(b"\n", b"\r\n"))] == [False]
    assert read(delta(**{name: value}), STOP, DONE)[1] is Outcome.OK
    choice = {"message": {"role": "assistant", "content": None, name: value}, "finish_reason": "stop"}
    assert decode(json.dumps({"choices": [choice]}).encode()).finish_reason == "stop"


def test_labels_and_numbers_are_no_output() -> None:
    decoder = OpenAIStreamDecoder(keep_usage=True)
    chunks = decoder.feed(
        delta("", role="assistant", id="m1", type="message", tokens=[1, 2], annotations=[{"type": "x"}])
    )
    assert [chunk.output for chunk in chunks] == [False]


@pytest.mark.parametrize(
    "ping", [b"data:\n\n", b"data: \n\n", b"event: ping\ndata: ping\n\n", b"data\n\n", b"event: ping\n\n"]
)
def test_pings_are_passed_over(ping: bytes) -> None:
    for parts in ([ping, delta("a"), ping, STOP, ping, DONE], [ping + delta("a") + ping + STOP + DONE]):
        events, outcome, _ = read(*parts)
        assert (said(events), outcome) == ("a", Outcome.OK)


def part(arguments: str = "", **more: Any) -> dict[str, Any]:
    return {**more, "function": {"arguments": arguments, **({"name": more["id"]} if "id" in more else {})}}


INDEXES = {
    "one after the other": ([[part("{", id="f")], [part("}")], [part("{", id="g")], [part("}")]], [[0], [0], [1], [1]]),
    "at once": ([[part("{}", id="f"), part("{}", id="g")]], [[0, 1]]),
    "the id each time": ([[part("{", id="f")], [part("{", id="g")], [part("}", id="f")]], [[0], [1], [0]]),
    "null": ([[part("{", id="f", index=None)], [part("}", index=None)]], [[0], [0]]),
    "only at first": ([[part("{", id="f", index=0)], [part("{", id="g", index=1)], [part("}")]], [[0], [1], [1]]),
    "said": ([[part("{", id="f", index=0)], [part("}", index=0)]], [[0], [0]]),
}


@pytest.mark.parametrize(("calls", "expected"), INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("together", [True, False])
def test_the_index_of_a_tool_call_is_filled(calls: Any, expected: list[list[int]], together: bool) -> None:
    parts = [*(delta(tool_calls=call) for call in calls), delta(finish="tool_calls"), DONE]
    events, outcome, _ = read(*([b"".join(parts)] if together else parts))
    deltas = [one["choices"][0]["delta"].get("tool_calls", []) for one in events]
    assert [[call["index"] for call in each] for each in deltas if each] == expected
    assert [[call["function"] for call in each] for each in deltas if each] == [
        [c["function"] for c in each] for each in calls
    ]
    assert outcome is Outcome.OK


def test_what_comes_after_the_end_of_a_choice_is_dropped() -> None:
    both = event(choices=[{"index": at, "delta": {"content": "x"}, "finish_reason": None} for at in (0, 1)])
    parts = [delta("a"), delta("b", index=1), STOP, both, delta("late"), delta(finish="stop", index=1), DONE]
    for arrived in (parts, [b"".join(parts)]):
        events, outcome, summary = read(*arrived)
        assert (said(events), outcome, summary.tokens) == ("abx", Outcome.OK, 3)
        assert summary.anomalies == (Anomaly.CONTENT_AFTER_FINISH,)


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm "}], "closed": True}


def test_content_in_parts_is_text_and_reasoning() -> None:
    text = {"type": "text", "text": "Hello"}
    events, outcome, _ = read(ROLE, delta([THOUGHT]), delta([THOUGHT, text]), delta(" you"), STOP, DONE)
    assert (said(events), said(events, "reasoning_content"), outcome) == ("Hello you", "hm hm ", Outcome.OK)
    message = json.loads(whole([THOUGHT, text]).body)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hello", "hm ")


def test_parts_of_another_kind_are_left() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    events, outcome, _ = read(delta(parts), STOP, DONE)
    assert (events[0]["choices"][0]["delta"]["content"], outcome) == (parts, Outcome.OK)
    assert json.loads(whole(parts).body)["choices"][0]["message"]["content"] == parts


@pytest.mark.parametrize("nothing", [None, 1.5, "x", True, []])
def test_a_part_of_a_call_that_is_no_object_is_left_out(nothing: Any) -> None:
    call = {"id": "f", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    events, outcome, _ = read(delta(tool_calls=[nothing, call]), delta(finish="tool_calls"), DONE)
    assert (events[0]["choices"][0]["delta"]["tool_calls"], outcome) == ([{"index": 0, **call}], Outcome.OK)


def test_so_is_one_of_a_whole_answer_that_is_given_as_a_stream() -> None:
    body = json.loads(a_whole_one())
    body["choices"][0]["message"]["tool_calls"].insert(0, 1.5)
    events, outcome, _ = read(json.dumps(body).encode())
    calls = events[0]["choices"][0]["delta"]["tool_calls"]
    assert ([one["id"] for one in calls], outcome) == (["f"], Outcome.OK)


def test_parts_of_a_kind_that_is_no_name_stay_as_they_are() -> None:
    parts = [{"type": ["text"], "text": "x"}]
    events, outcome, _ = read(delta(parts), STOP, DONE)
    assert (events[0]["choices"][0]["delta"]["content"], outcome) == (parts, Outcome.OK)


def a_whole_one(**more: Any) -> bytes:
    message = {"role": "assistant", "content": "Hello", "tool_calls": [{"id": "f", "function": {"name": "f"}}]}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USED}
    ).encode()


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_a_whole_answer_is_given_as_a_stream(cut: int) -> None:
    body = b"\n " + a_whole_one()
    parts = [body[at : at + cut] for at in range(0, len(body), cut)]
    events, outcome, summary = read(*parts)
    assert (said(events), outcome, counts(events)) == ("Hello", Outcome.OK, [USED])
    assert [one["choices"][0]["finish_reason"] for one in events[:-1]] == [None, "stop"]
    assert events[0]["choices"][0]["delta"]["tool_calls"][0]["index"] == 0
    assert {one["object"] for one in events} == {"chat.completion.chunk"}
    assert (summary.anomalies, summary.finish_reason) == ((Anomaly.NOT_STREAMED,), "stop")
    assert counts(read(*parts, keep_usage=False)[0]) == []


@pytest.mark.parametrize(("body", "expected"), [
    (b'{"error": {"message": "no"}}', Outcome.ERROR_IN_ANSWER), (b'{"id": 1}', Outcome.EMPTY_ANSWER),
    (a_whole_one()[:-1], Outcome.MALFORMED_ANSWER), (a_whole_one(finish_reason=None), Outcome.TRUNCATED),
    (a_whole_one(finish_reason="network_error"), Outcome.ERROR_IN_ANSWER),
])  # fmt: skip
def test_a_whole_one_that_is_no_answer(body: bytes, expected: Outcome) -> None:
    assert read(body)[1] is expected


HABITS: list[list[bytes]] = [
    *UNENDED.values(), *CUT.values(), *([*parts, DONE] for parts in TOLD.values()),
    [b"data:\n\n", delta([THOUGHT]), delta("late", finish="stop"), delta("more"), USAGE, DONE],
    [ROLE, *(delta(tool_calls=call) for call in INDEXES["the id each time"][0]), delta(finish="tool_calls"), DONE],
    [a_whole_one()], [delta("a"), delta(finish="satisfied", usage={"prompt_tokens": 3.0}), b"event: ping\ndata: x\n\n", DONE],
]  # fmt: skip


@given(st.data())
@pytest.mark.parametrize("parts", HABITS)
@pytest.mark.parametrize("keep_usage", [True, False])
def test_the_cuts_change_nothing(parts: list[bytes], keep_usage: bool, data: st.DataObject) -> None:
    body = b"".join(parts)
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8))), len(body)]
    arrived = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert read(*arrived, keep_usage=keep_usage) == read(body, keep_usage=keep_usage)


def decoded(body: bytes) -> WholeAnswer | Outcome:
    try:
        return decode(body)
    except AttemptFailed as failed:
        return failed.outcome


names = st.sampled_from(["content", "reasoning", "reasoning_content", "refusal", "images"])


@given(
    st.lists(st.tuples(names, st.text(max_size=3))),
    st.sampled_from([*sorted(ANY), *FAILING, "satisfied", None, ""]),
    st.sampled_from([None, USED, {"prompt_tokens": 3}, {**USED, "completion_tokens": 0, "total_tokens": 3}, 5]),
    st.booleans(),
)
def test_stream_and_whole_agree(spoken: list[tuple[str, str]], reason: Any, usage: Any, error: bool) -> None:
    message: dict[str, str] = {}
    for name, text in spoken:
        message[name] = message.get(name, "") + text
    choice = {"index": 0, "finish_reason": reason, **({"error": {"code": 1}} if error else {})}
    last = event(choices=[{**choice, "delta": {}}], usage=usage)
    _, outcome, summary = read(ROLE, *(delta(**{name: text}) for name, text in spoken), last, DONE)
    body = {"model": "m", "choices": [{**choice, "message": {"role": "assistant", **message}}], "usage": usage}
    answer = decoded(json.dumps(body).encode())
    if isinstance(answer, Outcome):
        assert answer is outcome
        return
    assert outcome is Outcome.OK
    assert (answer.usage, answer.counts, answer.finish_reason) == (summary.usage, summary.counts, summary.finish_reason)
    assert set(answer.anomalies) == set(summary.anomalies)
