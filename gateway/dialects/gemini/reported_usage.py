"""`usageMetadata`: Gemini counts thoughts beside what it answers, and what its own tools fed it beside the prompt; ours hold both.

Source: UsageMetadata of the Gemini API's reference and of google-genai 3.6: `totalTokenCount` is the sum of prompt, candidates,
tool use and thoughts; what is cached is within the prompt. In a stream each event tells it so far. Beside the tokens is told
how it was processed, which changes the price: `serviceTier` (Gemini API), `trafficType` (Vertex AI).
"""

from typing import Any

import msgspec

from gateway.dialects.gemini.wire import is_present
from gateway.dialects.reported import ReportedUsage, Tokens, counts_in
from gateway.values.usage import Counts, Usage

_UNPRICED = "VIDEO"  # of what is generated: its tokens have a price of their own
_USUAL = frozenset({"", "standard", "unspecified", "on_demand", "traffic_type_unspecified"})
_TIER_PREFIXES = ("service_tier_", "on_demand_")
_LONGEST_TIER = 32
OTHER = "other"  # no word: it has no price, and does not get on record


class _Modality(msgspec.Struct, gc=False, rename="camel"):
    modality: str = ""
    token_count: Tokens = None


class _Grounding(msgspec.Struct, gc=False, rename="camel"):
    web_search_queries: list[str] | None = None
    grounding_chunks: list[msgspec.Raw] | None = None


class _Counted(msgspec.Struct, gc=False, rename="camel"):
    prompt_token_count: Tokens = None
    candidates_token_count: Tokens = None
    thoughts_token_count: Tokens = None
    tool_use_prompt_token_count: Tokens = None
    cached_content_token_count: Tokens = None
    total_token_count: Tokens = None
    prompt_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None
    service_tier: str | None = None
    traffic_type: str | None = None


_decode = msgspec.json.Decoder(_Counted).decode
_WORDS, _DETAILS = ("service_tier", "traffic_type"), ("prompt_tokens_details", "candidates_tokens_details")
_grounding = msgspec.json.Decoder(_Grounding).decode
_BY_REQUEST = ("gemini-1", "gemini-2")
_PROMPT = b'"promptTokenCount"'


def is_counted(raw: msgspec.Raw) -> bool:
    """Whether it tells more than how the request is processed."""
    return is_present(raw) and _PROMPT in bytes(raw)


def with_searches(told: ReportedUsage, grounding: msgspec.Raw, model: str | None) -> ReportedUsage:
    """With the searches of Google's own tool, which are billed beside the tokens: by their number, and once a request with
    models before Gemini 3. What other sources cost is not known.
    """
    if told.usage is None or not is_present(grounding):
        return told
    try:
        found = _grounding(grounding)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _Grounding(grounding_chunks=[grounding])
    searches = len(found.web_search_queries or ())
    if not searches:
        unpriced = told.usage.unpriced or bool(found.grounding_chunks)
        return told._replace(usage=msgspec.structs.replace(told.usage, unpriced=unpriced))
    once = (model or "").startswith(_BY_REQUEST)
    return told._replace(usage=msgspec.structs.replace(told.usage, web_searches=1 if once else searches))


def read_usage(raw: msgspec.Raw, *, final: bool = True) -> ReportedUsage:
    """What it says, as far as it can be read. Before the end of a stream only what is known of the prompt."""
    if not is_present(raw):
        return ReportedUsage()
    odd = False
    try:
        told = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told, odd = _as_far_as_it_goes(raw), True
    if not told.prompt_token_count:
        completion = _completion(told) if final and told.candidates_token_count is not None else None
        counts = Counts(None, completion)
        return ReportedUsage(counts=counts if counts != Counts() else None, odd=True)
    usage = _usage(told)
    if not final or (odd and _is_unread(told, raw)):
        so_far = msgspec.structs.replace(
            usage, completion_tokens=0, reasoning_tokens=None, audio_completion_tokens=None
        )
        return ReportedUsage(counts=Counts(usage.prompt_tokens, told=so_far), odd=odd)
    return ReportedUsage(usage, odd=odd)


def _is_unread(told: _Counted, raw: msgspec.Raw) -> bool:
    """Whether something is said of the output that is no count."""
    return told.candidates_token_count is None and b'"candidatesTokenCount"' in bytes(raw)


def _usage(told: _Counted) -> Usage:
    return Usage(
        prompt_tokens=(told.prompt_token_count or 0) + (told.tool_use_prompt_token_count or 0),
        completion_tokens=_completion(told),
        cached_tokens=told.cached_content_token_count,
        reasoning_tokens=told.thoughts_token_count,
        audio_prompt_tokens=_of(told.prompt_tokens_details, "AUDIO"),
        audio_completion_tokens=_of(told.candidates_tokens_details, "AUDIO"),
        image_prompt_tokens=_of(told.prompt_tokens_details, "IMAGE"),
        image_completion_tokens=_of(told.candidates_tokens_details, "IMAGE"),
        service_tier=_tier(told),
        unpriced=_of(told.candidates_tokens_details, _UNPRICED) is not None,
    )


def _completion(told: _Counted) -> int:
    """All that was generated. Some servers count thoughts among the candidates: the total tells."""
    candidates, thoughts = told.candidates_token_count or 0, told.thoughts_token_count or 0
    prompt = (told.prompt_token_count or 0) + (told.tool_use_prompt_token_count or 0)
    is_within = told.total_token_count == prompt + candidates and candidates >= thoughts
    return candidates if is_within else candidates + thoughts


def _of(details: list[_Modality] | None, modality: str) -> int | None:
    return sum(one.token_count or 0 for one in details or () if one.modality == modality) or None


def _tier(told: _Counted) -> str | None:
    """As `flex` or `priority`; None is the usual way."""
    word = (told.service_tier or told.traffic_type or "").lower()
    for prefix in _TIER_PREFIXES:
        word = word.removeprefix(prefix)
    if word in _USUAL:
        return None
    return word if len(word) <= _LONGEST_TIER and word.replace("_", "").isalpha() and word.isascii() else OTHER


def _as_far_as_it_goes(raw: msgspec.Raw) -> _Counted:
    """The counts that are ones; how it was processed, where that is a word."""
    try:
        said: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Counted()
    if not isinstance(said, dict):
        return _Counted()
    named = {one.name: said[one.encode_name] for one in msgspec.structs.fields(_Counted) if one.encode_name in said}
    known: dict[str, Any] = {
        name: count for name, count in counts_in(named, _Counted).items() if name.endswith("_count")
    }
    known |= {name: named[name] if isinstance(named[name], str) else OTHER for name in _WORDS if name in named}
    known |= {name: [_Modality(_UNPRICED, 1)] for name in _DETAILS if name in named}  # of a price that is not known
    return _Counted(**known)
