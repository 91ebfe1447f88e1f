"""`usage`: Anthropic's count of a prompt leaves out what was read from the cache and written to it; ours holds them.

In a stream it comes in parts: what is known at the start, then cumulative counts, of which some are left out.

Source: Usage, MessageDeltaUsage, BetaUsage and BetaIterationsUsage of Anthropic's Python SDK 2.14. What changes a price is
told beside the tokens: `service_tier`, `speed`, `inference_geo`, searches of the web in `server_tool_use`, and in `iterations`
what other models did, or a compaction, whose tokens the counts do not hold. A fetch from the web costs only its tokens.
"""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.anthropic.tier import tier_of
from gateway.dialects.anthropic.wire import is_present
from gateway.dialects.reported import ReportedUsage, Tokens, counts_in
from gateway.values.usage import Counts, Usage

_WORDS = ("service_tier", "speed", "inference_geo")
_NO_WORD = "?"
_SEARCHES = "web_search_requests"
_FREE = frozenset({_SEARCHES, "web_fetch_requests"})  # these are billed by their number, or not at all
_USUAL_ROUND = "message"


class _Details(msgspec.Struct, gc=False):
    thinking_tokens: Tokens = None


class _Written(msgspec.Struct, gc=False):
    ephemeral_1h_input_tokens: Tokens = None


class _Round(msgspec.Struct, gc=False):
    type: str = _USUAL_ROUND


class _Counted(msgspec.Struct, gc=False):
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    cache_creation_input_tokens: Tokens = None
    cache_read_input_tokens: Tokens = None
    output_tokens_details: _Details | None = None
    cache_creation: _Written | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    server_tool_use: dict[str, Tokens] | None = None
    iterations: list[_Round] | None = None


# what may change the price: how it is read, and what stands for what cannot be
_OTHERS: dict[str, tuple[Any, Any]] = {
    "server_tool_use": (dict[str, Tokens], {_NO_WORD: 1}),
    "iterations": (list[_Round], [_Round(_NO_WORD)]),
}
_decode = msgspec.json.Decoder(_Counted).decode
_NOTHING = _Counted()


class UsageReport:
    """Of one answer: what has been told of it so far."""

    def __init__(self) -> None:
        self.is_final = False  # the count of the whole output has come
        self.any_tool = False  # the provider's own tools are at work: what they cost is told at the end
        self._told = _NOTHING
        self._odd = self._any = False

    def add(self, raw: msgspec.Raw, *, final: bool = True) -> None:
        """A `usage` came. A count only grows: a later one that is smaller, or 0, was not counted there; but what a stream
        says of its output at the start is no count.
        """
        if not is_present(raw):
            return
        try:
            more = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            more, self._odd = _as_far_as_it_goes(raw), True
        self._any, before, output = True, self._told, more.output_tokens
        if output is None or not final or self.is_final:
            output = _larger(before.output_tokens, output)
        self.is_final = self.is_final or (final and more.output_tokens is not None)
        self._told = _Counted(
            _larger(before.input_tokens, more.input_tokens),
            output,
            _larger(before.cache_creation_input_tokens, more.cache_creation_input_tokens),
            _larger(before.cache_read_input_tokens, more.cache_read_input_tokens),
            more.output_tokens_details or before.output_tokens_details,
            more.cache_creation or before.cache_creation,
            more.service_tier or before.service_tier,
            more.speed or before.speed,
            more.inference_geo or before.inference_geo,
            _each_larger(before.server_tool_use, more.server_tool_use),
            more.iterations or before.iterations,
        )

    def usage(self) -> ReportedUsage:
        """As it stands. Before the end, and where a part is missing, only what counts there are."""
        told, prompt = self._told, self._prompt()
        if not self._any:
            return ReportedUsage()
        if not self.is_final:
            return ReportedUsage(counts=Counts(prompt, told=self._beside()) if prompt else None, odd=self._odd)
        if not prompt or told.output_tokens is None:
            counts = Counts(prompt or None, told.output_tokens, self._beside())
            return ReportedUsage(counts=counts if counts != Counts() else None, odd=True)
        return ReportedUsage(self._whole(prompt, told.output_tokens), odd=self._odd)

    def so_far(self) -> Usage | None:
        """What a stream says at its start: the prompt, and the output that it had by then."""
        prompt = self._prompt()
        told = self._whole(prompt, self._told.output_tokens or 0) if prompt else None
        return msgspec.structs.replace(told, unpriced=True) if told is not None and self.any_tool else told

    def _beside(self) -> Usage | None:
        """What was told so far, where that is more than tokens."""
        told = self.so_far()
        is_more = told is not None and told != Usage(
            prompt_tokens=told.prompt_tokens, completion_tokens=told.completion_tokens
        )
        return told if is_more else None

    def _prompt(self) -> int | None:
        told = self._told
        if told.input_tokens is None:
            return None
        return told.input_tokens + (told.cache_read_input_tokens or 0) + (told.cache_creation_input_tokens or 0)

    def _whole(self, prompt: int, completion: int) -> Usage:
        told = self._told
        tools, rounds = told.server_tool_use or {}, told.iterations or []
        is_other = any(count for name, count in tools.items() if name not in _FREE)
        asked = max(len(rounds), 1 + sum(count or 0 for count in tools.values()))
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            cached_tokens=told.cache_read_input_tokens,
            cache_write_tokens=told.cache_creation_input_tokens,
            reasoning_tokens=None if told.output_tokens_details is None else told.output_tokens_details.thinking_tokens,
            service_tier=tier_of(told.service_tier, told.speed, told.inference_geo),
            cache_write_1h_tokens=None
            if told.cache_creation is None
            else told.cache_creation.ephemeral_1h_input_tokens or None,
            web_searches=tools.get(_SEARCHES) or None,
            rounds=asked if asked > 1 else None,
            unpriced=is_other or any(one.type != _USUAL_ROUND for one in rounds),
        )


def read_usage(raw: msgspec.Raw) -> ReportedUsage:
    """The usage of a whole answer."""
    report = UsageReport()
    report.add(raw)
    report.is_final = True
    return report.usage()


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _each_larger(
    one: dict[str, int | None] | None, other: dict[str, int | None] | None
) -> dict[str, int | None] | None:
    if one is None or other is None:
        return other if one is None else one
    return {name: _larger(one.get(name), other.get(name)) for name in {**one, **other}}


def _as_far_as_it_goes(raw: msgspec.Raw) -> _Counted:
    """What changes the price and cannot be read leaves it unknown."""
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = msgspec.json.decode(raw)
    said = found if isinstance(found, dict) else {}
    counted: dict[str, Any] = counts_in(said, _Counted)
    for name in (*_WORDS, *_OTHERS):
        counted.pop(name, None)
    for name, kind in (("output_tokens_details", _Details), ("cache_creation", _Written)):
        if name in counted:
            counted[name] = kind(**counts_in(said[name], kind))
    words: dict[str, Any] = {
        name: said[name] if isinstance(said[name], str) else _NO_WORD for name in _WORDS if said.get(name) is not None
    }
    others: dict[str, Any] = {
        name: _read(said[name], kind, unknown)
        for name, (kind, unknown) in _OTHERS.items()
        if said.get(name) is not None
    }
    return _Counted(**counted, **words, **others)


def _read(value: Any, kind: Any, unknown: Any) -> Any:
    with contextlib.suppress(msgspec.ValidationError):
        return msgspec.convert(value, kind)
    return unknown
