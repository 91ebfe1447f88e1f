"""Reranking, in the forms of Cohere (v1 and v2), Jina and vLLM, which differ in few members.

Sources: Cohere's Python SDK (V2RerankResponse, ApiMeta) and its API reference "Rerank v2"; Jina's reranker API
(`/v1/rerank`: return_documents, usage); vLLM 0.32 (RerankRequest, RerankResponse: every result has its document).

Whether a result has its document is the caller's choice where it says `return_documents`: it is added from the request, or
taken out, whatever the provider does. Where it says nothing, it gets what the provider gives. All other members of an
answer stay as they are.
"""

from typing import Any

import msgspec

from gateway.dialects.contract import Prepared, Preparer
from gateway.dialects.known_names import repeatable
from gateway.dialects.openai.beside_chat import BesideChat, members_of, read_answer
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.dialects.reported import Tokens
from gateway.dialects.rerank.documents import Documents, as_answered, decode_documents, in_form
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request
from gateway.values.units import Units
from gateway.values.usage import Usage

PATH = "/rerank"
_OURS = "return_documents"  # done here, whoever answers


class _Billed(msgspec.Struct, gc=False):
    search_units: Tokens = None


class _Meta(msgspec.Struct, gc=False):
    billed_units: _Billed | None = None


class _Result(msgspec.Struct, gc=False):
    index: int
    relevance_score: float
    document: msgspec.Raw = ABSENT


class _Answer(msgspec.Struct, gc=False):
    results: list[_Result]
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    meta: msgspec.Raw = ABSENT
    tokens: msgspec.Raw = ABSENT  # SiliconFlow's


_decoder = msgspec.json.Decoder(_Answer)
_meta = msgspec.json.Decoder(_Meta | None).decode
_results = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_count = msgspec.json.Decoder(int | None).decode
_bool = msgspec.json.Decoder(bool | None).decode
_encode = msgspec.json.Encoder().encode


class RerankTranslator(BesideChat, Preparer):
    """`takes`: what the provider takes as a document. `says_documents`: it understands `return_documents`. `beside_api`: it is
    served beside the base URL's `/v1`, at `path`.
    """

    def __init__(
        self,
        takes: Documents = Documents.ANY,
        *,
        says_documents: bool = True,
        path: str = PATH,
        beside_api: bool = False,
        ways: Ways = USUAL,
    ) -> None:
        super().__init__(path, ways)
        self._takes = takes
        self._says_documents = says_documents
        self._beside_api = beside_api
        self.form = ("rerank", takes, says_documents)

    def prepare(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """Its documents in the provider's form. Raises AttemptFailed (field_refused) for one that has none."""
        fields = request.fields
        if not self._says_documents and _OURS in fields:
            fields = {name: raw for name, raw in fields.items() if name != _OURS}
        documents: list[Any] = decode_documents(fields["documents"])
        lost: tuple[str, ...] = ()
        if any(type(one) is dict for one in documents):
            made, lost = in_form(documents, self._takes, pause)
            if made is not documents:
                fields = {**fields, "documents": msgspec.Raw(_encode(made))}
        own = request if fields is request.fields else msgspec.structs.replace(request, fields=fields)
        return Prepared(own, repeatable(lost))

    def encode(self, request: Request, target: Deployment) -> Call:
        """The call of what was prepared."""
        call = super().encode(request, target)
        return msgspec.structs.replace(call, beside_api=True) if self._beside_api else call

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it does not hold a score for each document that was asked for."""
        answer = read_answer(body, _decoder, "list of results")
        documents = decode_documents(request.fields["documents"])
        wanted = min(_count(request.fields.get("top_n", ABSENT)) or len(documents), len(documents))
        _check(answer.results, len(documents), wanted)
        told = read_usage(answer.usage)
        usage = _usage(answer, request)
        return WholeAnswer(
            _in_callers_form(body, answer, documents, wanted, _wants_documents(request)),
            usage,
            answer.model,
            None,
            anomalies=(Anomaly.ODD_USAGE,) if told.odd and told.counts is None else (),
        )


def _check(results: list[_Result], documents: int, wanted: int) -> None:
    if not results:
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without results")
    places = {one.index for one in results}
    if len(places) < len(results) or min(places) < 0 or max(places) >= documents:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an index that no document has, or that two results have")
    if len(results) < wanted:
        raise AttemptFailed(Outcome.TRUNCATED, f"{len(results)} results for {wanted} documents")


def _wants_documents(request: Request) -> bool | None:
    said: bool | None = _bool(request.fields.get(_OURS, ABSENT))
    return said


def _in_callers_form(
    body: bytes,
    answer: _Answer,
    documents: list[Any],
    wanted: int,
    with_documents: bool | None,  # noqa: FBT001 - as the caller says it
) -> bytes:
    """The best first where there are too many; with documents, or without, where the caller says so."""
    has = [is_present(one.document) for one in answer.results]
    fits = with_documents is None or all(one is with_documents for one in has)
    if fits and len(answer.results) <= wanted:
        return body
    members = members_of(body)
    results: list[dict[str, Any]] = [dict(one) for one in _results(members["results"])]
    for result, one, has_document in zip(results, answer.results, has, strict=True):
        if with_documents is True and not has_document:
            result["document"] = as_answered(documents[one.index])
        elif with_documents is False:
            result.pop("document", None)
    if len(results) > wanted:
        best = sorted(range(len(results)), key=lambda at: -answer.results[at].relevance_score)
        results = [results[at] for at in best[:wanted]]
    return _encode({**members, "results": results})


def _usage(answer: _Answer, request: Request) -> Usage:
    """Cohere says search units, the others tokens. What nobody says is estimated by the request."""
    searches, told = _searches(answer.meta), read_usage(answer.usage)
    tokens = told.usage.prompt_tokens if told.usage is not None else told.counts.prompt_tokens if told.counts else None
    tokens = tokens or _total(answer.usage) or _total(answer.tokens)
    if searches is not None:
        return Usage(prompt_tokens=tokens or 0, completion_tokens=0, units=Units(searches=searches))
    estimated = tokens is None
    return Usage(
        prompt_tokens=request.facts.prompt_tokens if tokens is None else tokens,
        completion_tokens=0,
        units=request.facts.units,
        estimated=estimated,
    )


def _searches(meta: msgspec.Raw) -> int | None:
    try:
        said = _meta(meta)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said.billed_units.search_units if said is not None and said.billed_units is not None else None


class _Total(msgspec.Struct, gc=False):
    total_tokens: Tokens = None
    input_tokens: Tokens = None


_decode_total = msgspec.json.Decoder(_Total | None).decode


def _total(usage: msgspec.Raw) -> int | None:
    """All tokens are the prompt's: Jina says no more than how many in all, SiliconFlow has `input_tokens`."""
    try:
        said = _decode_total(usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if said is None else said.input_tokens if said.total_tokens is None else said.total_tokens
