"""What providers say in headers: how long to wait, and what their rate limits still allow. As documented by each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.headroom import headroom
from gateway.dialects.waits import reset_s, retry_after_s
from gateway.providers.vendors import VENDORS
from gateway.values.headroom import Headroom, Quota
from gateway.values.surface import Serves

SPEAKING_OPENAI = sorted(
    name for name, vendor in VENDORS.items() if Serves.CHAT in vendor.translators and vendor.chat.name == "openai"
)

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z

OPENAI = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-limit-tokens": "160000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-remaining-tokens": "159976",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-reset-tokens": "6m0s",
}
AZURE = {"x-ratelimit-remaining-requests": "9", "x-ratelimit-remaining-tokens": "9500", "x-ms-region": "East US"}
GROQ = {
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-remaining-tokens": "17997",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-reset-tokens": "7.66s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:01Z",
    "anthropic-ratelimit-tokens-limit": "50000",
    "anthropic-ratelimit-tokens-remaining": "40000",
    "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:12Z",
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (OPENAI, Headroom(Quota(4999, NOW + 0.012), Quota(159_976, NOW + 360))),
        (AZURE, Headroom(Quota(9, NOW + 10), Quota(9500, NOW + 10))),
        (GROQ, Headroom(Quota(14_370, NOW + 179.56), Quota(17_997, NOW + 7.66))),
        (ANTHROPIC, Headroom(Quota(49, NOW + 1), Quota(40_000, NOW + 12))),
        (
            {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1.5s"},
            Headroom(None, Quota(0, NOW + 1.5)),
        ),
        ({"x-ratelimit-remaining-requests": "-1"}, None),
        ({"x-ratelimit-remaining-requests": "many", "x-ratelimit-remaining-tokens": ""}, None),
        ({"content-type": "application/json"}, None),
    ],
    ids=["openai", "azure", "groq", "anthropic", "tokens only", "negative", "nonsense", "none"],
)
@pytest.mark.parametrize("vendor", SPEAKING_OPENAI)
def test_what_is_left(vendor: str, headers: dict[str, str], expected: Headroom | None) -> None:
    assert VENDORS[vendor].translators[Serves.CHAT].headroom(headers, NOW) == expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT", "date": "Thu, 01 Jan 2026 00:00:28 GMT"}, 2.0),
        ({"retry-after": "Wed, 31 Dec 2025 23:59:00 GMT"}, 0.0),
        ({"retry-after-ms": "1234", "retry-after": "2"}, 1.234),
        ({"x-ms-retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "٣"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12ms", 0.012),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400.0),
        ("60", 60.0),
        (str(int(NOW) + 5), 5.0),
        ("2026-01-01T01:00:00+01:00", 0.0),
        ("2025-12-31T00:00:00Z", 0.0),
        ("2026-01-01T00:00:01", None),
        ("s", None),
        ("1s later", None),
        ("", None),
    ],
)
def test_when_it_is_reset(value: str, seconds: float | None) -> None:
    found = reset_s(value, NOW)
    assert found == (seconds if seconds is None else pytest.approx(seconds))


def test_a_rate_limit_without_retry_after_lasts_until_what_is_used_up_is_there_again() -> None:
    headers = {**GROQ, "x-ratelimit-remaining-tokens": "0"}
    failure = VENDORS["openai"].translators[Serves.CHAT].failure(429, headers, b"", NOW)
    assert failure.retry_after_s == pytest.approx(7.66)
    assert VENDORS["openai"].translators[Serves.CHAT].failure(429, GROQ, b"", NOW).retry_after_s is None


names = st.sampled_from(sorted({*OPENAI, *ANTHROPIC, "retry-after", "retry-after-ms", "x-ms-retry-after-ms", "date"}))
values: Any = st.text(max_size=40) | st.from_regex(r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d)?", fullmatch=True)


@given(st.dictionaries(names, values))
def test_whatever_is_said_is_read_or_left(headers: dict[str, str]) -> None:
    wait, found = retry_after_s(headers, NOW), headroom(headers, NOW)
    assert wait is None or wait >= 0
    for quota in () if found is None else (found.requests, found.tokens):
        assert quota is None or (quota.left >= 0 and quota.resets_at >= NOW)
