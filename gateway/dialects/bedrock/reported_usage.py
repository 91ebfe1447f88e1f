"""`usage`: Converse's count of a prompt leaves out what was read from the cache and written to it; ours holds them.

Source: TokenUsage and CacheDetail of Amazon Bedrock Runtime's API (2023-09-30, as of November 2026), and the user guide, "Prompt
caching": all of a prompt is `inputTokens`, `cacheReadInputTokens` and `cacheWriteInputTokens` together. `cacheDetails` are the
writes by how long they are kept. Reasoning is in `outputTokens`, and not told apart.
"""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.bedrock.wire import Tier, is_present
from gateway.dialects.reported import ReportedUsage, Tokens, counts_in
from gateway.values.usage import Counts, Usage

_USUAL_TIERS = frozenset({"default"})
_TIERS = frozenset({"priority", "flex", "reserved"})
_OTHER = "other"  # no word: it has no price, and does not get on record
_LONG = "1h"


class _Detail(msgspec.Struct, gc=False, rename="camel"):
    ttl: str = ""
    input_tokens: Tokens = None


class _Counted(msgspec.Struct, gc=False, rename="camel"):
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    cache_read_input_tokens: Tokens = None
    cache_write_input_tokens: Tokens = None
    cache_details: list[_Detail] | None = None


_decode = msgspec.json.Decoder(_Counted).decode
_NAMES = {name: one for one, name in zip(_Counted.__struct_fields__, _Counted.__struct_encode_fields__, strict=True)}


def read_usage(raw: msgspec.Raw, tier: Tier | None) -> ReportedUsage:
    """The usage of an answer; where a part is missing, what counts there are."""
    if not is_present(raw):
        return ReportedUsage()
    odd = False
    try:
        told = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told, odd = _as_far_as_it_goes(raw), True
    read, written = told.cache_read_input_tokens, told.cache_write_input_tokens
    prompt = None if told.input_tokens is None else told.input_tokens + (read or 0) + (written or 0)
    if not prompt or told.output_tokens is None:
        counts = Counts(prompt or None, told.output_tokens)
        return ReportedUsage(counts=counts if counts != Counts() else None, odd=True)
    long = sum(one.input_tokens or 0 for one in told.cache_details or () if one.ttl == _LONG)
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=told.output_tokens,
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(long, written or 0) or None,
        service_tier=_tier_of(tier),
    )
    return ReportedUsage(usage, odd=odd)


def _tier_of(tier: Tier | None) -> str | None:
    word = None if tier is None else tier.type
    if not word or word in _USUAL_TIERS:
        return None
    return word if word in _TIERS else _OTHER


def _as_far_as_it_goes(raw: msgspec.Raw) -> _Counted:
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = msgspec.json.decode(raw)
    said = {_NAMES[name]: value for name, value in found.items() if name in _NAMES} if isinstance(found, dict) else {}
    details, counted = said.pop("cache_details", None), counts_in(said, _Counted)
    with contextlib.suppress(msgspec.ValidationError):
        counted["cache_details"] = msgspec.convert(details, list[_Detail] | None)
    return _Counted(**counted)
