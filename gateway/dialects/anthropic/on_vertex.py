"""Anthropic's models on Google's Vertex AI: the same dialect, asked otherwise.

Source: Anthropic, "Claude on Vertex AI" (November 2026), and its Python SDK 2.14: the model and whether it streams are in the path,
the API's version in the body; tokens are counted by a model of that name. What stands before the model refuses in Google's form.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.gemini.failure import failure as googles_failure
from gateway.dialects.gemini.failure import is_googles
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request

VERSION = "vertex-2023-10-16"
_VERSION_HEADER = "anthropic-version"
_MODEL = frozenset({"model"})
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class AnthropicOnVertexTranslator(AnthropicTranslator):
    """A deployment's base URL ends with `/publishers/anthropic`, after the project and the place."""

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body without the model's name, to the target's model."""
        verb = "streamRawPredict" if request.facts.stream else "rawPredict"
        return _on_vertex(
            super().encode(request, target), f"/models/{quote(target.model, safe='@')}:{verb}", drops=_MODEL
        )

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted; here the model's name is in the body."""
        return _on_vertex(super().encode_count(request, target), "/models/count-tokens:rawPredict")

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means, in Google's form or Anthropic's."""
        of_google = is_googles(body)
        return googles_failure(status, headers, body, now) if of_google else super().failure(status, headers, body, now)


def _on_vertex(call: Call, path: str, *, drops: frozenset[str] = frozenset()) -> Call:
    members = {name: raw for name, raw in _members(call.body).items() if name not in drops}
    body = _encode({**members, "anthropic_version": VERSION})
    headers = tuple(one for one in call.headers if one[0] != _VERSION_HEADER)
    return msgspec.structs.replace(call, path=path, headers=headers, body=body)
