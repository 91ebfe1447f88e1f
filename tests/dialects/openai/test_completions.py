"""Legacy completions: what is an answer, what is none, and what of it the caller gets."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.completions import CompletionsTranslator
from gateway.surfaces.table import COMPLETIONS
from gateway.values.anomaly import Anomaly
from gateway.values.answer import StreamSummary
from gateway.values.caller import Caller
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

DONE = b"data: [DONE]\n\n"
TOLD = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def request(**fields: Any) -> Request:
    body = {"model": "m", "prompt": "x", **fields}
    return COMPLETIONS.read(json.dumps(body).encode(), {}, Caller.anonymous(), "d")


def event(**members: Any) -> bytes:
    return b"data: " + json.dumps({"id": "c", "object": "text_completion", "model": "m", **members}).encode() + b"\n\n"


def said(text: str, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    return event(choices=[{"index": index, "text": text, "logprobs": None, "finish_reason": finish}], **more)


USAGE = event(choices=[], usage=TOLD)
GOOD = [said("Hello"), said(" wörld \U0001f600"), said("", finish="stop"), USAGE, DONE]


def read(
    parts: list[bytes], asked: Request | None = None, *, asks_usage: bool = True
) -> tuple[Outcome, bytes, StreamSummary]:
    decoder = CompletionsTranslator(usage_in_streams=asks_usage).decoder(asked or request(stream=True))
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    last = chunks[-1]
    assert decoder.feed(b"data: more\n\n") == []
    outcome = last.failure.outcome if last.failure else Outcome.OK
    return outcome, b"".join(chunk.forward for chunk in chunks), decoder.summary()


WITH_USAGE = request(stream=True, stream_options={"include_usage": True})


def test_a_good_stream_is_forwarded_byte_for_byte() -> None:
    outcome, forwarded, summary = read([b"".join(GOOD)], WITH_USAGE)
    assert (outcome, forwarded) == (Outcome.OK, b"".join(GOOD))
    assert summary.usage is not None
    assert (summary.usage.completion_tokens, summary.finish_reason, summary.tokens) == (2, "stop", 2)


def test_usage_that_was_not_asked_for_is_taken_out_and_accounted_for() -> None:
    outcome, forwarded, summary = read(GOOD)
    assert (outcome, forwarded) == (Outcome.OK, b"".join(part for part in GOOD if part is not USAGE))
    assert summary.usage is not None


@given(st.lists(st.integers(0, sum(map(len, GOOD))), max_size=8))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    body = b"".join(GOOD)
    edges = [0, *sorted(cuts), len(body)]
    assert read([body[a:b] for a, b in itertools.pairwise(edges)], WITH_USAGE) == read([body], WITH_USAGE)


def test_a_stream_cut_anywhere_never_looks_finished() -> None:
    body = b"".join(GOOD)
    for at in range(body.index(b'"stop"')):
        outcome, forwarded, _ = read([body[:at]])
        assert outcome is not Outcome.OK
        assert b"[DONE]" not in forwarded
        assert not forwarded or forwarded.endswith(b"\n\n")


TWO = request(stream=True, n=2)
BROKEN: list[tuple[str, list[bytes], Request, Outcome]] = [
    ("nothing", [], request(), Outcome.EMPTY_ANSWER),
    ("cut after text", [said("a")], request(), Outcome.TRUNCATED),
    ("[DONE] without a reason", [said("a"), DONE], request(), Outcome.TRUNCATED),
    ("one of two choices open", [said("a"), said("b", 1), said("", finish="stop"), DONE], TWO, Outcome.TRUNCATED),
    ("one of two choices missing", [said("a", finish="stop"), DONE], TWO, Outcome.TRUNCATED),
    ("of several prompts one missing", [said("a", finish="stop"), DONE], request(prompt=["a", "b"]), Outcome.TRUNCATED),
    ("error", [said("a"), b'data: {"error":{"message":"x"}}\n\n', DONE], request(), Outcome.ERROR_IN_ANSWER),
    ("error event", [said("a"), b"event: error\ndata: oops\n\n", DONE], request(), Outcome.ERROR_IN_ANSWER),
    ("abort", [said("a"), said("", finish="abort"), DONE], request(), Outcome.ERROR_IN_ANSWER),
    ("error of a choice", [event(choices=[{"text": "", "index": 0, "error": {"code": 5}}])], request(), Outcome.ERROR_IN_ANSWER),
    ("no JSON", [said("a"), b"data: {oops\n\n", DONE], request(), Outcome.MALFORMED_ANSWER),
    ("half an event", [said("a", finish="stop"), b'data: {"id"'], request(), Outcome.TRUNCATED),
    ("no stream", [b"<html>"], request(), Outcome.MALFORMED_ANSWER),
    ("an error instead", [b'{"error":{"message":"x"}}'], request(), Outcome.ERROR_IN_ANSWER),
    ("another object", [b'{"detail":"x"}'], request(), Outcome.EMPTY_ANSWER),
    ("space", [b"\n\n"], request(), Outcome.MALFORMED_ANSWER),
    ("only [DONE]", [DONE], request(), Outcome.EMPTY_ANSWER),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "asked", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
@pytest.mark.parametrize("together", [True, False])
def test_broken_streams_fail_and_never_carry_done(
    parts: list[bytes], asked: Request, expected: Outcome, *, together: bool
) -> None:
    outcome, forwarded, _ = read([b"".join(parts)] if together else parts, asked)
    assert outcome is expected
    assert b"[DONE]" not in forwarded


def test_each_choice_of_each_prompt_is_waited_for() -> None:
    asked = request(prompt=["a", "b"], n=2, stream=True)
    parts = [said("x", index, "stop") for index in range(4)]
    assert read([*parts, DONE], asked)[0] is Outcome.OK
    assert read([*parts[:3], DONE], asked)[0] is Outcome.TRUNCATED


@pytest.mark.parametrize("prompt", ["x", ["x", "y"]])
def test_of_best_of_only_n_come_back(prompt: Any) -> None:
    """All are generated, and count for the costs."""
    asked = request(prompt=prompt, n=2, best_of=5)
    prompts = len(prompt)
    assert asked.facts.choices == 5 * prompts
    choices = [{"index": index, "text": "a", "finish_reason": "stop"} for index in range(2 * prompts)]
    translator = CompletionsTranslator(usage_in_streams=True)
    assert translator.decode(json.dumps({"choices": choices}).encode(), asked).finish_reason == "stop"
    with pytest.raises(AttemptFailed):
        translator.decode(json.dumps({"choices": choices[1:]}).encode(), asked)


def test_empty_text_is_an_answer() -> None:
    outcome, _, summary = read([said("", finish="stop"), DONE])
    assert (outcome, summary.tokens) == (Outcome.OK, 0)
    body = json.dumps({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}).encode()
    assert CompletionsTranslator(usage_in_streams=True).decode(body, request()).body == body


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_whole_answer_instead_of_a_stream_is_given_as_one(size: int) -> None:
    choices = [{"index": at, "text": "Hi", "finish_reason": "stop"} for at in range(2)]
    body = json.dumps({"id": "c", "choices": choices, "usage": TOLD}, indent=1).encode()
    asked = request(stream=True, n=2, stream_options={"include_usage": True})
    outcome, forwarded, summary = read([body[at : at + size] for at in range(0, len(body), size)], asked)
    assert (outcome, summary.anomalies) == (Outcome.OK, (Anomaly.NOT_STREAMED,))
    assert summary.usage is not None
    *events, done = forwarded.decode().removesuffix("\n\n").split("\n\n")
    told = [json.loads("\n".join(line.removeprefix("data: ") for line in one.split("\n"))) for one in events]
    assert done == "data: [DONE]"
    assert [one["choices"] for one in told] == [choices, []]
    assert told[1]["usage"] == TOLD


def test_no_terminator_is_complete_once_each_choice_has_ended() -> None:
    outcome, forwarded, summary = read(GOOD[:4], WITH_USAGE)
    assert (outcome, forwarded) == (Outcome.OK, b"".join(GOOD))
    assert summary.anomalies == (Anomaly.NO_TERMINATOR,)


RUNNING = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "parts",
    [
        [said("Hi"), said("", finish="stop", usage=TOLD), DONE],
        [said("Hi", usage=RUNNING), said("", finish="stop", usage=RUNNING), USAGE, DONE],
    ],
    ids=["llama.cpp's", "running"],
)
def test_usage_comes_once_and_in_an_event_of_its_own(parts: list[bytes], *, keep: bool) -> None:
    outcome, forwarded, summary = read(parts, WITH_USAGE if keep else None)
    assert outcome is Outcome.OK
    assert summary.usage is not None
    assert summary.usage.completion_tokens == 2
    events = [json.loads(line[6:]) for line in forwarded.decode().splitlines() if line.startswith("data: {")]
    with_usage = [one for one in events if one.get("usage")]
    assert len(with_usage) == keep
    assert all(one["choices"] == [] and one["usage"]["completion_tokens"] == 2 for one in with_usage)
    assert "".join(choice["text"] for one in events for choice in one["choices"]) == "Hi"


def test_a_vendor_that_is_not_asked_keeps_its_usage() -> None:
    assert read(GOOD, asks_usage=False)[1] == b"".join(GOOD)


def test_what_comes_before_the_first_choice_is_passed_on_where_the_caller_asked_for_usage() -> None:
    prelude = event(choices=[], prompt_filter_results=[])
    assert read([prelude, *GOOD], WITH_USAGE)[1] == prelude + b"".join(GOOD)


WHOLE: list[tuple[str, bytes, Outcome]] = [
    ("no JSON", b"OK", Outcome.MALFORMED_ANSWER),
    ("null", b"null", Outcome.MALFORMED_ANSWER),
    ("no choices", b'{"choices":[]}', Outcome.EMPTY_ANSWER),
    ("another API", b'{"detail":"x"}', Outcome.EMPTY_ANSWER),
    ("error", b'{"error":{"message":"x"},"choices":[]}', Outcome.ERROR_IN_ANSWER),
    ("not finished", b'{"choices":[{"text":"a","finish_reason":null}]}', Outcome.TRUNCATED),
    ("dropped", b'{"choices":[{"text":"a","finish_reason":"abort"}]}', Outcome.ERROR_IN_ANSWER),
]


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in WHOLE], ids=[case[0] for case in WHOLE])
def test_no_answers(body: bytes, expected: Outcome) -> None:
    with pytest.raises(AttemptFailed) as caught:
        CompletionsTranslator(usage_in_streams=True).decode(body, request())
    assert caught.value.outcome is expected


def test_lone_surrogates_are_read() -> None:
    body = rb'{"choices":[{"text":"\ud83d","finish_reason":"stop"}]}'
    assert CompletionsTranslator(usage_in_streams=True).decode(body, request()).body == body
