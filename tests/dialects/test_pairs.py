"""Every pair of dialects, from documented and recorded traffic: what is asked arrives, and what is answered comes back,
whole and streamed alike, wherever the stream is cut.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.bedrock.dialect import BEDROCK
from gateway.dialects.contract import Dialect, ProviderSide, Translator
from gateway.dialects.gemini import GeminiTranslator
from gateway.dialects.gemini.dialect import GEMINI
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.responses import ResponsesTranslator
from gateway.dialects.responses.dialect import RESPONSES
from gateway.dialects.translated import translated
from gateway.providers.bedrock import BedrockTranslator
from gateway.values.answer import Chunk, WholeAnswer
from gateway.values.chat import (
    Began,
    Ended,
    Finish,
    Format,
    Reasoning,
    Refusal,
    Reply,
    Text,
    TextDelta,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import Sensitivity
from tests.dialects.anthropic.support import target
from tests.dialects.bedrock.speaking import SPOKEN_BEDROCK
from tests.dialects.chats import replies, streamed
from tests.dialects.folding import folded
from tests.dialects.sending import sent

FOLDER = Path(__file__).parents[1] / "golden"
PLAIN: dict[str, Any] = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "x"}]}
NATIVE: dict[str, Translator] = {
    "openai": OpenAITranslator(usage_in_streams=True),
    "anthropic": AnthropicTranslator(),
    "bedrock": BedrockTranslator(),
    "gemini": GeminiTranslator(),
    "responses": ResponsesTranslator("0a1b2c3d4e5f"),
}
DIALECTS: dict[str, Dialect] = {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI, "responses": RESPONSES}
PROVIDERS: dict[str, ProviderSide] = {**DIALECTS, "bedrock": BEDROCK}
SPOKEN: dict[str, Any] = {**DIALECTS, "bedrock": SPOKEN_BEDROCK}  # what a provider writes
PAIRS = [(asks, answers) for asks in DIALECTS for answers in PROVIDERS if asks != answers]
# of a provider's dialect, the folders of what was recorded; all that are not named here are OpenAI's
FOLDERS = {"anthropic": "anthropic", "bedrock": "bedrock", "gemini": "gemini", "open_responses": "responses"}
_FEW = ("openai", "vllm")  # what others of OpenAI's dialect do otherwise is taken back before it is translated
ANSWERS = [
    (asks, answers, path)
    for asks, answers in PAIRS
    for path in sorted(FOLDER.glob("*/*.200"))
    if FOLDERS.get(path.parent.name, "openai") == answers
    and (asks != "responses" or answers != "openai" or path.parent.name in _FEW)
    and path.parent.name != "vllm_metrics"
    and "-n2" not in path.stem  # of several choices: none is asked for across dialects
]
IDS = [f"{asks}-{path.parent.name}-{path.stem}" for asks, _, path in ANSWERS]


# what must not be lost and has no form at the provider
REFUSED = {
    *((f"{name}", to) for name in ("llama_cpp/err-param", "vllm/chat-n2", "vllm/chat-n2-stream") for to in DIALECTS),
    ("anthropic/media", "openai"),
    ("anthropic/media", "gemini"),  # a file that Anthropic holds
    ("gemini/media", "anthropic"),  # audio
    ("gemini/media", "openai"),  # a file by its address
    ("gemini/media", "responses"),
    ("anthropic/media", "responses"),
    ("open_responses/file", "openai"),
    ("open_responses/turns", "openai"),
}
REQUESTS = [
    (path, answers)
    for path in sorted(FOLDER.glob("*/*.request.json"))
    for answers in DIALECTS
    if FOLDERS.get(path.parent.name, "openai") not in (answers, "bedrock")
]
NO_CHAT = {"gemini/image"}  # an answer that a chat has no place for


def request_of(body: dict[str, Any], *, stream: bool) -> Request:
    facts = Facts(
        model="m",
        sensitivity=Sensitivity.PUBLIC,
        needs=frozenset(),
        prompt_tokens=1,
        max_output_tokens=None,
        stream=stream,
    )
    fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
    return Request(id="req-1", fields=fields, size=1, facts=facts, wants_usage=True)


def is_stream(path: Path) -> bool:
    return path.stem.startswith("stream") or path.read_bytes().startswith(b"data:")


def played(translator: Translator, parts: list[bytes]) -> list[Chunk]:
    decoder = translator.decoder(request_of(PLAIN, stream=True))
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    return chunks if any(chunk.done or chunk.failure for chunk in chunks) else [*chunks, decoder.end()]


def judged_whole(translator: Translator, body: bytes, request: Request) -> WholeAnswer | Outcome:
    try:
        return translator.decode(body, request)
    except AttemptFailed as failed:
        return failed.outcome


def outcome(chunks: list[Chunk]) -> tuple[str, bytes]:
    last = chunks[-1]
    return last.failure.outcome.value if last.failure else "ok", b"".join(chunk.forward for chunk in chunks)


@pytest.mark.parametrize(("asks", "answers", "path"), ANSWERS, ids=IDS)
def test_an_answer_comes_back_in_the_callers_dialect(asks: str, answers: str, path: Path) -> None:
    pair = translated(DIALECTS[asks], PROVIDERS[answers], NATIVE[answers])
    body = path.read_bytes()
    if not is_stream(path):
        request = request_of(PLAIN, stream=False)
        native = judged_whole(NATIVE[answers], body, request)
        if not isinstance(native, WholeAnswer):
            assert judged_whole(pair, body, request) == native
            return
        if f"{path.parent.name}/{path.stem}" in NO_CHAT:
            assert judged_whole(pair, body, request) is Outcome.MALFORMED_ANSWER
            return
        answer = pair.decode(body, request)
        assert (answer.usage, answer.model, answer.anomalies) == (native.usage, native.model, native.anomalies)
        told = DIALECTS[asks].reply(answer.body)
        said = PROVIDERS[answers].reply(native.body)
        assert comparable(told) == comparable(said)
        if told.parts:
            NATIVE[asks].decode(answer.body, request)
        return
    judged, forwarded = outcome(played(NATIVE[answers], [body]))
    told_outcome, told_stream = outcome(played(pair, [body]))
    assert told_outcome == judged
    if judged == "ok":
        said = folded(PROVIDERS[answers].reader().read(forwarded))
        told = folded(DIALECTS[asks].reader().read(told_stream))
        if said.usage is None:  # then Anthropic's has the request's estimate, for it has to say something
            told = msgspec.structs.replace(told, usage=None)
        assert comparable(told) == comparable(said)
        if not said.parts:
            return
        own = (
            told_stream.removesuffix(b"data: [DONE]\n\n") if asks == "responses" else told_stream
        )  # what follows the end
        again = outcome(played(NATIVE[asks], [told_stream]))
        assert again[0] == "ok"
        assert again[1] == own or b"encrypted_content" in own  # which is marked with its maker


@pytest.mark.parametrize(("asks", "answers", "path"), [one for one in ANSWERS if is_stream(one[2])])
def test_a_translated_stream_says_the_same_wherever_it_is_cut(asks: str, answers: str, path: Path) -> None:
    pair = translated(DIALECTS[asks], PROVIDERS[answers], NATIVE[answers])
    body = path.read_bytes()
    all_of_it = outcome(played(pair, [body]))
    assert outcome(played(pair, [bytes([byte]) for byte in body])) == all_of_it
    for at in range(1, len(body), max(7, len(body) // 100)):
        assert outcome(played(pair, [body[:at], body[at:]])) == all_of_it, at


@pytest.mark.parametrize(
    ("path", "answers"), REQUESTS, ids=[f"{path.parent.name}-{path.name.split('.')[0]}-{to}" for path, to in REQUESTS]
)
def test_a_request_arrives_in_the_providers_dialect(path: Path, answers: str) -> None:
    asks = FOLDERS.get(path.parent.name, "openai")
    body = json.loads(path.read_text())
    said_in = {"gemini": "contents", "responses": "input"}.get(asks, "messages")
    if not isinstance(body, dict) or not isinstance(body.get(said_in), list | str if asks == "responses" else list):
        return  # the gateway refuses it itself
    request = request_of(body, stream=bool(body.get("stream")))
    pair = translated(DIALECTS[asks], DIALECTS[answers], NATIVE[answers])
    if (f"{path.parent.name}/{path.name.split('.')[0]}", answers) in REFUSED:
        with pytest.raises(AttemptFailed) as refused:
            sent(pair, request, target())
        assert refused.value.outcome is Outcome.FIELD_REFUSED  # the next candidate may take it
        assert refused.value.message is not None
        return
    call, _ = sent(pair, request, target())
    told = json.loads(call.body)
    if answers == "gemini":  # in the path
        verb = "streamGenerateContent?alt=sse" if body.get("stream") else "generateContent"
        assert call.path == f"/models/upstream-model:{verb}"
        assert not {"model", "stream"} & told.keys()
    else:
        assert told["model"] == "upstream-model"
        assert told.get("stream", False) == bool(body.get("stream"))
    said = DIALECTS[asks].chat(request.fields)
    again = DIALECTS[answers].chat(msgspec.json.decode(call.body, type=dict[str, msgspec.Raw]))
    assert again.unsaid == ()
    words = [part.text for turn in said.turns for part in turn.parts if isinstance(part, Text) and part.text.strip()]
    assert (
        sorted(part.text for turn in again.turns for part in turn.parts if isinstance(part, Text)) == sorted(words)
        or "Document" in str(said)
        or said.format == Format()
    )  # that is asked for in words
    assert [tool.name for tool in again.tools] == [tool.name for tool in said.tools]


def comparable(reply: Reply) -> Any:
    """What both dialects can say, in the order in which one of them does."""
    text = "".join(part.text for part in reply.parts if isinstance(part, Text | Refusal))
    thought = "".join(part.text for part in reply.parts if isinstance(part, Reasoning))
    calls = [(part.name, arguments(part)) for part in reply.parts if isinstance(part, ToolCall)]
    finish = reply.finish
    if finish in (Finish.STOP, Finish.STOP_SEQUENCE, Finish.PAUSE, Finish.TOOL_CALLS):
        finish = Finish.TOOL_CALLS if calls else Finish.STOP
    if any(isinstance(part, Refusal) for part in reply.parts):
        finish = Finish.REFUSAL
    usage = None if reply.usage is None else msgspec.structs.replace(reply.usage, service_tier=None)
    return (
        text,
        thought,
        calls,
        finish,
        usage and (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens or 0),
    )


def says_something(reply: Reply) -> bool:
    """What is hidden or signed alone is no answer to all."""
    return any(getattr(part, "text", None) or isinstance(part, ToolCall) for part in reply.parts)


def arguments(call: ToolCall) -> Any:
    """An object; Anthropic's have none that is not, so it stands in one."""
    said = json.loads(call.arguments or "{}")
    return said if isinstance(said, dict) else {"arguments": call.arguments}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
