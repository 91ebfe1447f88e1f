"""Embeddings of the OpenAI dialect: one vector for each input, in order.

Source: OpenAI's OpenAPI description 2.3.0 (CreateEmbeddingRequest, -Response), and what vLLM 0.32 was seen to send. A
request with more than a provider takes at once is asked in parts. Vectors are passed on as they came, so that base64 and
numbers stay bit for bit what the provider said; only those that came in another order than their `index` says, or in the
other form, are put in order.
"""

import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai.failure import failure, failure_in_answer
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.openai.joined_vectors import JoinedVectors
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.request import encode_to
from gateway.dialects.openai.vector_lists import Members, read_list, write_list
from gateway.dialects.openai.vectors import NotAVector, Vector, read_vector
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request

PATH = "/embeddings"
_PART_BYTES = 44 * 1024 * 1024  # of an answer, as far as can be said before; the transport takes 64 MiB
_MOST_NUMBERS = 4096  # of a vector, where the caller does not say
_BYTES_A_NUMBER = 22  # a float32 as JSON writes it
_BYTES_A_PACKED = 16 / 3
_BYTES_A_TOKEN = 3  # of text, at least
_MAY_BE_NULL = ("encoding_format", "dimensions", "user")  # vLLM refuses some of them where they are null
_OTHER_NUMBERS = ("embed_dtype", "endianness")  # vLLM's: the base64 holds no little-endian float32
_AT = re.compile(r"\b(inputs?\[)([0-9]{1,6})(?=\])")

_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str | None).decode
_count = msgspec.json.Decoder(int | None).decode
_encode = msgspec.json.Encoder().encode
_NULL = b"null"


class EmbeddingsTranslator:
    """The verbs; there are no streams. `most_inputs`, `most_tokens`: what the vendor takes in one request; None: any number.
    `ways` as `OpenAITranslator` has them.
    """

    def __init__(self, most_inputs: int | None = None, most_tokens: int | None = None, ways: Ways = USUAL) -> None:
        self._most_inputs = most_inputs
        self._most_tokens = most_tokens
        self._ways = ways

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name, less what is null: it asks for nothing."""
        fields = request.fields
        if any(bytes(fields.get(name, b"")) == _NULL for name in _MAY_BE_NULL):
            fields = {name: raw for name, raw in fields.items() if name not in _MAY_BE_NULL or bytes(raw) != _NULL}
            request = msgspec.structs.replace(request, fields=fields)
        return encode_to(PATH, request, target, ask_usage=False, ways=self._ways)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it is none, or does not hold a vector for each input."""
        return self.decode_in_steps(body, request, no_pause)

    def decode_in_steps(self, body: bytes, request: Request, pause: Pause) -> WholeAnswer:
        """The same of a long body; `pause` is called between two steps."""
        if not body.strip():
            raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
        try:
            members, entries = read_list(body, pause)
            model = _text(members.get("model", ABSENT))
            order = _order([_count(entry.get("index", ABSENT)) for entry in entries])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no list of embeddings") from None
        if is_present(members.get("error", ABSENT)):
            raise failure_in_answer(body, self._ways.codes, "a 2xx whose body holds an error")
        if not entries:
            raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without embeddings")
        if len(entries) != request.inputs:
            raise AttemptFailed(Outcome.TRUNCATED, f"{len(entries)} embeddings for {request.inputs} inputs")
        if order is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an index that is missing, or that two embeddings have")
        changed = _put_in_form(entries, request, pause)
        if order != list(range(len(entries))):
            changed, entries = True, _placed(entries, order)
        told = read_usage(members.get("usage", ABSENT), convention=self._ways.usage)
        odd = {Anomaly.VECTORS_PUT_IN_ORDER: changed, Anomaly.ODD_USAGE: told.odd}
        anomalies = tuple(one for one, found in odd.items() if found)
        whole = write_list(members, entries, pause) if changed else body
        return WholeAnswer(whole, told.usage, model, None, told.counts, anomalies)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """There is none."""
        raise TypeError("embeddings are not streamed")

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now, self._ways)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now, self._ways.rate_headers)

    def most(self, request: Request) -> tuple[int, int | None]:
        """How many inputs, and tokens, of this request are asked at once: what the vendor takes, and less where the answer
        would be larger than one that is read.
        """
        numbers = _count(request.fields.get("dimensions", ABSENT)) or _MOST_NUMBERS
        each = numbers * (_BYTES_A_PACKED if _wants_base64(request) else _BYTES_A_NUMBER)
        fit = max(int(_PART_BYTES / each), 1)
        return fit if self._most_inputs is None else min(fit, self._most_inputs), self._most_tokens

    def parts(self, request: Request, most_inputs: int, most_tokens: int | None = None) -> list[Request]:
        """The request as several, of at most so many inputs, and about so many tokens, each, in order; itself alone if it
        has no more.
        """
        if request.inputs == 1 or (
            request.inputs <= most_inputs and (most_tokens is None or request.facts.prompt_tokens <= most_tokens)
        ):
            return [request]
        inputs, facts = _list(request.fields["input"]), request.facts
        made = []
        for some in _groups(inputs, most_inputs, most_tokens):
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

    def joiner(self) -> JoinedVectors:
        """For the answers to the parts."""
        return JoinedVectors()

    def of_whole(self, failed: AttemptFailed, before: int) -> AttemptFailed:
        """What a provider says of an input of a part, said of the whole request: so many inputs are before that part."""
        return AttemptFailed(
            failed.outcome,
            failed.detail,
            status=failed.status,
            message=_moved(failed.message, before),
            param=_moved(failed.param, before),
            code=failed.code,
            retry_after_s=failed.retry_after_s,
        )


