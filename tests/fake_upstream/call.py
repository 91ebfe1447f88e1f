"""A chat completion request, as far as the answers depend on it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

MAX_CHOICES = 128


class BadCall(Exception):
    """The body is no chat completion request; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Call:
    """`text` is the last user text; `id` depends on the body alone; `fields` is the whole body."""

    id: str
    model: str
    stream: bool
    include_usage: bool
    n: int
    text: str
    prompt_tokens: int  # words of all messages, at least 1
    fields: dict[str, Any]


def parse(body: bytes) -> Call:
    """Raises BadCall."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadCall("We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("model"), str):
        raise BadCall("you must provide a model parameter", "model")
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadCall("Missing required parameter: 'messages'.", "messages")
    texts = [(_role(message), _text(message)) for message in messages]
    options = fields.get("stream_options")
    return Call(
        id="chatcmpl-" + hashlib.sha256(body).hexdigest()[:24],
        model=fields["model"],
        stream=fields.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        n=_choices(fields.get("n")),
        text=next((text for role, text in reversed(texts) if role == "user"), ""),
        prompt_tokens=max(1, sum(len(text.split()) for _, text in texts)),
        fields=fields,
    )


def _role(message: object) -> str:
    return str(message.get("role")) if isinstance(message, dict) else ""


def _text(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _choices(n: object) -> int:
    if n is None:
        return 1
    if not isinstance(n, int) or not 1 <= n <= MAX_CHOICES:
        raise BadCall(f"Invalid 'n': expected an integer from 1 to {MAX_CHOICES}.", "n")
    return n
