"""What an answer says beside its parts: where its text has something from, how likely its tokens were, what a filter found.

Source: GroundingMetadata, CitationMetadata, LogprobsResult and SafetyRating of the Gemini API's reference and of google-genai 3.6.
Segments are counted in bytes of the text; citations of a chat in characters.
"""

import contextlib
from typing import Any, TypeVar

import msgspec

from gateway.dialects.gemini.stop import REFUSED
from gateway.dialects.gemini.wire import ABSENT, Candidate, Response, is_present
from gateway.values.chat import Citation, TokenLogprob

T = TypeVar("T")


class _Web(msgspec.Struct, gc=False):
    uri: str | None = None
    title: str | None = None


class _Chunk(msgspec.Struct, gc=False, rename="camel"):
    web: _Web | None = None
    retrieved_context: _Web | None = None
    maps: _Web | None = None


class _Segment(msgspec.Struct, gc=False, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class _Support(msgspec.Struct, gc=False, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Grounding(msgspec.Struct, gc=False, rename="camel"):
    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None


class _Source(msgspec.Struct, gc=False, rename="camel"):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Sources(msgspec.Struct, gc=False, rename="camel"):
    """Vertex AI's name, and the Gemini API's."""

    citations: list[_Source] | None = None
    citation_sources: list[_Source] | None = None


class _Token(msgspec.Struct, gc=False, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Top(msgspec.Struct, gc=False):
    candidates: list[_Token] | None = None


class _Logprobs(msgspec.Struct, gc=False, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_Top] | None = None


class _Rating(msgspec.Struct, gc=False):
    category: str = ""
    blocked: bool = False


_grounding = msgspec.json.Decoder(_Grounding | None)
_sources = msgspec.json.Decoder(_Sources | None)
_logprobs = msgspec.json.Decoder(_Logprobs | None)
_ratings = msgspec.json.Decoder(list[_Rating] | None)
_MOST = 10_000  # citations of an answer


def citations_in(candidate: Candidate, text: str) -> tuple[Citation, ...]:
    """Of a candidate whose text is this. What cannot be read says nothing: the text stands without it."""
    found = _read(_grounding, candidate.grounding_metadata) or _Grounding()
    data = text.encode("utf-8", "surrogatepass")
    chunks = found.grounding_chunks or []
    told: list[Citation] = []
    for support in found.grounding_supports or ():
        segment = support.segment or _Segment()
        for at in support.grounding_chunk_indices or ():
            if 0 <= at < len(chunks) and len(told) < _MOST:
                source = chunks[at].web or chunks[at].retrieved_context or chunks[at].maps or _Web()
                told.append(_citation(source.uri, source.title, segment, data))
    sources = _read(_sources, candidate.citation_metadata) or _Sources()
    told += [
        _citation(one.uri, one.title, _Segment(one.start_index, one.end_index), data)
        for one in (sources.citations or sources.citation_sources or [])[:_MOST]
    ]
    return tuple(one for one in told if one.url or one.title)


def logprobs_in(candidate: Candidate) -> tuple[TokenLogprob, ...]:
    """Of the tokens of a candidate, or of the piece of one."""
    found = _read(_logprobs, candidate.logprobs_result) or _Logprobs()
    top = found.top_candidates or []
    return tuple(
        TokenLogprob(
            one.token,
            one.log_probability,
            top=tuple(TokenLogprob(other.token, other.log_probability) for other in (top[at].candidates or ()))
            if at < len(top)
            else (),
        )
        for at, one in enumerate(found.chosen_candidates or ())
    )


def blocked_for(response: Response, reason: str | None) -> tuple[str, ...]:
    """Why a filter ended it, in Google's words: the reason, where it says more than that one did, and the categories."""
    if reason not in REFUSED and response.blocked() is None:
        return ()
    raws = [one.safety_ratings for one in response.candidates or ()]
    if response.prompt_feedback is not None:
        raws.append(response.prompt_feedback.safety_ratings)
    ratings = [rating for raw in raws for rating in _read(_ratings, raw) or ()]
    named = () if reason is None or reason == "SAFETY" else (reason,)
    return tuple(dict.fromkeys((*named, *(one.category for one in ratings if one.blocked and one.category))))


def written_logprobs(tokens: tuple[TokenLogprob, ...]) -> dict[str, Any]:
    """For a caller."""
    return {
        "chosenCandidates": [_token(one) for one in tokens],
        "topCandidates": [{"candidates": [_token(other) for other in one.top]} for one in tokens],
    }


def written_citations(citations: list[tuple[Citation, int, str]]) -> dict[str, Any]:
    """For a caller: each citation with where its text begins among the bytes of the answer's text, and that text."""
    found = []
    for one, before, text in citations:
        start = 0 if one.start is None else one.start
        end = len(text) if one.end is None else one.end
        place = {"startIndex": before + len(text[:start].encode()), "endIndex": before + len(text[:end].encode())}
        found.append({**place, "uri": one.url or "", **({} if one.title is None else {"title": one.title})})
    return {"citationSources": found}


def _token(one: TokenLogprob) -> dict[str, Any]:
    return {"token": one.token, "logProbability": one.logprob}


def _citation(url: str | None, title: str | None, segment: _Segment, data: bytes) -> Citation:
    start, end = segment.start_index, segment.end_index
    if end is None:
        return Citation(url=url, title=title, quote=segment.text)
    first = _characters(data, start or 0)
    return Citation(url=url, title=title, quote=segment.text, start=first, end=_characters(data, end))


def _characters(data: bytes, until: int) -> int:
    return len(data[: max(until, 0)].decode("utf-8", "ignore"))


def _read(decoder: "msgspec.json.Decoder[T]", raw: msgspec.Raw) -> T | None:
    if raw is ABSENT or not is_present(raw):
        return None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decoder.decode(raw)
    return None
