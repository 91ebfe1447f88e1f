"""What is sent: paths, headers, thinking by the model, schemas in the subset that Gemini heeds, the prompt that is counted."""

import json
from typing import Any

import pytest

from gateway.dialects.anthropic.on_vertex import AnthropicOnVertexTranslator
from gateway.dialects.contract import TokenCounter
from gateway.dialects.gemini import GeminiTranslator
from gateway.dialects.gemini.schema import adapted, is_empty
from gateway.dialects.gemini.thinking import fitted
from gateway.values.outcome import AttemptFailed, Outcome
from tests.dialects.anthropic.support import PLAIN as MESSAGE
from tests.dialects.anthropic.support import request_of as message_request
from tests.dialects.gemini.support import PLAIN, TRANSLATOR, request_of, target

CLAUDE = AnthropicOnVertexTranslator()


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.8-flash", "/models/gemini-3.8-flash"),
        ("tunedModels/mine", "/tunedModels/mine"),
        ("a b?x=1#y", "/models/a%20b%3Fx%3D1%23y"),
        ("gemini@1", "/models/gemini@1"),
    ],
)
def test_the_model_is_in_the_path(model: str, path: str) -> None:
    call = TRANSLATOR.encode(request_of({**PLAIN, "model": "m", "stream": True}), target(model))
    assert (call.method, call.path) == ("POST", f"{path}:generateContent")
    assert json.loads(call.body) == PLAIN
    call = TRANSLATOR.encode(request_of(PLAIN, stream=True), target(model))
    assert call.path == f"{path}:streamGenerateContent?alt=sse"
    assert dict(call.headers)["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("gemini-3.8-flash", {"thinkingLevel": "high"}, {"thinkingLevel": "high"}),
        ("gemini-3.8-flash", {"thinkingBudget": 0}, {"thinkingLevel": "minimal"}),
        ("gemini-4-argon", {"thinkingBudget": 0}, {"thinkingLevel": "low"}),
        ("gemini-3.1-pro-preview", {"thinkingLevel": "minimal"}, {"thinkingLevel": "low"}),
        ("gemini-3.1-pro-preview", {"thinkingBudget": 2000}, {"thinkingBudget": 2000}),
        ("gemini-2.5-flash", {"thinkingLevel": "medium"}, {"thinkingBudget": 8192}),
        ("gemini-2.5-flash", {"thinkingBudget": 0}, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"thinkingBudget": 0}, {"thinkingBudget": 128}),
        ("publishers/google/models/gemini-2.5-pro", {"thinkingLevel": "low"}, {"thinkingBudget": 1024}),
        ("gemini-2.5-pro", {"thinkingLevel": 7}, {"thinkingLevel": 7}),
    ],
)
def test_a_model_is_asked_to_think_in_its_own_words(model: str, asked: dict[str, Any], sent: dict[str, Any]) -> None:
    assert fitted({"includeThoughts": True, **asked}, model) == {"includeThoughts": True, **sent}
    body = {**PLAIN, "generationConfig": {"seed": 1, "thinkingConfig": asked}}
    told = json.loads(TRANSLATOR.encode(request_of(body), target(model)).body)
    assert told["generationConfig"] == {"seed": 1, "thinkingConfig": sent}


