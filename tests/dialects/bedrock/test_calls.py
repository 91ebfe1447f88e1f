"""What Bedrock is sent: of its API's shape, whatever the chat; what it cannot say is told."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects.bedrock.dialect import BEDROCK
from gateway.dialects.contract import Adapted
from gateway.values.chat import (
    Audio,
    Chat,
    Document,
    HiddenReasoning,
    Image,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.values.outcome import AttemptFailed, Outcome
from tests.dialects.anthropic.support import request_of
from tests.dialects.bedrock.shapes import request_problems
from tests.dialects.bedrock.support import TRANSLATOR, target
from tests.dialects.chats import chats

USER = Turn(Role.USER, (Text("x"),))


def body_of(chat: Chat, model: str | None = None) -> tuple[dict[str, Any], list[Any]]:
    fields, told = BEDROCK.fields(chat)
    request = msgspec.structs.replace(request_of({}), fields=fields)
    call = TRANSLATOR.encode(request, target() if model is None else target(model))
    body = json.loads(call.body)
    assert request_problems("Converse", body) == []
    return body, list(told)


def refused(chat: Chat) -> str:
    with pytest.raises(AttemptFailed) as failed:
        BEDROCK.fields(chat)
    assert failed.value.outcome is Outcome.BAD_REQUEST
    return failed.value.message or ""


def without_urls(chat: Chat) -> Chat:
    """An address that is to be fetched is refused as a whole."""
    turns = []
    for turn in chat.turns:
        parts = [
            msgspec.structs.replace(one, parts=tuple(p for p in one.parts if getattr(p, "url", None) is None))
            if isinstance(one, ToolResult)
            else one
            for one in turn.parts
            if getattr(one, "url", None) is None
        ]
        turns.append(msgspec.structs.replace(turn, parts=tuple(parts)))
    return msgspec.structs.replace(chat, turns=tuple(turns))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chats(), st.sampled_from([None, "amazon.nova-pro-v1:0", "meta.llama4"]))
def test_any_chat_is_of_the_apis_shape_and_loses_only_what_is_told(chat: Chat, model: str | None) -> None:
    chat = without_urls(chat)
    try:
        body, told = body_of(chat, model)
    except AttemptFailed:
        refused(chat)
        return
    paths = {one.path if isinstance(one, Adapted) else one for one in told}
    words = [
        (f"turns[{at}].parts[{place}]", part)
        for at, turn in enumerate(chat.turns)
        for place, part in enumerate(turn.parts)
    ]
    sent = json.dumps(body["messages"] + body.get("system", []), ensure_ascii=False)
    for path, part in words:
        if isinstance(part, Text) and part.text.strip():
            assert json.dumps(part.text.rstrip(), ensure_ascii=False)[1:-1] in sent
        if isinstance(part, Reasoning | HiddenReasoning) and path not in paths:
            assert json.dumps(getattr(part, "signature", None) or getattr(part, "data", "")) in sent
        if isinstance(part, ToolCall):
            assert json.dumps(part.name) in sent
    for name in ("seed", "presence_penalty", "frequency_penalty", "user"):
        assert (getattr(chat, name) is not None) is (name in paths)
    said = body.get("inferenceConfig", {})
    assert said.get("topP") == chat.top_p
    assert said.get("temperature") == chat.temperature or "temperature" in paths
    assert said.get("maxTokens") == chat.max_output_tokens or "max_output_tokens" in paths
    assert (chat.format is None) is ("textFormat" not in body.get("outputConfig", {}))
    roles = [message["role"] for message in body["messages"]]
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_media() -> None:
    parts = (
        Text("look", 300),
        Image(media_type="image/jpeg", data="aGk=", detail="low", cache_s=3600),
        Image(url="s3://bucket/a/picture.webp"),
        Document(media_type="application/pdf", data="JVBE", name="a.pdf"),
        Document(media_type="text/plain; charset=utf-8", data="grüße", name="a"),
        Document(url="s3://bucket/report.docx", context="of last year", cites=True),
        Audio("aGk=", "wav"),
    )
    body, told = body_of(Chat(turns=(Turn(Role.USER, parts),)))
    assert body["messages"][0]["content"] == [
        {"text": "look"},
        {"cachePoint": {"type": "default"}},
        {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a/picture.webp"}}}},
        {"document": {"name": "a", "format": "pdf", "source": {"bytes": "JVBE"}}},
        {"document": {"name": "a-2", "format": "txt", "source": {"bytes": "Z3LDvMOfZQ=="}}},
        {
            "document": {
                "name": "document", "format": "docx", "source": {"s3Location": {"uri": "s3://bucket/report.docx"}},
                "context": "of last year", "citations": {"enabled": True},
            }
        },
        {"audio": {"format": "wav", "source": {"bytes": "aGk="}}},
    ]  # fmt: skip
    assert "turns[0].parts[1].detail" in told
    for part in (
        Image(url="https://x/a.png"),
        Document(url="https://x/a.pdf"),
        Image(media_type="image/tiff", data="aGk="),
    ):
        assert "expected" in refused(Chat(turns=(Turn(Role.USER, (part,)),)))


def test_results_of_tools_stand_first_and_ids_are_those_of_their_calls() -> None:
    long = "call_" + "x" * 80 + "/é"
    turns = (
        USER,
        Turn(Role.ASSISTANT, (Text("a"), ToolCall(long, "t", "{"), ToolCall("b", "t", '{"x":1}'))),
        Turn(
            Role.USER,
            (
                Text("and"),
                ToolResult(call_id=long, parts=(Text("r"),), is_error=True),
                ToolResult(call_id="b", parts=()),
            ),
        ),
    )
    body, told = body_of(Chat(turns=turns, tools=(Tool(name="t"),)))
    _, asked, answered = (message["content"] for message in body["messages"])
    (sent_id,) = {asked[1]["toolUse"]["toolUseId"], answered[0]["toolResult"]["toolUseId"]}
    assert len(sent_id) == 64
    assert answered[0]["toolResult"]["status"] == "error"
    assert "status" not in answered[1]["toolResult"]
    assert answered[2] == {"text": "and"}
    assert asked[1]["toolUse"]["input"] == {"arguments": "{"}
    assert told == [Adapted("turns[1].parts[1].arguments", "an object that holds them as text, since they were none")]


def test_choices_of_tools() -> None:
    tool, called = Tool(name="t", cache_s=300), (USER, Turn(Role.ASSISTANT, (ToolCall("1", "u", "{}"),)), USER)
    for choice, expected in (
        (ToolChoice("auto"), {"auto": {}}),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("required", "t"), {"tool": {"name": "t"}}),
    ):
        body, told = body_of(Chat(turns=(USER,), tools=(tool,), tool_choice=choice))
        assert (body["toolConfig"]["toolChoice"], told) == (expected, [])
        assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    body, told = body_of(Chat(turns=(USER,), tools=(tool,), tool_choice=ToolChoice("none")))
    assert "toolConfig" not in body
    assert [type(one) for one in told] == [Adapted]
    body, told = body_of(Chat(turns=called, tools=(tool,), tool_choice=ToolChoice("none"), parallel_tool_calls=False))
    assert told == ["parallel_tool_calls", "tool_choice"]
    body, told = body_of(Chat(turns=called))
    assert [one["toolSpec"]["name"] for one in body["toolConfig"]["tools"]] == ["u"]


def test_thoughts_go_back_to_who_made_them() -> None:
    parts = (
        Reasoning("a", "sig", "bedrock"), Reasoning("b", "sig", "anthropic"), Reasoning("c"), Reasoning("d", "s", "gemini"),
        HiddenReasoning("aGk=", "bedrock"), HiddenReasoning("no base64!", "bedrock"), Refusal("I will not."), Text("e"),
    )  # fmt: skip
    body, told = body_of(Chat(turns=(USER, Turn(Role.ASSISTANT, parts), USER)))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "a", "signature": "sig"}}},
        {"reasoningContent": {"reasoningText": {"text": "b", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "aGk="}},
        {"text": "I will not."},
        {"text": "e"},
    ]
    lost = [one for one in told if not isinstance(one, Adapted)]
    assert lost == ["turns[1].parts[2]", "turns[1].parts[3]", "turns[1].parts[5]"]


def test_what_is_of_one_family_is_said_in_its_form() -> None:
    def additional(model: str, **more: Any) -> Any:
        return body_of(Chat(turns=(USER,), **more), model)[0].get("additionalModelRequestFields")

    claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    for model in (claude, profile):
        assert additional(model, top_k=5) == {"top_k": 5}
        assert additional(model, thinking=Thinking(effort="high")) == {"thinking": {"type": "adaptive"}}
        assert additional(model, thinking=Thinking(is_on=False)) == {"thinking": {"type": "disabled"}}
    assert additional("us.amazon.nova-pro-v1:0", top_k=5) == {"inferenceConfig": {"topK": 5}}
    for model in ("us.amazon.nova-pro-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0", "us.deepseek.r1-v1:0"):
        assert additional(model, thinking=Thinking(effort="high")) is None
        assert additional(model, thinking=Thinking(is_on=False)) is None
        bounded = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
        assert additional(model, thinking=Thinking(budget_tokens=2000)) == bounded  # refused there, not lost


def test_a_system_alone_is_answered_and_nothing_is_nothing() -> None:
    body, _ = body_of(Chat(turns=(Turn(Role.SYSTEM, (Text("be brief"),)), Turn(Role.SYSTEM, (Text("hi"),)))))
    assert body["system"] == [{"text": "be brief"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "hi"}]}]
    assert "with content" in refused(Chat(turns=(Turn(Role.USER, (Text(" "),)),)))


def test_a_name_or_arn_is_one_segment_of_the_path() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v2:1"
    request = msgspec.structs.replace(request_of({}), fields=BEDROCK.fields(Chat(turns=(USER,)))[0])
    path = TRANSLATOR.encode(request, target(arn)).path
    assert (
        path
        == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v2%3A1/converse"
    )
    assert TRANSLATOR.encode(request, target("a b\n../é?#")).path == "/model/ab..%2F%C3%A9%3F%23/converse"


def test_tokens_are_counted_of_what_would_be_sent() -> None:
    fields, _ = BEDROCK.fields(Chat(turns=(USER,), tools=(Tool(name="t"),), temperature=0.5, max_output_tokens=5))
    call = TRANSLATOR.encode_count(msgspec.structs.replace(request_of({}), fields=fields), target())
    body = json.loads(call.body)
    assert request_problems("CountTokens", body) == []
    assert set(body["input"]["converse"]) == {"messages", "toolConfig"}
    assert TRANSLATOR.decode_count(b'{"inputTokens": 3}') == 3
