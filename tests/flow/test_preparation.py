"""A request is put into each dialect once, however many attempts there are; a large one while others go on."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import msgspec
import pytest

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.bedrock.dialect import BEDROCK
from gateway.dialects.contract import Dialect, Prepared, Preparer, ProviderSide
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.dialect import OPENAI, OpenAIDialect
from gateway.dialects.translated import translated
from gateway.flow.fair_threads import FairThreads
from gateway.flow.large import LARGE_BYTES
from gateway.flow.preparation import Preparation
from gateway.providers.vllm import VllmTranslator
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import Sensitivity

TALK = [
    {"role": role, "content": f'say "{at}", {{"é": [1]}} ' + "word " * 40}
    for at in range(4_000)
    for role in ("user", "assistant")
]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "},{" * 5_000}] * 40}] * 3
ONE = [{"role": "user", "content": "},{" * LARGE_BYTES}]
TO_OPENAI = translated(ANTHROPIC, OPENAI, OpenAITranslator(usage_in_streams=True))
TO_ANTHROPIC = translated(OPENAI, ANTHROPIC, AnthropicTranslator())


def request_of(messages: Any, *, size: int | None = None, **more: Any) -> Request:
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages, **more}).encode()
    facts = Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=9, stream=False
    )  # fmt: skip
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return Request(id="r", fields=fields, size=len(body) if size is None else size, facts=facts, wants_usage=False)


def told(request: Request) -> dict[str, Any]:
    return {name: json.loads(bytes(raw)) for name, raw in request.fields.items()}


@pytest.fixture
def large() -> Iterator[FairThreads]:
    threads = FairThreads("test", threads=1, most_waiting=4, longest_wait_s=30)
    yield threads
    threads.close()


def preparation(large: FairThreads, deadline_s: float = 60) -> Preparation:
    return Preparation(large, time.monotonic() + deadline_s)


class Held(Preparer):
    """It works until it is let go."""

    form = "held"

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def prepare(self, request: Request, pause: Pause = no_pause) -> Prepared:
        self.begun.set()
        while not self.go.is_set():
            pause()
        return Prepared(request)


@pytest.mark.parametrize("messages", [TALK, PARTS, ONE], ids=["talk", "parts", "one"])
@pytest.mark.parametrize("translator", [TO_OPENAI, TO_ANTHROPIC], ids=["to openai", "to anthropic"])
async def test_a_large_one_says_the_same_as_a_small_one_would(
    large: FairThreads, translator: Preparer, messages: Any
) -> None:
    request = request_of(messages, temperature=0.5)
    assert request.size > LARGE_BYTES
    ready = await preparation(large).of(request, translator)
    assert told(ready.own) == told(translator.prepare(request).request)
    assert ready.asked is request


class Steps:
    """Counts what is done between two pauses, in calls of functions."""

    def __init__(self) -> None:
        self.of_all, self.longest, self._since = 0, 0, 0

    def pause(self) -> None:
        self.longest, self._since = max(self.longest, self.of_all - self._since), self.of_all

    def count(self, _: Any, event: str, __: Any) -> None:
        self.of_all += event in ("call", "c_call")

    def __enter__(self) -> Self:
        sys.setprofile(self.count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self.pause()


def history_of_openai(number: int) -> list[dict[str, Any]]:
    asked = {"id": "call_{}", "type": "function", "function": {"name": "find", "arguments": '{"at": {}}'}}
    told = [{"role": "assistant", "tool_calls": [asked]}, {"role": "tool", "tool_call_id": "call_{}", "content": "no"}]
    return [{"role": "user", "content": "go"}, *numbered(told, number)]


def history_of_anthropic(number: int) -> list[dict[str, Any]]:
    asked = {"type": "tool_use", "id": "call_{}", "name": "find", "input": {"at": 1}}
    given = {"type": "tool_result", "tool_use_id": "call_{}", "content": "no"}
    told = [{"role": "assistant", "content": [asked]}, {"role": "user", "content": [given]}]
    return [{"role": "user", "content": "go"}, *numbered(told, number)]


def numbered(told: list[dict[str, Any]], number: int) -> Iterator[dict[str, Any]]:
    text = json.dumps(told)
    return (one for at in range(number) for one in json.loads(text.replace("{}", str(at))))


HISTORIES = {OPENAI.name: history_of_openai, ANTHROPIC.name: history_of_anthropic}


@pytest.mark.parametrize("asks", [OPENAI, ANTHROPIC], ids=lambda one: one.name)
@pytest.mark.parametrize("answers", [OPENAI, ANTHROPIC, GEMINI, BEDROCK], ids=lambda one: one.name)
def test_it_pauses_again_and_again(asks: Dialect, answers: ProviderSide) -> None:
    """Nothing that grows with the number of messages is done in one piece."""
    request = request_of(HISTORIES[asks.name](1_000))
    with Steps() as read:
        chat = asks.chat(request.fields, read.pause)
    with Steps() as written:
        answers.fields(chat, written.pause)
    assert read.longest < read.of_all / 4
    assert written.longest < written.of_all / 4


async def test_others_go_on_while_a_large_one_is_translated(large: FairThreads) -> None:
    """If it were done on the event loop, nothing here could ever let it go."""
    held = Held()
    task = asyncio.create_task(preparation(large).of(request_of(TALK), held))
    while not held.begun.is_set():
        await asyncio.sleep(0)
    for translator in (TO_OPENAI, TO_ANTHROPIC):
        small = await preparation(large).of(request_of([{"role": "user", "content": "hi"}]), translator)
        assert told(small.own)["messages"]
    assert not task.done()
    held.go.set()
    assert (await asyncio.wait_for(task, 30)).own.size > LARGE_BYTES


async def test_one_that_nobody_waits_for_is_given_up(large: FairThreads) -> None:
    held = Held()
    task = asyncio.create_task(preparation(large).of(request_of(TALK), held))
    while not held.begun.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.wait_for(large.run("other", lambda _: 1, 10), 30) == 1  # though it was never let go


async def test_one_that_would_wait_too_long_is_turned_away(large: FairThreads) -> None:
    held = Held()
    task = asyncio.create_task(preparation(large).of(request_of(TALK), held))
    while not held.begun.is_set():
        await asyncio.sleep(0)
    with pytest.raises(AttemptFailed) as caught:
        await preparation(large, deadline_s=0.01).of(request_of(TALK), TO_OPENAI)
    assert caught.value.outcome is Outcome.GATEWAY_BUSY
    assert caught.value.retry_after_s is not None
    held.go.set()
    await task


@pytest.mark.parametrize("messages", [TALK, TALK[:2]], ids=["large", "small"])
async def test_it_is_done_once_for_each_dialect(large: FairThreads, messages: Any) -> None:
    once, request = preparation(large), request_of(messages)
    first, second = await asyncio.gather(once.of(request, TO_OPENAI), once.of(request, TO_OPENAI))
    again = await once.of(
        request, translated(ANTHROPIC, OPENAI, VllmTranslator())
    )  # of another vendor, the same dialect
    assert first.own.fields is second.own.fields is again.own.fields
    other = await once.of(request, translated(ANTHROPIC, OpenAIDialect("max_completion_tokens"), VllmTranslator()))
    assert other.own.fields is not first.own.fields
    assert (told(first.own)["max_tokens"], told(other.own)["max_completion_tokens"]) == (9, 9)


async def test_what_is_known_later_is_in_it(large: FairThreads) -> None:
    once, request = preparation(large), request_of(TALK[:2])
    before = await once.of(request, TO_OPENAI)
    facts = msgspec.structs.replace(request.facts, prompt_tokens=77, exact_tokens=True)
    after = await once.of(msgspec.structs.replace(request, facts=facts), TO_OPENAI)
    assert after.own.fields is before.own.fields
    assert (after.own.facts, after.asked.facts) == (facts, facts)


@pytest.mark.parametrize("size", [1, 2 * LARGE_BYTES], ids=["small", "large"])
async def test_what_has_no_form_there_is_refused_each_time(large: FairThreads, size: int) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    once, request = preparation(large), request_of([{"role": "user", "content": [sound]}], size=size)
    caught = []
    for _ in range(2):
        with pytest.raises(AttemptFailed) as failed:
            await once.of(request, TO_ANTHROPIC)
        caught.append(failed.value)
    assert [one.outcome for one in caught] == [Outcome.FIELD_REFUSED] * 2
    assert caught[0] is not caught[1]


@pytest.mark.parametrize("size", [1, 2 * LARGE_BYTES], ids=["small", "large"])
async def test_members_that_a_server_does_not_take_are_left_out(large: FairThreads, size: int) -> None:
    messages = [{"role": "assistant", "content": "a", "reasoning": "hm"}, *TALK]
    request = request_of(messages, size=size, top_k=3)
    ready = await preparation(large).of(request, VllmTranslator(), ("top_k", "messages.reasoning"))
    assert "top_k" not in ready.own.fields
    assert told(ready.own)["messages"] == [{"role": "assistant", "content": "a"}, *TALK]
    assert ready.asked is ready.own
