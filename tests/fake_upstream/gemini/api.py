"""How the API takes a request: its key, its path, its body; then the behaviour that the model's name stands for."""

import hmac
import re
from urllib.parse import unquote

from tests.fake_upstream.call import BadCall, Call
from tests.fake_upstream.gemini.call import parse
from tests.fake_upstream.gemini.script import error
from tests.fake_upstream.http1 import Request
from tests.fake_upstream.playing import Playing
from tests.fake_upstream.registry import GEMINI, Behaviour, UnknownModel, find
from tests.fake_upstream.wire import as_json

PATH = "/v1/models/NAME"  # what stands for all of them on record
_PATH = re.compile(r"/(?:v1|v1beta)/models/([^/?]+):(generateContent|streamGenerateContent|countTokens)(?:\?(.*))?")
_COUNT = "countTokens"


class Refused(Exception):
    """Before any behaviour. `status` and `body` are the answer's."""

    def __init__(self, status: int, word: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = as_json(error(status, word, message))


def is_asked(request: Request) -> bool:
    """Is this a path of the API?"""
    return request.method == "POST" and _PATH.fullmatch(request.path) is not None


def is_count(request: Request) -> bool:
    """Is it the tokens that are asked for?"""
    found = _PATH.fullmatch(request.path)
    return found is not None and found[2] == _COUNT


def take(request: Request, api_key: str | None, playing: Playing) -> tuple[Call, Behaviour, int]:
    """The request, and what is done with it. Raises Refused."""
    found = _PATH.fullmatch(request.path)
    assert found is not None
    given = request.header("x-goog-api-key") or request.header("authorization").removeprefix("Bearer ")
    if not given:
        raise Refused(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    if api_key is not None and not hmac.compare_digest(given.encode(), api_key.encode()):
        raise Refused(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
    stream = found[2] == "streamGenerateContent"
    if stream is not (found[3] == "alt=sse"):
        raise Refused(400, "INVALID_ARGUMENT", "alt=sse is for streams, and no key is in an address")
    try:
        call = parse(request.body, unquote(found[1]), stream=stream, is_count=found[2] == _COUNT)
        row, parameter = find(playing.model(call.model, stream=stream), GEMINI)
    except BadCall as problem:
        raise Refused(400, "INVALID_ARGUMENT", str(problem)) from None
    except UnknownModel as problem:
        raise Refused(404, "NOT_FOUND", f"models/{problem} is not found for API version v1beta") from None
    if not row.fits(stream=stream) and not is_count(request):
        raise Refused(400, "INVALID_ARGUMENT", f"{row.name!r} is for {row.modes} requests only")
    return call, row, parameter


def counted(call: Call) -> bytes:
    """The answer to a count of tokens."""
    return as_json({"totalTokens": call.prompt_tokens})