def test_the_marker_of_unsigned_calls_is_for_models_that_sign() -> None:
    part = {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"}
    body = {"contents": [{"role": "model", "parts": [part]}]}
    compact = json.dumps(body, separators=(",", ":")).encode()
    for model, is_kept in (("gemini-3.8-flash", True), ("gemini-2.5-flash", False)):
        request = request_of(body)
        request.fields["contents"] = type(request.fields["contents"])(compact[len(b'{"contents":') : -1])
        assert (b"skip_thought" in TRANSLATOR.encode(request, target(model)).body) is is_kept


@pytest.mark.parametrize(
    ("schema", "sent", "is_lost"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, None, False),
        ({"type": "string", "const": "x"}, {"type": "string", "enum": ["x"]}, False),
        ({"type": "string", "pattern": "^a$"}, {"type": "string"}, True),
        ({"type": "array", "items": {"type": "string", "minLength": 1}}, {"type": "array", "items": {"type": "string"}}, True),
        ({"allOf": [{"$ref": "#/definitions/A"}], "definitions": {"A": {"type": "null"}}},
         {"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "null"}}}, False),
        ({"$ref": "#/$defs/A", "description": "d", "$defs": {"A": {"type": "null"}}},
         {"anyOf": [{"$ref": "#/$defs/A"}], "description": "d", "$defs": {"A": {"type": "null"}}}, False),
        ({"properties": {"pattern": {"type": "string"}, "const": {"type": "integer"}}}, None, False),
        ({"not": {"type": "null"}, "if": {}, "default": 3}, {"default": 3}, True),
    ],
)  # fmt: skip
def test_a_schema_is_said_in_the_keywords_that_are_heeded(schema: Any, sent: Any, is_lost: bool) -> None:
    made, lost = adapted(json.dumps(schema))
    assert json.loads(made) == (schema if sent is None else sent)
    assert lost is is_lost


@pytest.mark.parametrize("broken", ["", "{", "[" * 5000, '{"const":' + "[" * 3000, '"const":1'])
def test_a_broken_schema_goes_on_as_it_is(broken: str) -> None:
    assert adapted(broken)[0] == broken
    assert not is_empty(broken)


def test_functions_without_arguments_have_no_schema() -> None:
    assert is_empty('{"type":"object","properties":{},"additionalProperties":false}')
    assert not is_empty('{"type":"object","properties":{"a":{}}}')
    assert not is_empty('{"type":"object","patternProperties":{}}')


def test_only_what_makes_the_prompt_is_counted() -> None:
    body = {**PLAIN, "systemInstruction": {"parts": []}, "tools": [], "safetySettings": [], "serviceTier": "flex"}
    call = TRANSLATOR.encode_count(request_of(body), target())
    assert call.path == "/models/gemini-3.8-flash:countTokens"
    told = json.loads(call.body)["generateContentRequest"]
    assert set(told) == {"model", "contents", "systemInstruction", "tools"}
    assert told["model"] == "models/gemini-3.8-flash"
    on_vertex = json.loads(GeminiTranslator(on_vertex=True).encode_count(request_of(body), target()).body)
    assert set(on_vertex) == {"contents", "systemInstruction", "tools"}
    assert isinstance(TRANSLATOR, TokenCounter)
    assert TRANSLATOR.decode_count(b'{"totalTokens": 31, "promptTokensDetails": []}') == 31
    for wrong in (b"{}", b"", b'{"totalTokens": -1}', b"\xff"):
        with pytest.raises(AttemptFailed) as failed:
            TRANSLATOR.decode_count(wrong)
        assert failed.value.outcome is Outcome.MALFORMED_ANSWER


def test_claude_on_vertex_has_its_model_in_the_path_and_its_version_in_the_body() -> None:
    headers = (("anthropic-version", "2026-10-21"), ("anthropic-beta", "a-2026-01-01"))
    for stream, verb in ((False, "rawPredict"), (True, "streamRawPredict")):
        call = CLAUDE.encode(message_request({**MESSAGE, "stream": stream}, headers), target("claude-opus-5@20260101"))
        assert call.path == f"/models/claude-opus-5@20260101:{verb}"
        rest = {name: value for name, value in MESSAGE.items() if name != "model"}
        assert json.loads(call.body) == {**rest, "stream": stream, "anthropic_version": "vertex-2023-10-16"}
        assert dict(call.headers)["anthropic-beta"] == "a-2026-01-01"
        assert "anthropic-version" not in dict(call.headers)
    call = CLAUDE.encode_count(message_request(MESSAGE), target("claude-opus-5"))
    assert call.path == "/models/count-tokens:rawPredict"
    assert json.loads(call.body)["model"] == "claude-opus-5"


def test_claude_on_vertex_refuses_in_two_forms() -> None:
    googles = b'{"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED"}}'
    anthropics = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert CLAUDE.failure(403, {}, googles, 0.0).outcome is Outcome.CREDENTIAL_REFUSED
    assert CLAUDE.failure(529, {}, anthropics, 0.0).outcome is Outcome.OVERLOADED
    assert CLAUDE.failure(502, {}, b"<html>", 0.0).outcome is Outcome.SERVER_ERROR
