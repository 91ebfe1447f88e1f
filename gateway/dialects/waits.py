"""How long a provider asks to be left alone: every way of saying it that was seen, in seconds.

Sources: RFC 9110 10.2.3 (Retry-After: seconds or a date), OpenAI and Azure (`retry-after-ms`, `x-ms-retry-after-ms`),
OpenAI's durations (`6m0s`, `1.5s`, `12ms`), RFC 3339 dates (Anthropic's resets).
"""

import contextlib
import datetime as dt
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,12})?)(ms|us|µs|[dhms])")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,12})?")
_HTTP_DATE = re.compile(
    r"(?:[A-Za-z]{3,9},? )?[0-9]{1,2}[ -][A-Za-z]{3}[ -][0-9]{2,4} [0-9:]{7,8} (?:GMT|UTC|[+-][0-9]{4})"
)
_EPOCH_FROM = 1e9  # what is larger is a time, not a duration
_IN_SECONDS = (("retry-after-ms", 1e-3), ("x-ms-retry-after-ms", 1e-3), ("retry-after", 1.0))


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, the finest that is said; None if nothing is, or nothing that can be read. `now`: since the epoch."""
    for name, unit in _IN_SECONDS:
        if name in headers and (numbers := _numbers(headers[name])):
            return max(numbers) * unit
    dates = _dates(headers.get("retry-after", ""))
    if not dates:
        return None
    sent = max(_dates(headers.get("date", "")), default=now)  # both by the provider's clock
    return max(max(dates) - sent, 0.0)


def _numbers(value: str) -> list[float]:
    """Those of a header; lines of one name are joined by commas (RFC 9110 5.3), and the longest wait counts."""
    return [float(one) for one in map(str.strip, value.split(",")) if _NUMBER.fullmatch(one)]


def reset_s(value: str, now: float) -> float | None:
    """Seconds until a reset that is said as a duration, a number of seconds, a time since the epoch or a date."""
    value = value.strip()
    if _NUMBER.fullmatch(value):
        number = float(value)
        return number if number < _EPOCH_FROM else max(number - now, 0.0)
    if _DURATION.fullmatch(value):
        return math.fsum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    try:
        date = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if date.tzinfo is None else max(date.timestamp() - now, 0.0)


def _dates(value: str) -> list[float]:
    """HTTP dates, as seconds since the epoch."""
    found: list[float] = []
    for date in _HTTP_DATE.findall(value):
        with contextlib.suppress(ValueError, OverflowError):
            found.append(parsedate_to_datetime(date).timestamp())
    return found
