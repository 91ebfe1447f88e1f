"""`usage`: Anthropic's count of a prompt leaves out what was read from the cache and written to it; ours holds them.

In a stream it comes in parts: what is known at the start, then cumulative counts, of which some are left out.
"""

import contextlib
import re
from typing import Any

import msgspec

from gateway.dialects.anthropic.wire import is_present
from gateway.dialects.reported import ReportedUsage, Tokens, counts_in
from gateway.values.usage import Counts, Usage

_USUAL = frozenset({"standard", "default", "auto", "standard_only"})
_TIER = re.compile("[a-z_]{1,32}")
_WORDS = ("service_tier", "speed")
_OTHER_TIER = "other"  # no word: it has no price, and does not get on record


class _Details(msgspec.Struct, gc=False):
    thinking_tokens: Tokens = None


class _Written(msgspec.Struct, gc=False):
    ephemeral_1h_input_tokens: Tokens = None


class _Counted(msgspec.Struct, gc=False):
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    cache_creation_input_tokens: Tokens = None
    cache_read_input_tokens: Tokens = None
    output_tokens_details: _Details | None = None
    cache_creation: _Written | None = None
    service_tier: str | None = None
    speed: str | None = None


_decode = msgspec.json.Decoder(_Counted).decode
_NOTHING = _Counted()


class UsageReport:
    """Of one answer: what has been told of it so far."""

    def __init__(self) -> None:
        self.is_final = False  # the count of the whole output has come
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
        )

    def usage(self) -> ReportedUsage:
        """As it stands. Before the end, and where a part is missing, only what counts there are."""
        told, prompt = self._told, self._prompt()
        if not self._any:
            return ReportedUsage()
        if not self.is_final:
            return ReportedUsage(counts=Counts(prompt) if prompt else None, odd=self._odd)
        if not prompt or told.output_tokens is None:
            counts = Counts(prompt or None, told.output_tokens)
            return ReportedUsage(counts=counts if counts != Counts() else None, odd=True)
        return ReportedUsage(self._whole(prompt, told.output_tokens), odd=self._odd)

    def so_far(self) -> Usage | None:
        """What a stream says at its start: the prompt, and the output that it had by then."""
        prompt = self._prompt()
        return self._whole(prompt, self._told.output_tokens or 0) if prompt else None

    def _prompt(self) -> int | None:
        told = self._told
        if told.input_tokens is None:
            return None
        return told.input_tokens + (told.cache_read_input_tokens or 0) + (told.cache_creation_input_tokens or 0)

    def _whole(self, prompt: int, completion: int) -> Usage:
        told = self._told
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            cached_tokens=told.cache_read_input_tokens,
            cache_write_tokens=told.cache_creation_input_tokens,
            reasoning_tokens=None if told.output_tokens_details is None else told.output_tokens_details.thinking_tokens,
            service_tier=_unusual(told.service_tier, told.speed),
            cache_write_1h_tokens=None
            if told.cache_creation is None
            else told.cache_creation.ephemeral_1h_input_tokens or None,
        )


def read_usage(raw: msgspec.Raw) -> ReportedUsage:
    """The usage of a whole answer."""
    report = UsageReport()
    report.add(raw)
    report.is_final = True
    return report.usage()


def _unusual(tier: str | None, speed: str | None) -> str | None:
    """How the request was processed where that has a price of its own: a tier (`priority`, `batch`) or a speed (`fast`)."""
    words = [word for word in (tier, speed) if word and word not in _USUAL]
    if not words:
        return None
    word = "_".join(words)
    return word if _TIER.fullmatch(word) else _OTHER_TIER


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _as_far_as_it_goes(raw: msgspec.Raw) -> _Counted:
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = msgspec.json.decode(raw)
    said = found if isinstance(found, dict) else {}
    counted: dict[str, Any] = {name: count for name, count in counts_in(said, _Counted).items() if name not in _WORDS}
    for name, kind in (("output_tokens_details", _Details), ("cache_creation", _Written)):
        if name in counted:
            counted[name] = kind(**counts_in(said[name], kind))
    return _Counted(**counted, **{name: said[name] for name in _WORDS if isinstance(said.get(name), str)})
