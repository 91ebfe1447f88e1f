"""`logprobs` of a choice. Source: OpenAI's OpenAPI description 2.3.0 (ChatCompletionTokenLogprob)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.values.chat import TokenLogprob


class _Token(msgspec.Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: "list[_Token] | None" = None


class _Logprobs(msgspec.Struct, gc=False):
    content: list[_Token] | None = None


_decode = msgspec.json.Decoder(_Logprobs | None).decode


def logprobs_of(raw: msgspec.Raw) -> tuple[TokenLogprob, ...]:
    """Of the text's tokens. What cannot be read says nothing: the answer stands without it."""
    try:
        found = _decode(raw)
        return () if found is None else tuple(map(_token, found.content or ()))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return ()


def _token(one: _Token) -> TokenLogprob:
    data = None if one.bytes is None else bytes(one.bytes)
    return TokenLogprob(one.token, one.logprob, data, tuple(map(_token, one.top_logprobs or ())))


def logprobs_body(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """None where there are none."""
    if not tokens:
        return None
    content = [{**_body(one), "top_logprobs": [_body(other) for other in one.top]} for one in tokens]
    return {"content": content, "refusal": None}


def _body(one: TokenLogprob) -> dict[str, Any]:
    return {"token": one.token, "logprob": one.logprob, "bytes": None if one.data is None else list(one.data)}