def _moved(words: str | None, by: int) -> str | None:
    return words and _AT.sub(lambda found: f"{found[1]}{int(found[2]) + by}", words)


def _groups(inputs: list[msgspec.Raw], most_inputs: int, most_tokens: int | None) -> list[list[msgspec.Raw]]:
    groups: list[list[msgspec.Raw]] = [[]]
    held = 0
    for one in inputs:
        tokens = 0 if most_tokens is None else _most_tokens(one)
        if groups[-1] and (len(groups[-1]) >= most_inputs or (most_tokens is not None and held + tokens > most_tokens)):
            groups.append([])
            held = 0
        groups[-1].append(one)
        held += tokens
    return groups


def _most_tokens(one: msgspec.Raw) -> int:
    """Of one input: text by its bytes, tokens by their number."""
    written = bytes(one)
    return written.count(b",") + 1 if written.startswith(b"[") else len(written) // _BYTES_A_TOKEN + 1


def _wants_base64(request: Request) -> bool:
    wanted: str | None = _text(request.fields.get("encoding_format", ABSENT))
    return wanted == "base64"


def _order(indexes: list[int | None]) -> list[int] | None:
    """The place of each entry; where none is said, its own. None where that makes no order."""
    places = [at if index is None else index for at, index in enumerate(indexes)]
    return places if len(set(places)) == len(places) and set(places) <= set(range(len(places))) else None


def _placed(entries: list[Members], order: list[int]) -> list[Members]:
    placed = dict(zip(order, entries, strict=True))
    return [placed[at] for at in range(len(entries))]


def _put_in_form(entries: list[Members], request: Request, pause: Pause) -> bool:
    """Have each entry's vector in the form that was asked for. True if one had another. Raises AttemptFailed."""
    if any(name in request.fields for name in _OTHER_NUMBERS):
        if not all(is_present(entry.get("embedding", ABSENT)) for entry in entries):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an entry without an embedding")
        return False
    size, base64, changed = _count(request.fields.get("dimensions", ABSENT)), _wants_base64(request), False
    for entry in entries:
        vector = _vector(entry, base64=base64)
        if size is not None and vector.size != size:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"a vector of {vector.size} numbers in place of {size}")
        size = vector.size
        if vector.is_changed:
            entry["embedding"], changed = vector.written, True
        pause()
    return changed


def _vector(entry: Members, *, base64: bool) -> Vector:
    try:
        return read_vector(entry.get("embedding", ABSENT), base64=base64)
    except NotAVector as no:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, str(no)) from None
