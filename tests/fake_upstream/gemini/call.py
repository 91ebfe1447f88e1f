"""A request for content, as far as the answers depend on it."""

import hashlib
import json
from typing import Any

from tests.fake_upstream.call import BadCall, Call
from tests.fake_upstream.gemini.checks import check

TOKENS_PER_FILE = 258
TOKENS_PER_TOOL = 10


def parse(body: bytes, model: str, *, stream: bool, is_count: bool) -> Call:
    """Raises BadCall with the words of the API. A token is a word."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadCall("Invalid JSON payload received.") from None
    if not isinstance(fields, dict):
        raise BadCall("Invalid JSON payload received. Root element must be a message.")
    if is_count:
        fields = fields.get("generateContentRequest", fields)
        fields.pop("model", None)
    check(fields)
    return Call(
        id=hashlib.sha256(body).hexdigest()[:22],
        model=model,
        stream=stream,
        include_usage=True,
        n=1,
        text=_last_text(fields["contents"]),
        prompt_tokens=_tokens(fields),
        fields=fields,
    )


def _last_text(contents: list[dict[str, Any]]) -> str:
    """Of the last turn of the user: its own words, what tools gave back, and how many files it holds."""
    turns: list[dict[str, Any]] = []
    for content in reversed(contents):
        if content.get("role") == "model":
            break
        turns.insert(0, content)
    return " ".join(filter(None, (_text(part) for turn in turns for part in turn["parts"])))


def _text(part: dict[str, Any]) -> str:
    if "inlineData" in part:
        return f"[file {part['inlineData']['mimeType']}]"
    if "fileData" in part:
        return f"[file {part['fileData']['fileUri']}]"
    if "functionResponse" in part:
        given = part["functionResponse"]
        name, inner = next(iter(given["response"].items()), ("output", ""))
        files = "".join(f" {_text(one)}" for one in given.get("parts", ()))
        return f"[{'error' if name == 'error' else 'result'} {given['name']} {given.get('id')}: {inner}{files}]"
    return "" if part.get("thought") else str(part.get("text", ""))


def _tokens(fields: dict[str, Any]) -> int:
    parts = [part for content in fields["contents"] for part in content["parts"]]
    parts += (fields.get("systemInstruction") or {}).get("parts", [])
    words = sum(len(str(part.get("text", "")).split()) for part in parts)
    files = sum("inlineData" in part or "fileData" in part for part in parts)
    return max(1, words + TOKENS_PER_FILE * files + TOKENS_PER_TOOL * len(fields.get("tools") or ()))
