"""What the API refuses of a body, in its words: (message, param, code)."""

import hashlib
from typing import Any

_MEMBERS = frozenset({
    "model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
    "max_tool_calls", "temperature", "top_p", "text", "reasoning", "store", "metadata", "include", "truncation", "user",
    "safety_identifier", "service_tier", "prompt_cache_key", "stream_options", "top_logprobs", "background",
})  # fmt: skip
_INPUTS = {"user": {"input_text", "input_image", "input_file"}, "assistant": {"output_text", "refusal"}}
_PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}
_WITHOUT = {"function_call_output", "web_search_call", "item_reference"}


class Refused(Exception):
    """Before any behaviour."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


def encrypted(item_id: str) -> str:
    """What this server encrypts its thoughts as, and wants back for the same item."""
    return "gAAAAA" + hashlib.sha256(item_id.encode()).hexdigest()


def check(fields: dict[str, Any]) -> None:
    """Raises Refused."""
    for name in fields:
        if name not in _MEMBERS:
            raise Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if not isinstance(fields.get("model"), str):
        raise Refused("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    most = fields.get("max_output_tokens")
    if most is not None and most < 16:
        raise Refused(
            "Invalid 'max_output_tokens': integer below minimum value.", "max_output_tokens", "integer_below_min_value"
        )
    for at, tool in enumerate(fields.get("tools") or ()):
        if tool.get("type") == "function" and not isinstance(tool.get("name"), str):
            raise Refused(f"Missing required parameter: 'tools[{at}].name'.", f"tools[{at}].name")
    given = fields.get("input")
    if isinstance(given, str):
        return
    if not isinstance(given, list) or not given:
        raise Refused("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    calls: set[str] = set()
    for at, item in enumerate(given):
        _item(item, f"input[{at}]", calls, stored=fields.get("store", True))


def _item(item: dict[str, Any], path: str, calls: set[str], *, stored: bool) -> None:
    kind = item.get("type", "message")
    if kind not in _PREFIXES and kind not in _WITHOUT:
        raise Refused(f"Invalid value: '{kind}'.", f"{path}.type", "invalid_value")
    if "id" in item and kind in _PREFIXES and not str(item["id"]).startswith(_PREFIXES[kind]):
        raise Refused(f"Invalid '{path}.id': Expected an ID that begins with '{_PREFIXES[kind]}'.", f"{path}.id")
    if kind == "message":
        content, allowed = item.get("content"), _INPUTS.get(item["role"], {"input_text"})
        for part in content if isinstance(content, list) else ():
            if part["type"] not in allowed:
                raise Refused(f"Invalid value: '{part['type']}'.", f"{path}.content", "invalid_value")
    elif kind == "function_call":
        calls.add(item["call_id"])
    elif kind == "function_call_output" and item["call_id"] not in calls:
        raise Refused(f"No tool call found for function call output with call_id {item['call_id']}.", "input")
    elif kind == "reasoning":
        if item.get("encrypted_content") is None:
            if not stored:
                raise Refused(
                    f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
                )
        elif item["encrypted_content"] != encrypted(item["id"]):
            message = f"The encrypted content for item {item['id']} could not be verified."
            raise Refused(message, code="invalid_encrypted_content")
