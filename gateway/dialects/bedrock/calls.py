"""Calls to Amazon Bedrock Runtime: where they go, and what they bear. The model's name is a part of the path.

Source: Converse, ConverseStream, InvokeModel, InvokeModelWithResponseStream and CountTokens of its API (2023-09-30, as of November
2026).
"""

import re
from typing import Annotated
from urllib.parse import quote

import msgspec

from gateway.dialects.reported import MOST_TOKENS
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

STREAM = "application/vnd.amazon.eventstream"
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


class _Count(msgspec.Struct, rename="camel"):
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


_decode_count = msgspec.json.Decoder(_Count).decode


def call(request: Request, target: Deployment, verb: str, body: object, *, accept: str = _JSON) -> Call:
    """Of one operation, by the last word of its path."""
    headers = (("content-type", _JSON), ("accept", accept), ("x-request-id", request.id))
    return Call("POST", f"/model/{model_path(target.model)}/{verb}", headers, _encode(body))


def model_path(model: str) -> str:
    """A model's name, or the ARN of one, as one segment."""
    return quote(re.sub(r"[\x00-\x20\x7f]", "", model), safe="-._~")


def counted(body: bytes) -> int:
    """The tokens of a prompt, as CountTokens answers. Raises AttemptFailed."""
    try:
        return _decode_count(body).input_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no count of tokens came") from wrong
