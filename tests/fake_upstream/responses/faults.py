"""Errors before an answer, and answers that are none. Source: OpenAI, "Error codes"; Response of its OpenAPI description."""

import json

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import RESPONSES, Act, Behaviour, add, behaviour
from tests.fake_upstream.responses.answers import echo
from tests.fake_upstream.responses.script import Script, response, whole
from tests.fake_upstream.wire import Headers, as_json, error_body

ROWS: tuple[tuple[str, int, str, str | None, str], ...] = (
    ("invalid_value_400", 400, "invalid_request_error", "invalid_value", "Invalid value: 'robot'."),
    ("too_long_400", 400, "invalid_request_error", "context_length_exceeded", "Your input exceeds the context window of this model."),
    ("foreign_thoughts_400", 400, "invalid_request_error", "invalid_encrypted_content", "The encrypted content could not be verified."),
    ("unauthorized_401", 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-no**ne."),
    ("not_found_404", 404, "invalid_request_error", "model_not_found", "The model `gpt-nine` does not exist."),
    ("quota_429", 429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan."),
    ("error_500", 500, "server_error", None, "The server had an error."),
    ("overloaded_503", 503, "service_unavailable_error", "server_is_overloaded", "Our servers are currently overloaded."),
)  # fmt: skip


def _act(status: int, kind: str, code: str | None, message: str) -> Act:
    async def act(x: Exchange) -> None:
        await refuse(x, status, kind, code, message)

    return act


async def refuse(x: Exchange, status: int, kind: str, code: str | None, message: str, headers: Headers = ()) -> None:
    """An error's body with its status."""
    await x.whole(error_body(message, kind, code=code), status=status, headers=headers)


for _name, _status, _kind, _code, _message in ROWS:
    _act_of = _act(_status, _kind, _code, _message)
    add(Behaviour(_name, "both", f"{_status} {_kind}: {_message}", "faults", None, "", False, _act_of), RESPONSES)


@behaviour("rate_limit_429", "both", default=1, unit="seconds to wait", table=RESPONSES)
async def rate_limit_429(x: Exchange) -> None:
    """The rate limit is reached; retry-after."""
    headers = (("retry-after", str(x.parameter)),)
    await refuse(x, 429, "requests", "rate_limit_exceeded", "Rate limit reached for requests", headers)


async def _changed(x: Exchange, **members: object) -> None:
    await x.whole(as_json({**response(x.call, Script((echo(x),))), **members}))


@behaviour("failed_200", "json", table=RESPONSES)
async def failed_200(x: Exchange) -> None:
    """A 200 whose response failed."""
    await _changed(x, status="failed", error={"code": "server_error", "message": "It failed."}, output=[])


@behaviour("cancelled_200", "json", table=RESPONSES)
async def cancelled_200(x: Exchange) -> None:
    """A 200 whose response was cancelled."""
    await _changed(x, status="cancelled", output=[])


@behaviour("in_progress_200", "json", table=RESPONSES)
async def in_progress_200(x: Exchange) -> None:
    """A 200 whose response has not ended."""
    await _changed(x, status="in_progress")


@behaviour("no_output_200", "json", table=RESPONSES)
async def no_output_200(x: Exchange) -> None:
    """A 200 whose response holds nothing, and says that nothing was generated."""
    await _changed(x, output=[], usage=None)


@behaviour("not_a_response_200", "both", table=RESPONSES)
async def not_a_response_200(x: Exchange) -> None:
    """A 200 with another object."""
    await x.whole(b'{"object":"list","data":[]}')


@behaviour("wrong_types_200", "json", table=RESPONSES)
async def wrong_types_200(x: Exchange) -> None:
    """A 200 whose output is a text."""
    await _changed(x, output="hello")


@behaviour("nonsense_usage", "json", table=RESPONSES)
async def nonsense_usage(x: Exchange) -> None:
    """As ok, with a usage that makes no sense."""
    await x.whole(as_json({**json.loads(whole(x.call, Script((echo(x),)))), "usage": {"input_tokens": "many"}}))