@pytest.mark.parametrize(("asks", "answers"), PAIRS)
def test_any_reply_is_translated_whole_and_streamed_alike(asks: str, answers: str, data: st.DataObject) -> None:
    reply = data.draw(replies().filter(says_something))
    request = request_of(PLAIN, stream=True)
    writer = SPOKEN[answers].writer(request)
    stream = writer.write(data.draw(streamed(reply))) + writer.end()
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6))), len(stream)]
    pair = translated(DIALECTS[asks], PROVIDERS[answers], NATIVE[answers])
    judged, told = outcome(played(pair, [stream[a:b] for a, b in itertools.pairwise(edges)]))
    assert judged == "ok"
    whole = pair.decode(SPOKEN[answers].whole(reply, request), request).body
    streamed_reply = folded(DIALECTS[asks].reader().read(told))
    assert comparable(streamed_reply) == comparable(DIALECTS[asks].reply(whole)) == comparable(reply)


def given_back(name: str, said: dict[str, Any]) -> Any:
    """An answer as the message of the next turn."""
    return said["choices"][0]["message"] if name == "openai" else {"role": "assistant", "content": said.get("content")}


def test_a_signed_call_comes_back_to_its_maker_through_any_caller() -> None:
    """Messages has no place for it: it goes as a hidden thought before the call."""
    call = ToolCall("call_1", "f", "{}", signature="c2ln", maker="gemini")
    reply = Reply(id="r", model="m", parts=(Text("x"), call), finish=Finish.TOOL_CALLS)
    request = request_of(PLAIN, stream=True)
    streamed_call = [ToolCallBegan(0, "call_1", "f", "c2ln", "gemini"), ToolCallDelta(0, "{}")]
    for name, dialect in DIALECTS.items():
        writer = dialect.writer(request)
        written = writer.write([Began("r", "m"), TextDelta("x"), *streamed_call, Ended(Finish.TOOL_CALLS)])
        again = folded(dialect.reader().read(written + writer.end()))
        for said in (json.loads(dialect.whole(reply, request)), json.loads(dialect.whole(again, request))):
            body: dict[str, Any] = {"model": "m", "max_tokens": 9}
            if name == "responses":
                body = {"model": "m", "input": said["output"]}
            elif name == "gemini":
                body = {"contents": [said["candidates"][0]["content"]]}
            elif name == "openai":
                body["messages"] = [said["choices"][0]["message"]]
            else:
                body["messages"] = [{"role": "assistant", "content": said["content"]}]
            chat = dialect.chat(msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw]))
            (found,) = [part for part in chat.turns[0].parts if isinstance(part, ToolCall)]
            assert found.signature == "c2ln"
            assert (found.maker or "").split("/")[-1].split("+")[0] == "gemini"
