"""The endpoints beside chat: what an OpenAI-style server has, and what tests ask this one (`/_...`)."""

import hmac
from typing import TYPE_CHECKING, Any

from tests.fake_upstream import behaviours
from tests.fake_upstream.call import BadCall, parse
from tests.fake_upstream.http1 import Request
from tests.fake_upstream.registry import UnknownModel
from tests.fake_upstream.script import CREATED
from tests.fake_upstream.wire import as_json, error_body

if TYPE_CHECKING:
    from tests.fake_upstream.connection import State

Answer = tuple[int, bytes]  # status, JSON body


def inspect(state: "State", request: Request, *, besides: int) -> Answer:
    """`/_seen`, `/_last`, `/_open`, `/_calls`, `/_play`, `/_vllm`, `/_reset`. `besides` open connections are the asker's own."""
    match (request.method, request.path):
        case ("GET", "/_seen"):
            return 200, as_json(state.seen.rows())
        case ("POST", "/_last"):
            model = request.body.decode()
            newest = next((one for one in reversed(state.seen.records) if one.model == model), None)
            return 200, as_json(newest and newest.row())
        case ("GET", "/_open"):
            return 200, as_json(counts(state, besides=besides))
        case ("POST", "/_calls"):
            return 200, as_json(calls(state, request.body))
        case ("POST", "/_play"):
            try:
                state.playing.play(request.body)
            except (UnknownModel, ValueError, KeyError, TypeError) as wrong:
                return 400, bad_call(BadCall(str(wrong), "behaviours"))
            return 200, b"{}"
        case ("POST", "/_reset"):
            state.seen.clear()
            return 200, b"{}"
        case ("POST", "/_vllm"):
            return 200, as_json(state.vllm.set(request.body))
        case _:
            return 404, b'{"detail":"Not Found"}'


def machine(state: "State", path: str) -> Answer:
    """`/health` and `/metrics`, which vLLM has beside its API."""
    return state.vllm.health() if path == "/health" else state.vllm.metrics(state.in_progress, state.ended)


def counts(state: "State", *, besides: int = 0) -> dict[str, int]:
    """How much is open now, and how much came since the start."""
    return {
        "connections": len(state.connections) - besides,
        "requests": state.in_progress,
        "connections_accepted": state.accepted,
        "requests_seen": state.seen.total,
        "elsewhere_port": state.elsewhere_port,
    }


def calls(state: "State", text: bytes) -> dict[str, int]:
    """How many chat requests and counts of tokens are remembered, and how many requests have this text in them."""
    records = list(state.seen.records)
    paths = [record.request.path for record in records]
    held = sum(text in record.request.body for record in records) if text else 0
    chat, counts = paths.count("/v1/chat/completions"), paths.count("/tokenize")
    return {"chat": chat, "tokenize": counts, "holding": held, "forgotten": state.seen.forgotten}


def serve(state: "State", request: Request) -> Answer:
    """Models; all else is not there."""
    path = request.path.partition("?")[0]
    refusal = unauthorized(state, request) if path.startswith("/v1/") else None
    if refusal is not None:
        return refusal
    if path == "/tokenize" and request.method == "POST":
        return _tokenize(request)
    if request.method not in ("GET", "HEAD"):
        return (405, b'{"detail":"Method Not Allowed"}') if path == "/v1/models" else (404, b'{"detail":"Not Found"}')
    if path == "/v1/models":
        return 200, as_json({"object": "list", "data": [_model(name) for name in behaviours.BEHAVIOURS]})
    name = path.removeprefix("/v1/models/")
    if name != path:
        return (200, as_json(_model(name))) if name in behaviours.BEHAVIOURS else (404, no_model(name))
    return 404, b'{"detail":"Not Found"}'


def _tokenize(request: Request) -> Answer:
    """vLLM 0.32's TokenizeResponse; a token is a word, as in the usage of answers."""
    try:
        count = parse(request.body).prompt_tokens
    except BadCall as problem:
        return 400, bad_call(problem)
    return 200, as_json({"count": count, "max_model_len": 32_768, "tokens": list(range(count)), "token_strs": None})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "fake-upstream"}


def unauthorized(state: "State", request: Request) -> Answer | None:
    """OpenAI's 401 where a key is set and the request does not bear it."""
    if state.api_key is None:
        return None
    given = request.header("authorization")
    if hmac.compare_digest(given.encode(), f"Bearer {state.api_key}".encode()):
        return None
    if not given:
        message = "You didn't provide an API key. You need to provide your API key in an Authorization header."
        return 401, error_body(message, "invalid_request_error")
    return 401, error_body("Incorrect API key provided.", "invalid_request_error", code="invalid_api_key")


def bad_call(problem: BadCall) -> bytes:
    """OpenAI's body for a request that it cannot take."""
    return error_body(str(problem), "invalid_request_error", problem.param)


def no_model(detail: str) -> bytes:
    """OpenAI's body for a model that does not exist; a code of its own tells it from the behaviour `model_404`."""
    return error_body(f"The model does not exist: {detail}", "invalid_request_error", "model", "no_such_behaviour")


def wrong_mode(name: str, modes: str) -> bytes:
    """A behaviour asked for in a mode that it has no meaning in: a mistake of the test."""
    return error_body(f"{name!r} is for {modes} requests only", "invalid_request_error", "stream", "wrong_mode")
