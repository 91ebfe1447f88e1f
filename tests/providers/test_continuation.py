"""Going on with an answer: what is sent, where the two parts meet, and that both read as one stream wherever bytes are cut."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai.continuation import ContinuingTranslator
from gateway.dialects.openai.seam import HELD, Seam
from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.dialects.openai.transcript import Transcript
from gateway.providers.vllm import VllmTranslator
from gateway.values.answer import Chunk, PartialAnswer
from gateway.values.deployment import Capability, Deployment, Hosting, Timeouts
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import Sensitivity
from tests.providers.test_openai_stream import DONE, ROLE, STOP, delta, event

SAID = "The lighthouse stood on the cliff, and every night its lamp "
REST = "was lit by the keeper, who climbed ninety steps and never once complained of it."
HEAD = json.dumps({"id": "first", "created": 7, "model": "m1", "choices": []}).encode()
BEGINNING = PartialAnswer(SAID, 12, "first", "m1", HEAD)


HOME = Deployment(
    name="home", provider="vllm", model="up", base_url="http://127.0.0.1:1/v1", hosting=Hosting.SELF_HOSTED, region=None,
    clearance=Sensitivity.RESTRICTED, capabilities=frozenset(Capability), context_tokens=None, max_output_tokens=None,
    price=None, timeouts=Timeouts(),
)  # fmt: skip


def a_request(fields: dict[str, Any], *, wants_usage: bool = False, **more: Any) -> Request:
    facts = Facts(**{
        "model": "chat", "sensitivity": Sensitivity.PUBLIC, "needs": frozenset(), "prompt_tokens": 10,
        "max_output_tokens": None, "stream": True, **more,
    })  # fmt: skip
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}
    return Request(id="r", facts=facts, fields=raw, size=100, wants_usage=wants_usage)


def remembered(*parts: bytes) -> OpenAIStreamDecoder:
    decoder = OpenAIStreamDecoder(keep_usage=True, transcript=Transcript())
    for part in parts:
        decoder.feed(part)
    return decoder


def continued(decoder: StreamDecoder, *parts: bytes) -> tuple[list[dict[str, Any]], list[Chunk]]:
    """The events that are forwarded, and the chunks."""
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    forward = b"".join(chunk.forward for chunk in chunks)
    lines = [line.removeprefix("data: ") for line in forward.decode().split("\n\n") if line]
    return [json.loads(line) for line in lines if line != "[DONE]"], chunks


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for one in events for choice in one["choices"])


def another(
    decoder: StreamDecoder | None = None, *, beginning: PartialAnswer = BEGINNING, usage: bool = True
) -> StreamDecoder:
    request = a_request({"messages": []}, wants_usage=usage)
    return decoder or ContinuingTranslator(usage_in_streams=True).continuation_decoder(request, beginning)


def test_what_was_said_is_remembered() -> None:
    beginning = remembered(ROLE, delta("one, "), delta("two ") + delta("and")).beginning()
    assert beginning is not None
    assert (beginning.text, beginning.tokens) == ("one, two and", 3)
    assert json.loads(beginning.head)["id"] == "c"


@pytest.mark.parametrize(
    "parts",
    [
        [ROLE],
        [delta(" ")],
        [delta("a"), STOP],
        [delta("a", tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}])],
        [delta("a"), delta(reasoning="hm")],
        [delta("a"), delta(refusal="no")],
        [delta("a"), delta("b", index=1)],
        [delta("a"), delta(audio={"id": "x"})],
        [delta("x" * 600_000), delta("x" * 600_000)],
    ],
    ids=["nothing", "space", "finished", "tool", "reasoning", "refusal", "choices", "audio", "long"],
)
def test_what_cannot_be_gone_on_with(parts: list[bytes]) -> None:
    assert remembered(*parts).beginning() is None


def test_the_call_for_more() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell."}]
    fields = {"model": "chat", "messages": messages, "stream": True, "max_tokens": 50, "temperature": 0.5}
    request = a_request(fields, max_output_tokens=50)
    more = VllmTranslator().continued(request, BEGINNING)
    assert more is not None
    sent = json.loads(VllmTranslator().encode(more, HOME).body)
    assert sent["messages"] == [*messages, {"role": "assistant", "content": SAID.rstrip()}]
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)
    assert (sent["max_tokens"], sent["temperature"], sent["model"]) == (38, 0.5, "up")
    assert sent["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({}, {"needs": frozenset({Capability.JSON_SCHEMA})}),
        ({}, {"needs": frozenset({Capability.LOGPROBS})}),
        ({}, {"max_output_tokens": 12}),
        ({"continue_final_message": True}, {}),
        ({"guided_json": {}}, {}),
        ({"messages": [{"role": "assistant", "content": "a"}]}, {}),
        ({"messages": []}, {}),
    ],
)
def test_requests_whose_answer_would_be_another(fields: dict[str, Any], facts: dict[str, Any]) -> None:
    usual = {"messages": [{"role": "user", "content": "Tell."}]}
    request = a_request({**usual, **fields}, **facts)
    assert VllmTranslator().continued(request, BEGINNING) is None


def test_both_parts_read_as_one() -> None:
    usage = event(choices=[], usage={"prompt_tokens": 30, "completion_tokens": 8, "total_tokens": 38})
    events, chunks = continued(another(), ROLE, *map(delta, REST.split(" ")), STOP, usage, DONE)
    assert {(one["id"], one["created"], one["model"]) for one in events} == {("first", 7, "m1")}
    assert not any("role" in choice["delta"] for one in events for choice in one["choices"])
    assert text_of(events) == REST.replace(" ", "")
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"] == {"prompt_tokens": 18, "completion_tokens": 20, "total_tokens": 38}
    assert chunks[-1].done
    assert not chunks[0].forward  # the role


def test_usage_that_nobody_asked_for() -> None:
    usage = event(choices=[], usage={"prompt_tokens": 30, "completion_tokens": 8, "total_tokens": 38})
    decoder = another(usage=False)
    events, _ = continued(decoder, delta(REST), STOP, usage, DONE)
    assert not any("usage" in one for one in events)
    settled = decoder.summary().usage
    assert settled is not None
    assert (settled.prompt_tokens, settled.completion_tokens) == (30, 8)  # what this part really used


def test_a_short_end_is_not_held_back() -> None:
    events, chunks = continued(another(), delta("x."), STOP, DONE)
    assert (text_of(events), chunks[-1].done) == ("x.", True)


def test_a_tool_call_after_the_seam() -> None:
    call = [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]
    events, _ = continued(another(), delta("so "), delta(tool_calls=call), delta(finish="tool_calls"), DONE)
    assert text_of(events) == "so "
    assert [choice["delta"]["tool_calls"] for one in events for choice in one["choices"] if "tool_calls" in choice["delta"]] == [call]  # fmt: skip


def test_an_answer_begun_anew_is_none() -> None:
    again = SAID + "burned."
    _, chunks = continued(another(), *(delta(part) for part in (SAID[:40], SAID[40:50] + "wick, " + "x" * 40)))
    assert chunks[-1].failure is not None
    assert chunks[-1].failure.outcome is Outcome.MALFORMED_ANSWER
    events, chunks = continued(another(), delta(again), delta(" " * HELD), STOP, DONE)  # all of it repeated: dropped
    assert text_of(events).strip() == "burned."


def test_content_in_parts_has_no_seam_and_is_not_lost() -> None:
    chunks = another().feed(delta([{"type": "image_url", "image_url": {"url": "data:,"}}]))
    assert chunks[-1].failure is not None
    assert chunks[-1].failure.outcome is Outcome.MALFORMED_ANSWER


def test_text_in_parts_goes_on_as_text() -> None:
    events, chunks = continued(another(), delta([{"type": "text", "text": "and more"}]), STOP + DONE)
    assert chunks[-1].done
    assert text_of(events).endswith("and more")


def test_usage_that_is_no_number_breaks_nothing() -> None:
    odd = b'data: {"id":"y","choices":[],"usage":{"prompt_tokens":1e999}}\n\n'
    events, chunks = continued(another(), delta("and more"), odd, STOP + DONE)
    assert chunks[-1].done
    assert "and more" in text_of(events)


def test_an_emoji_that_was_torn_in_two() -> None:
    """Some servers send each half as an escape of its own, which is no text."""
    torn = rb'data: {"id":"x","choices":[{"index":0,"delta":{"content":"a \ud83d"}}]}' + b"\n\n"
    beginning = remembered(torn).beginning()
    assert beginning is not None
    rest = rb'data: {"id":"y","choices":[{"index":0,"delta":{"content":"\ude00 and more"}}]}' + b"\n\n"
    events, chunks = continued(another(beginning=beginning), rest, delta("x" * HELD), rest, STOP, DONE)
    assert text_of(events) == "\ufffd and more" + "x" * HELD + "\ufffd and more"
    assert {one["id"] for one in events} == {"x"}
    assert chunks[-1].done


def test_broken_twice() -> None:
    decoder = another()
    continued(decoder, delta(REST[:30]))
    assert decoder.beginning() == BEGINNING  # the caller has nothing of it yet
    events, _ = continued(decoder, delta(REST[30:]))
    beginning = decoder.beginning()
    assert beginning is not None
    assert beginning.text == SAID + text_of(events) == SAID + REST
    assert (beginning.head, beginning.tokens) == (HEAD, 12 + len(REST) // 4)
    third, _ = continued(another(beginning=beginning), delta(" The end, as far as anybody ever knew about it in those days."), STOP, DONE)  # fmt: skip
    assert text_of(third).startswith(" The end")


@given(st.text(st.sampled_from("ab \n"), max_size=200), st.lists(st.text(st.sampled_from("ab \n"), max_size=90)))
def test_a_seam_drops_repetitions_only(said: str, parts: list[str]) -> None:
    """What it gives is the continuation less a beginning that the text ended with, or was."""
    seam, given_text = Seam(said), ""
    more = "".join(parts)
    try:
        for at, part in enumerate(parts):
            given_text += part if seam.is_past else seam.feed(part, last=at == len(parts) - 1)
    except AttemptFailed:
        assert said[:32] == more[:32]
        return
    assert more.endswith(given_text)
    dropped = more[: len(more) - len(given_text)]
    space = said[len(said.rstrip()) :]
    assert said.endswith(dropped) or dropped == said or space.startswith(dropped)
    assert len(dropped) >= 16 or not dropped.strip()


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=12), st.integers(1, 400))
def test_wherever_bytes_are_cut(texts: list[str], size: int) -> None:
    body = b"".join([ROLE, *map(delta, texts), STOP, DONE])
    whole, _ = continued(another(), body)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    cut, chunks = continued(another(), *parts)
    assert text_of(cut) == text_of(whole)
    assert chunks[-1].done
