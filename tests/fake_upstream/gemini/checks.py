"""What the API refuses of a body, in its words, with a status of 400 (INVALID_ARGUMENT)."""

import hashlib
from typing import Any

from tests.fake_upstream.call import BadCall

NOT_SIGNED = "skip_thought_signature_validator"
_MEMBERS = frozenset({
    "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent",
    "serviceTier", "labels", "store",
})  # fmt: skip
_CONFIG = frozenset({
    "maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "seed", "presencePenalty", "frequencyPenalty",
    "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig", "candidateCount", "responseLogprobs",
    "logprobs", "responseModalities", "mediaResolution", "speechConfig", "imageConfig",
})  # fmt: skip
_PART = frozenset({
    "text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
    "codeExecutionResult", "toolCall", "toolResponse",
})  # fmt: skip
_BESIDE = frozenset({"thought", "thoughtSignature"})
_MOST_STOPS = 5


def signature_of(text: str) -> str:
    """What this server signs its thoughts with, and wants back: hexadecimal digits, which are base64 too."""
    return "EjQK" + hashlib.sha256(text.encode()).hexdigest()


def check(fields: dict[str, Any]) -> None:
    """Raises BadCall."""
    for name in fields:
        if name not in _MEMBERS:
            raise BadCall(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    config = fields.get("generationConfig") or {}
    for name in config:
        if name not in _CONFIG:
            raise BadCall(
                f"Invalid JSON payload received. Unknown name \"{name}\" at 'generation_config': Cannot find field."
            )
    _settings(config)
    _contents(fields.get("contents"))
    _tools(fields)


def _settings(config: dict[str, Any]) -> None:
    if not 0 <= config.get("temperature", 1) <= 2:
        raise BadCall("Unable to submit request because it has a temperature value out of range [0, 2].")
    if len(config.get("stopSequences") or ()) > _MOST_STOPS:
        raise BadCall("The number of stop sequences must be at most 5.")
    thinking = config.get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise BadCall("You can only set only one of thinking budget and thinking level.")


def _contents(contents: Any) -> None:
    if not isinstance(contents, list) or not contents:
        raise BadCall("* GenerateContentRequest.contents: contents is not specified")
    called: list[str] = []
    for at, content in enumerate(contents):
        role, parts = content.get("role", "user"), content.get("parts")
        if role not in ("user", "model"):
            raise BadCall("Please use a valid role: user, model.")
        if not parts:
            raise BadCall(f"* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.")
        for part in parts:
            _part(part)
        given = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        if called and len(given) != len(called):
            raise BadCall(
                "Please ensure that the number of function response parts is equal to the number of function call parts of "
                "the function call turn."
            )
        if given and sorted(given) != sorted(called):
            raise BadCall("Please ensure that function response turn comes immediately after a function call turn.")
        calls = [part for part in parts if "functionCall" in part]
        called = [part["functionCall"]["name"] for part in calls]
        if calls and "thoughtSignature" not in calls[0]:
            raise BadCall("Function call is missing a thought_signature in functionCall parts.")


def _part(part: dict[str, Any]) -> None:
    said = part.keys() - _BESIDE
    if not part.keys() <= _PART or len(said) != 1:
        raise BadCall(
            "* GenerateContentRequest.contents.parts.data: required oneof field 'data' must have one initialized field"
        )
    if part.get("text") == "" and "thoughtSignature" not in part:
        raise BadCall("Unable to submit request because it must have a text parameter.")
    signature = part.get("thoughtSignature", NOT_SIGNED)
    if signature != NOT_SIGNED and not (signature.startswith("EjQK") and len(signature) == len(signature_of(""))):
        raise BadCall("Corrupted thought signature.")
    if "functionCall" in part and not isinstance(part["functionCall"].get("args", {}), dict):
        raise BadCall(
            "Invalid value at 'contents.parts.function_call.args' (type.googleapis.com/google.protobuf.Struct)"
        )
    if "functionResponse" in part and not isinstance(part["functionResponse"].get("response"), dict):
        raise BadCall("Invalid value at 'contents.parts.function_response.response'")
    if "inlineData" in part and not part["inlineData"].get("mimeType"):
        raise BadCall("Unable to submit request because it has an empty mimeType.")


def _tools(fields: dict[str, Any]) -> None:
    declared = [one for tool in fields.get("tools") or () for one in tool.get("functionDeclarations", ())]
    names = [one["name"] for one in declared]
    if len(set(names)) < len(names):
        raise BadCall("Duplicate function declaration found.")
    if fields.get("toolConfig") and not fields.get("tools"):
        raise BadCall("Function calling config is set without function_declarations.")
    calling = (fields.get("toolConfig") or {}).get("functionCallingConfig") or {}
    for name in calling.get("allowedFunctionNames") or ():
        if calling.get("mode") != "ANY" or name not in names:
            raise BadCall("allowed_function_names should only be set when the function calling mode is ANY.")
