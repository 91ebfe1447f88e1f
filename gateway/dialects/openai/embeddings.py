"""Embeddings of the OpenAI dialect: one vector for each input, in order.

Source: OpenAI's OpenAPI description 2.3.0 (CreateEmbeddingRequest, -Response), and what vLLM 0.32 was seen to send. A
request with more inputs than a provider takes at once is asked in parts; vectors are passed on as they came, so that
base64 and numbers stay bit for bit what the provider said.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai.failure import failure
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.request import encode_to
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

PATH = "/embeddings"


class _Vector(msgspec.Struct, gc=False):
    embedding: msgspec.Raw = ABSENT
    index: int | None = None


class _Body(msgspec.Struct, gc=False):
    data: list[_Vector] | None = None
    usage: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT


class _Parts(msgspec.Struct, gc=False):
    data: list[dict[str, msgspec.Raw]]
    usage: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(_Body).decode
_decode_part = msgspec.json.Decoder(_Parts).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class EmbeddingsTranslator:
    """The verbs; there are no streams. `most_inputs`: how many the vendor takes in one request; None: any number."""

    def __init__(self, most_inputs: int | None = None) -> None:
        self.most_inputs = most_inputs

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name."""
        return encode_to(PATH, request, target, ask_usage=False)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it is none, or does not hold a vector for each input."""
        if not body.strip():
            raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
        try:
            parsed = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no list of embeddings") from None
        if is_present(parsed.error):
            raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a 2xx whose body holds an error")
        vectors = parsed.data
        if not vectors:
            raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without embeddings")
        if not all(is_present(one.embedding) for one in vectors):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an entry without an embedding")
        wanted = request.inputs
        if len(vectors) != wanted or any(one.index not in (None, at) for at, one in enumerate(vectors)):
            raise AttemptFailed(Outcome.TRUNCATED, f"{len(vectors)} embeddings for {wanted} inputs, or out of order")
        told = read_usage(parsed.usage)
        anomalies = (Anomaly.ODD_USAGE,) if told.odd else ()
        return WholeAnswer(body, told.usage, parsed.model, None, told.counts, anomalies)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """There is none."""
        raise TypeError("embeddings are not streamed")

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now)

    def parts(self, request: Request, most_inputs: int) -> list[Request]:
        """The request as several, of at most so many inputs each, in order; itself alone if it has no more."""
        if request.inputs <= most_inputs:
            return [request]
        inputs, facts = _list(request.fields["input"]), request.facts
        made = []
        for at in range(0, len(inputs), most_inputs):
            some = inputs[at : at + most_inputs]
            tokens = max(facts.prompt_tokens * len(some) // len(inputs), 1)
            made.append(
                msgspec.structs.replace(
                    request,
                    fields={**request.fields, "input": msgspec.Raw(_encode(some))},
                    inputs=len(some),
                    facts=msgspec.structs.replace(facts, prompt_tokens=tokens),
                )
            )
        return made

    def join(self, bodies: Sequence[bytes]) -> bytes:
        """The answers to the parts as one: vectors in order under new numbers, usage added up where each part has one."""
        whole = _members(bodies[0])
        vectors: list[dict[str, Any]] = []
        usages: list[dict[str, Any] | None] = []
        for body in bodies:
            part = _decode_part(body)
            vectors += [{**vector, "index": len(vectors) + at} for at, vector in enumerate(part.data)]
            usages.append(_counts(part.usage))
        joined: dict[str, Any] = {**whole, "data": vectors}
        if all(usage is not None for usage in usages):
            joined["usage"] = _sum([usage for usage in usages if usage is not None])
        else:
            joined.pop("usage", None)
        return _encode(joined)


def _counts(usage: msgspec.Raw) -> dict[str, Any] | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found: Any = msgspec.json.decode(usage)
        return found if isinstance(found, dict) else None
    return None


def _sum(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the members that are counts in each."""
    names = [name for name in usages[0] if all(type(usage.get(name)) is int for usage in usages)]
    return {name: sum(usage[name] for usage in usages) for name in names}
