"""A server that says that it is full has not failed: vLLM's queue limit, early or late, and a proxy's 503."""

import pytest

from gateway.learning.latency import LatencyModel
from gateway.providers.vendors import VENDORS
from gateway.values.outcome import Outcome
from gateway.values.surface import Serves
from tests.learning.attempts import attempt

SPEAKING_OPENAI = sorted(
    name for name, vendor in VENDORS.items() if Serves.CHAT in vendor.translators and vendor.chat.name == "openai"
)

BODIES = [
    b'{"error":{"message":"The request queue is full.","type":"ServiceUnavailableError","param":null,"code":503}}',
    b'{"error":{"message":"Too many queued prompt tokens: the context length of all is above the limit","code":503}}',
    b'{"detail":"Service Unavailable"}',
    b"<html>503</html>",
    b"",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("vendor", SPEAKING_OPENAI)
def test_503_that_says_when_to_come_back_is_overload(vendor: str, body: bytes) -> None:
    found = VENDORS[vendor].translators[Serves.CHAT].failure(503, {"retry-after": "2"}, body, 0.0)
    assert (found.outcome, found.status, found.retry_after_s) == (Outcome.OVERLOADED, 503, 2.0)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("vendor", SPEAKING_OPENAI)
def test_503_alone_is_overload_only_if_its_body_says_so(vendor: str, body: bytes) -> None:
    says_so = b"queue" in body
    found = VENDORS[vendor].translators[Serves.CHAT].failure(503, {}, body, 0.0)
    assert found.outcome is (Outcome.OVERLOADED if says_so else Outcome.SERVER_ERROR)
    assert VENDORS[vendor].translators[Serves.CHAT].failure(529, {}, body, 0.0).outcome is Outcome.OVERLOADED


QUOTA = (
    b'{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","code":"%s"}}'
)


@pytest.mark.parametrize(
    ("code", "headers", "outcome"),
    [
        ("insufficient_quota", {"retry-after": "5"}, Outcome.QUOTA_EXHAUSTED),
        ("", {}, Outcome.QUOTA_EXHAUSTED),
        ("", {"retry-after": "5"}, Outcome.RATE_LIMITED),
        ("rate_limit_exceeded", {}, Outcome.RATE_LIMITED),
    ],
)
@pytest.mark.parametrize("vendor", SPEAKING_OPENAI)
def test_429_is_of_a_rate_where_waiting_helps(
    vendor: str, code: str, headers: dict[str, str], outcome: Outcome
) -> None:
    if (vendor, code) == ("alibaba", "insufficient_quota"):
        outcome = Outcome.RATE_LIMITED  # its word for tokens a minute
    assert VENDORS[vendor].translators[Serves.CHAT].failure(429, headers, QUOTA % code.encode(), 0.0).outcome is outcome


def test_a_late_refusal_teaches_nothing_of_the_time_to_first_output() -> None:
    model = LatencyModel()
    model.learn(attempt(first_output_s=0.2), stream=True, prompt_tokens=10.0, output_tokens=5.0, now=1000.0)
    before = model.latency
    late = attempt(Outcome.OVERLOADED, duration_s=9.0)
    model.learn(late, stream=True, prompt_tokens=10.0, output_tokens=5.0, now=1001.0)
    assert model.latency == before
