"""How the API takes a request: its key, its version, its body; then the behaviour that the model's name stands for."""

import hmac

from tests.fake_upstream.call import BadCall, Call
from tests.fake_upstream.http1 import Request
from tests.fake_upstream.messages.call import parse
from tests.fake_upstream.messages.script import error
from tests.fake_upstream.playing import Playing
from tests.fake_upstream.registry import MESSAGES, Behaviour, UnknownModel, find
from tests.fake_upstream.wire import as_json

PATH = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
_VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")


class Refused(Exception):
    """Before any behaviour. `status` and `body` are the answer's."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = as_json(error(kind, message))


def take(request: Request, api_key: str | None, playing: Playing) -> tuple[Call, Behaviour, int]:
    """The request, and what is done with it. Raises Refused."""
    _check_headers(request, api_key)
    try:
        call = parse(request.body, is_count=is_count(request))
        row, parameter = find(playing.model(call.model, stream=call.stream), MESSAGES)
    except BadCall as problem:
        raise Refused(400, "invalid_request_error", str(problem)) from None
    except UnknownModel as problem:
        raise Refused(404, "not_found_error", f"model: {problem}") from None
    if not row.fits(stream=call.stream) and not is_count(request):
        raise Refused(400, "invalid_request_error", f"{row.name!r} is for {row.modes} requests only")
    return call, row, parameter


def counted(call: Call) -> bytes:
    """The answer to a count of tokens."""
    return as_json({"input_tokens": call.prompt_tokens})


def is_count(request: Request) -> bool:
    """Is it the tokens that are asked for?"""
    return request.path.partition("?")[0] == COUNT


def _check_headers(request: Request, api_key: str | None) -> None:
    """llama.cpp's server has counts without a key and a version."""
    if is_count(request) and request.header("anthropic-version") == "" and request.header("x-api-key") == "":
        return
    given = request.header("x-api-key")
    if not given and not request.header("authorization"):
        raise Refused(401, "authentication_error", "x-api-key header is required")
    if api_key is not None and not hmac.compare_digest(given.encode(), api_key.encode()):
        raise Refused(401, "authentication_error", "invalid x-api-key")
    version = request.header("anthropic-version")
    if version not in _VERSIONS:
        what = "is not a valid version" if version else "header is required"
        raise Refused(400, "invalid_request_error", f"anthropic-version: {what}")
