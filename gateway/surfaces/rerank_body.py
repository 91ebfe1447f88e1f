"""The bodies of reranking and scoring: checked as far as the gateway must understand them, the facts drawn.

Sources: Cohere's API reference "Rerank v2" (top_n, at most 1,000 documents are recommended, a search unit is a query with up
to 100 documents, a document of more than 500 tokens is several); vLLM 0.32 (RerankRequest, ScoreRequest).
"""

import math
from typing import Any

import msgspec

from gateway.dialects.rerank.score import SIDES
from gateway.http.errors import ApiError
from gateway.providers.fields_beside_chat import uncommon
from gateway.surfaces.body_fields import model_in, number_in, shape
from gateway.surfaces.chat_body import Shape, text_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read, read_list
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause
from gateway.values.surface import Serves
from gateway.values.units import Units

MOST_DOCUMENTS = 10_000
_DOCUMENTS_A_SEARCH = 100
_TOKENS_A_CHUNK = 500  # of a document that counts once
_IMAGE_TOKENS = 765
_VISION = frozenset({Capability.VISION})
_NOTHING: frozenset[Capability] = frozenset()

_Document = str | dict[str, Any]
_query = msgspec.json.Decoder(_Document)
_documents = msgspec.json.Decoder(list[_Document])
_side = msgspec.json.Decoder(_Document | list[_Document])
_bool = msgspec.json.Decoder(bool | None)


def rerank_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    model = model_in(fields)
    query = _tokens(read(fields, "query", _query), pause)
    documents: list[_Document] = read_list(fields, "documents", _documents, pause)
    if not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise invalid("documents", f"1 to {MOST_DOCUMENTS}, found {len(documents)}")
    number_in(fields, "top_n", 0, 2**31)  # 0 is all, as vLLM has it
    optional(fields, "return_documents", _bool)
    if optional(fields, "stream", _bool):
        raise invalid("stream", "false: there is nothing to be streamed")
    each = [_tokens(one, pause) for one in documents]
    chunks = sum(math.ceil((query + one) / _TOKENS_A_CHUNK) for one in each)
    return shape(
        model,
        query * len(each) + sum(each),
        inputs=len(documents),
        needs=_VISION if any(map(_shows, documents)) else _NOTHING,
        units=Units(searches=math.ceil(chunks / _DOCUMENTS_A_SEARCH)),
        longest_prompt_tokens=query + max(each),
        extra=uncommon(fields, Serves.RERANK),
    )


def score_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    model = model_in(fields)
    names = next((pair for pair in SIDES if pair[0] in fields), SIDES[-1])
    first, second = (_inputs(fields, name, pause) for name in names)
    if len(first) not in (1, len(second)):
        raise invalid(names[0], f"one, or as many as {names[1]!r}, found {len(first)} and {len(second)}")
    left = sum(first) if len(first) > 1 else first[0] * len(second)
    return shape(
        model,
        left + sum(second),
        inputs=len(second),
        longest_prompt_tokens=max(first) + max(second),
        extra=uncommon(fields, Serves.SCORE),
    )


def _inputs(fields: Fields, name: str, pause: Pause) -> list[int]:
    """Tokens of each."""
    if name not in fields:
        known = " or ".join(f"{one!r} and {two!r}" for one, two in SIDES)
        raise ApiError(400, "missing_required_parameter", f"Missing required parameter: {name!r}: {known}.", param=name)
    given = read(fields, name, _side)
    every = given if isinstance(given, list) else [given]
    if not 1 <= len(every) <= MOST_DOCUMENTS:
        raise invalid(name, f"1 to {MOST_DOCUMENTS}, found {len(every)}")
    return [_tokens(one, pause) for one in every]


def _tokens(one: _Document, pause: Pause) -> int:
    """Text by its length, whatever its member is called; an image by a usual count."""
    if isinstance(one, str):
        return text_tokens(one, pause)
    if _shows(one):
        return _IMAGE_TOKENS
    return sum(text_tokens(value, pause) for value in one.values() if isinstance(value, str)) + _of_content(one, pause)


def _of_content(one: dict[str, Any], pause: Pause) -> int:
    content = one.get("content")
    parts = content if isinstance(content, list) else []
    texts = (part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
    return sum(text_tokens(text, pause) for text in texts)


def _shows(one: _Document) -> bool:
    """Whether it is, or holds, an image."""
    if isinstance(one, str):
        return False
    content = one.get("content")
    parts = content if isinstance(content, list) else []
    return "image" in one or any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)
