"""How long a refusal's body asks to be left alone, in seconds, where no header says it.

Sources: Google (`error.details[]`, `google.rpc.RetryInfo.retryDelay`, "20s"), OpenRouter
(`error.metadata.headers["X-RateLimit-Reset"]`, milliseconds since the epoch), and the sentences of OpenAI, Azure and others.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.dialects.waits import reset_s

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNIT = r"(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
_PART = re.compile(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?)\s?{_UNIT}")
_SAID = re.compile(rf"\b(?:again|retry|wait)\s(?:in|after|for|at least)?\s?((?:{_PART.pattern}[\s,]{{0,2}})+)")
_MILLISECONDS_FROM = 1e12  # what is larger, of a time since the epoch


def said_wait_s(body: bytes, now: float) -> float | None:
    """The longest that is said; None if nothing is, or nothing that can be read. `now`: since the epoch."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _in_words(body[:4096].decode("utf-8", "replace"))
    one = parsed[0] if isinstance(parsed, list) and parsed else parsed
    error = one.get("error", one) if isinstance(one, dict) else one
    if isinstance(error, str):
        return _in_words(error)
    if not isinstance(error, dict):
        return None
    found = [*_in_details(error.get("details"), now), *_in_metadata(error.get("metadata"), now)]
    if not found and isinstance(message := error.get("message"), str):
        return _in_words(message)
    return max(found, default=None)


def _in_details(details: Any, now: float) -> Iterator[float]:
    for detail in details[:20] if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (seconds := reset_s(delay, now)) is not None:
            yield seconds


def _in_metadata(metadata: Any, now: float) -> Iterator[float]:
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if str(name).lower() not in {"x-ratelimit-reset", "retry-after"} or not isinstance(value, str | int | float):
            continue
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        text = str(number / 1e3) if number >= _MILLISECONDS_FROM else str(value)
        if (seconds := reset_s(text, now)) is not None:
            yield seconds


def _in_words(text: str) -> float | None:
    """As in "... try again in 1m30s" or "Please retry after 10 seconds"."""
    said = _SAID.search(text[:4096].lower())
    if said is None:
        return None
    return sum(float(number) * _unit_s(unit) for number, unit in _PART.findall(said[1]))


def _unit_s(unit: str) -> float:
    return _UNITS["ms"] if unit.startswith(("ms", "milli")) else _UNITS[unit[0]]
