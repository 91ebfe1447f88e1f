"""Waits that a refusal asks for: in its headers, repeated or not, or only in its body."""

import msgspec
import pytest

from gateway.dialects.openai.failure import failure
from gateway.dialects.waits import retry_after_s
from gateway.values.outcome import Outcome

NOW = 1_700_000_000.0
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def waited(error: object, status: int = 429) -> float | None:
    return failure(status, {}, msgspec.json.encode({"error": error}), NOW).retry_after_s


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for x. Please try again in 20s. Visit ...", 20.0),
        ("try again in 1m30s", 90.0),
        ("Please try again in 350ms.", 0.35),
        ("Please retry after 10 seconds.", 10.0),
        ("please try again in 7m12.5s", 432.5),
        ("Please wait 2 minutes", 120.0),
        ("Retry after 1 hour, 5 minutes", 3900.0),
        ("Please retry in 20.135s.", 20.135),
        ("Please try again later", None),
        ("try again in 5 steps", None),
    ],
)
def test_a_wait_in_words(message: str, seconds: float | None) -> None:
    assert waited({"message": message}) == (seconds if seconds is None else pytest.approx(seconds))
    assert waited(message) == (seconds if seconds is None else pytest.approx(seconds))


def test_googles_retry_info() -> None:
    error = {"code": 429, "message": "You exceeded your current quota, check billing", "status": "RESOURCE_EXHAUSTED",
             "details": [{"@type": "x"}, {"@type": RETRY_INFO, "retryDelay": "20s"}]}  # fmt: skip
    assert waited(error) == 20.0
    listed = failure(429, {}, msgspec.json.encode([{"error": error}]), NOW)
    assert (listed.outcome, listed.retry_after_s) == (Outcome.RATE_LIMITED, 20.0)


@pytest.mark.parametrize("value", [str(int((NOW + 30) * 1000)), int((NOW + 30) * 1000), str(int(NOW + 30)), "30"])
def test_openrouters_metadata(value: str | int) -> None:
    assert waited({"code": 429, "message": "m", "metadata": {"headers": {"X-RateLimit-Reset": value}}}) == 30.0


@pytest.mark.parametrize(
    "error", [[], 5, None, {"details": 5}, {"details": [None, {"retryDelay": 3}]}, {"metadata": {"headers": []}}]
)
def test_what_is_no_wait_is_none(error: object) -> None:
    assert waited(error) is None


def test_an_invalid_request_asks_for_no_wait() -> None:
    assert waited({"message": "'wait 5 seconds' is no valid tool; try again in 20s"}, 400) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10, 20", 20.0),
        ("10, 10", 10.0),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:30 GMT, Tue, 14 Nov 2023 22:13:40 GMT", 20.0),
        ("soon, 7", 7.0),
        ("Thu, 99 Foo 2023 22:13:30 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_header_that_came_twice(value: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": value}, NOW) == seconds
