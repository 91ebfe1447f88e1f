"""What the API refuses of a body, in its words: "FIELD: what is wrong", with a status of 400 (invalid_request_error)."""

import hashlib
from typing import Any

from tests.fake_upstream.call import BadCall

_MEMBERS = frozenset({
    "model", "messages", "max_tokens", "stream", "system", "tools", "tool_choice", "temperature", "top_p", "top_k",
    "stop_sequences", "metadata", "thinking", "output_config", "service_tier", "cache_control", "container", "speed",
    "context_management", "inference_geo", "mcp_servers",
})  # fmt: skip
_COUNTED = frozenset({
    "model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed",
})  # fmt: skip
_BLOCKS = frozenset({
    "text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use",
    "web_search_tool_result",
})  # fmt: skip
LEAST_BUDGET = 1024
HIDDEN = "EmwKAhgBEgy3va3pzix/LafPsn4a"


def signature_of(thinking: str) -> str:
    """What this server signs its thoughts with, and wants back."""
    return "Eq" + hashlib.sha256(thinking.encode()).hexdigest()


def check(fields: dict[str, Any], *, is_count: bool) -> None:
    """Raises BadCall."""
    for name in fields:
        if name not in (_COUNTED if is_count else _MEMBERS):
            raise BadCall(f"{name}: Extra inputs are not permitted")
    if not isinstance(fields.get("model"), str):
        raise BadCall("model: Field required")
    if not is_count:
        _settings(fields)
    _thinking(fields)
    names = [tool.get("name") for tool in fields.get("tools") or ()]
    if len(set(names)) < len(names):
        raise BadCall("tools: Tool names must be unique.")
    for at, tool in enumerate(fields.get("tools") or ()):
        if tool.get("type") in (None, "custom") and tool.get("input_schema", {}).get("type") != "object":
            raise BadCall(f"tools.{at}.custom.input_schema.type: Field required")
    if "tool_choice" in fields and not names:
        raise BadCall("tool_choice: may only be specified while providing tools")
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadCall("messages: at least one message is required")
    for at, message in enumerate(messages):
        _message(message, f"messages.{at}", is_last=at == len(messages) - 1)
    _pairs(messages)


def _settings(fields: dict[str, Any]) -> None:
    most = fields.get("max_tokens")
    if not isinstance(most, int):
        raise BadCall("max_tokens: Field required")
    temperature = fields.get("temperature")
    if temperature is not None and not 0 <= temperature <= 1:
        raise BadCall("temperature: range: 0..1")
    if temperature is not None and fields.get("top_p") is not None:
        raise BadCall("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    for at, one in enumerate(fields.get("stop_sequences") or ()):
        if not one.strip():
            raise BadCall(f"stop_sequences.{at}: each stop sequence must contain non-whitespace")


def _thinking(fields: dict[str, Any]) -> None:
    thinking = fields.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or budget < LEAST_BUDGET:
            raise BadCall("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if "max_tokens" in fields and budget >= fields["max_tokens"]:
            raise BadCall("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if thinking.get("type") in ("enabled", "adaptive"):
        if fields.get("temperature") not in (None, 1):
            raise BadCall("`temperature` may only be set to 1 when thinking is enabled.")
        if (fields.get("tool_choice") or {}).get("type") in ("any", "tool"):
            raise BadCall("Thinking may not be enabled when tool_choice forces tool use.")


def _message(message: dict[str, Any], path: str, *, is_last: bool) -> None:
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        raise BadCall(f"{path}.role: Input should be 'user' or 'assistant'")
    if not content and not (is_last and role == "assistant"):
        raise BadCall(
            f"{path}: all messages must have non-empty content except for the optional final assistant message"
        )
    if isinstance(content, str):
        return
    for at, block in enumerate(content):
        _block(block, f"{path}.content.{at}")


def _block(block: dict[str, Any], path: str) -> None:
    kind = block.get("type")
    if kind not in _BLOCKS:
        raise BadCall(f"{path}.type: Input tag {kind!r} found using 'type' does not match any of the expected tags")
    if kind == "text" and not block["text"].strip():
        raise BadCall(f"{path}.text: text content blocks must contain non-whitespace text")
    if kind == "thinking" and block.get("signature") != signature_of(block.get("thinking", "")):
        raise BadCall(f"{path}: Invalid `signature` in `thinking` block")
    if kind == "redacted_thinking" and block.get("data") != HIDDEN:
        raise BadCall(f"{path}: Invalid `data` in `redacted_thinking` block")
    if kind == "tool_use" and not isinstance(block.get("input"), dict):
        raise BadCall(f"{path}.tool_use.input: Input should be a valid dictionary")
    if kind == "image" and block["source"].get("type") not in ("base64", "url", "file"):
        raise BadCall(f"{path}.image.source: Input tag found using 'type' does not match any of the expected tags")


def _pairs(messages: list[dict[str, Any]]) -> None:
    """A call's result stands in the next message, and a result has a call before it."""
    called: list[str] = []
    for at, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if missing := [one for one in called if one not in given]:
            raise BadCall(
                f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}."
            )
        if unknown := [one for one in given if one not in called]:
            raise BadCall(
                f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {unknown[0]}."
            )
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
