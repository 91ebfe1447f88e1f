"""Errors before an answer. Source: the Gemini API's error codes, google.rpc, and what the API was reported to say (2026-11)."""

from typing import Any

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.gemini.script import error
from tests.fake_upstream.registry import GEMINI, Act, Behaviour, add, behaviour
from tests.fake_upstream.wire import as_json

GROUP = "faults"
_RPC = "type.googleapis.com/google.rpc."
_KEY = {"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
_MODEL = "models/gemini-nine is not found for API version v1beta, or is not supported for generateContent."
_LONG = "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."
ROWS: tuple[tuple[str, int, str, str, tuple[dict[str, Any], ...]], ...] = (
    ("invalid_400", 400, "INVALID_ARGUMENT", "Request contains an invalid argument.", ()),
    ("too_long_400", 400, "INVALID_ARGUMENT", _LONG, ()),
    ("key_400", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", (_KEY,)),
    ("place_400", 400, "FAILED_PRECONDITION", "User location is not supported for the API use.", ()),
    ("permission_403", 403, "PERMISSION_DENIED", "The caller does not have permission", ()),
    ("not_found_404", 404, "NOT_FOUND", _MODEL, ()),
    ("error_500", 500, "INTERNAL", "An internal error has occurred.", ()),
    ("overloaded_503", 503, "UNAVAILABLE", "The model is overloaded. Please try again later.", ()),
)


def quota(quota_id: str) -> dict[str, Any]:
    """Which one is used up."""
    return {"@type": f"{_RPC}QuotaFailure", "violations": [{"quotaId": quota_id, "quotaValue": "10"}]}


async def refuse(x: Exchange, status: int, word: str, message: str, *details: dict[str, Any]) -> None:
    """An error's body with its status."""
    await x.whole(as_json(error(status, word, message, *details)), status=status)


def _act(status: int, word: str, message: str, details: tuple[dict[str, Any], ...]) -> Act:
    async def act(x: Exchange) -> None:
        await refuse(x, status, word, message, *details)

    return act


for _name, _status, _word, _message, _details in ROWS:
    _row = Behaviour(
        _name,
        "both",
        f"{_status} {_word}: {_message}",
        GROUP,
        None,
        "",
        False,
        _act(_status, _word, _message, _details),
    )
    add(_row, GEMINI)


@behaviour("rate_limit_429", "both", default=1, unit="seconds to wait", table=GEMINI)
async def rate_limit_429(x: Exchange) -> None:
    """The quota of a minute is used up; how long to wait is in the body."""
    wait = {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{x.parameter}s"}
    minute = quota("GenerateRequestsPerMinutePerProjectPerModel")
    await refuse(x, 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", minute, wait)


@behaviour("day_429", "both", table=GEMINI)
async def day_429(x: Exchange) -> None:
    """The quota of a day is used up, though it says to come back in seconds."""
    wait = {"@type": f"{_RPC}RetryInfo", "retryDelay": "22s"}
    await refuse(
        x, 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota("GenerateRequestsPerDay-FreeTier"), wait
    )
