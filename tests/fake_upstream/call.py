"""A request, as far as the answers depend on it: a chat, prompts to complete, or inputs to embed."""

import enum
import hashlib
import json
from dataclasses import dataclass
from typing import Any

MAX_CHOICES = 128


class Kind(enum.Enum):
    """What was asked for; the value is the path."""

    CHAT = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    EMBEDDINGS = "/v1/embeddings"


class BadCall(Exception):
    """The body is no such request; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True)
class Call:
    """`text` is the last user text, or the first prompt; `id` depends on the body alone; `fields` is the whole body.

    `n` counts all choices: of completions, those of each prompt together.
    """

    id: str
    model: str
    stream: bool
    include_usage: bool
    n: int
    text: str
    prompt_tokens: int  # words of all messages, at least 1
    fields: dict[str, Any]
    kind: Kind = Kind.CHAT
    texts: tuple[str, ...] = ()  # beside chat: each prompt or input, tokens as their numbers


def parse(body: bytes, kind: Kind = Kind.CHAT) -> Call:
    """Raises BadCall."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadCall("We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("model"), str):
        raise BadCall("you must provide a model parameter", "model")
    return _chat(body, fields) if kind is Kind.CHAT else _texts_call(body, fields, kind)


def _texts_call(body: bytes, fields: dict[str, Any], kind: Kind) -> Call:
    name, prefix = ("prompt", "cmpl-") if kind is Kind.COMPLETIONS else ("input", "embd-")
    texts = _texts(fields.get(name, "<|endoftext|>" if kind is Kind.COMPLETIONS else None), name)
    options = fields.get("stream_options")
    return Call(
        id=prefix + hashlib.sha256(body).hexdigest()[:24],
        model=fields["model"],
        stream=kind is Kind.COMPLETIONS and fields.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        n=_choices(fields.get("n")) * len(texts) if kind is Kind.COMPLETIONS else 1,
        text=texts[0],
        prompt_tokens=max(1, sum(len(text.split()) for text in texts)),
        fields=fields,
        kind=kind,
        texts=texts,
    )


def _texts(given: object, name: str) -> tuple[str, ...]:
    """A text, texts, tokens or lists of tokens."""
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list) or not given:
        raise BadCall(f"Missing required parameter: '{name}'.", name)
    if all(isinstance(one, str) for one in given):
        return tuple(given)
    if all(isinstance(one, int) for one in given):
        return (" ".join(map(str, given)),)
    if all(isinstance(one, list) and one and all(isinstance(token, int) for token in one) for one in given):
        return tuple(" ".join(map(str, one)) for one in given)
    raise BadCall(f"'{name}' is neither texts nor tokens.", name)


def _chat(body: bytes, fields: dict[str, Any]) -> Call:
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
