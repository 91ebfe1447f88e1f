"""Errors before an answer. Source: Anthropic, "Errors" and "Rate limits" (2026-11)."""

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.messages.script import error
from tests.fake_upstream.registry import MESSAGES, Act, Behaviour, add, behaviour
from tests.fake_upstream.wire import Headers, as_json

GROUP = "faults"
_ID = ("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy")
ROWS: tuple[tuple[str, int, str, str], ...] = (
    ("invalid_400", 400, "invalid_request_error", "messages.0.content.0.text: Field required"),
    ("too_long_400", 400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    (
        "credit_400", 400, "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    ),
    ("unauthorized_401", 401, "authentication_error", "invalid x-api-key"),
    ("permission_403", 403, "permission_error", "Your API key does not have permission to use this model."),
    ("not_found_404", 404, "not_found_error", "model: claude-nine"),
    ("too_large_413", 413, "request_too_large", "Request exceeds the maximum size"),
    ("error_500", 500, "api_error", "Internal server error"),
    ("overloaded_529", 529, "overloaded_error", "Overloaded"),
)  # fmt: skip


async def refuse(x: Exchange, status: int, kind: str, message: str, headers: Headers = ()) -> None:
    """An error's body with its status."""
    await x.whole(as_json(error(kind, message)), status=status, headers=(*headers, _ID))


def _act(status: int, kind: str, message: str) -> Act:
    async def act(x: Exchange) -> None:
        await refuse(x, status, kind, message)

    return act


for _name, _status, _kind, _message in ROWS:
    _row = Behaviour(
        _name, "both", f"{_status} {_kind}: {_message}", GROUP, None, "", False, _act(_status, _kind, _message)
    )
    add(_row, MESSAGES)


@behaviour("rate_limit_429", "both", default=1, unit="seconds to wait", table=MESSAGES)
async def rate_limit_429(x: Exchange) -> None:
    """The organization's limit is reached; retry-after, and the headers that say what is left."""
    headers = (
        ("retry-after", str(x.parameter)),
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2099-01-01T00:00:00Z"),
    )
    message = "This request would exceed your organization's rate limit of 50 requests per minute."
    await refuse(x, 429, "rate_limit_error", message, headers)
