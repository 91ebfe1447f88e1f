"""Embeddings, and what goes wrong with them only: limits of inputs, parts that fail once, vectors that are missing."""

import hashlib
from collections.abc import Callable
from typing import Any

from tests.fake_upstream import vectors
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.wire import Headers, as_json, error_body

OPENAI_INPUTS = 2048
_CRASHED = error_body("The server had an error while processing your request.", "server_error", None, "server_error")
_RATE = error_body("Rate limit reached for requests.", "requests", code="rate_limit_exceeded")


async def _vectors(x: Exchange, edit: Callable[[dict[str, Any]], None] = lambda body: None) -> None:
    body = vectors.whole(x.call)
    edit(body)
    await x.whole(as_json(body))


@behaviour("vectors", "vectors", default=OPENAI_INPUTS, unit="inputs at most")
async def at_most(x: Exchange) -> None:
    """A vector for each input; 400 for more inputs than it takes."""
    await _at_most(x, x.parameter)


async def _at_most(x: Exchange, most: int) -> None:
    if len(x.call.texts) > most:
        message = f"Invalid 'input': maximum array length exceeded. Expected an array with at most {most} items."
        await x.whole(error_body(message, "invalid_request_error", "input", "array_above_max_length"), status=400)
        return
    await _vectors(x)


@behaviour("vectors_slow", "vectors", default=200, unit="ms before each answer")
async def vectors_slow(x: Exchange) -> None:
    """A vector for each input, after a while."""
    await x.pause(x.parameter)
    await _vectors(x)


@behaviour("vectors_500_once", "vectors", default=0, unit="which text fails first")
async def vectors_500_once(x: Exchange) -> None:
    """500 for the first request that holds the input `text N`, the same again works."""
    await _once(x, 500, _CRASHED)


@behaviour("vectors_429_once", "vectors", default=0, unit="which text is refused first")
async def vectors_429_once(x: Exchange) -> None:
    """429 for the first request that holds the input `text N`; the same again works."""
    await _once(x, 429, _RATE, (("retry-after-ms", "50"),))


async def _once(x: Exchange, status: int, body: bytes, headers: Headers = ()) -> None:
    key = _key(x)
    if f"text {x.parameter}" in x.call.texts and key not in x.meter.failed:
        x.meter.failed.add(key)
        await x.whole(body, status=status, headers=headers)
        return
    await _at_most(x, OPENAI_INPUTS)


def _key(x: Exchange) -> str:
    return hashlib.sha256(as_json(x.call.fields)).hexdigest()


@behaviour("vectors_500_for", "vectors", default=0, unit="which text fails")
async def vectors_500_for(x: Exchange) -> None:
    """500 for whatever holds the input `text N`, each time."""
    if f"text {x.parameter}" in x.call.texts:
        await x.whole(_CRASHED, status=500)
        return
    await _vectors(x)


@behaviour("vectors_hang_for", "vectors", default=0, unit="which text is never answered", hangs=True)
async def vectors_hang_for(x: Exchange) -> None:
    """Says nothing to what holds the input `text N`."""
    if f"text {x.parameter}" in x.call.texts:
        await x.hang()
    await _vectors(x)


@behaviour("vector_missing", "vectors")
async def vector_missing(x: Exchange) -> None:
    """The last vector is not there."""
    await _vectors(x, lambda body: body["data"].pop())


@behaviour("vector_missing_once", "vectors")
async def vector_missing_once(x: Exchange) -> None:
    """The last vector of each request is not there at first; the same again works."""
    if (key := _key(x)) in x.meter.failed:
        await _vectors(x)
        return
    x.meter.failed.add(key)
    await _vectors(x, lambda body: body["data"].pop())


@behaviour("vectors_out_of_order", "vectors")
async def vectors_out_of_order(x: Exchange) -> None:
    """The last vector comes first, with its own index."""
    await _vectors(x, lambda body: body["data"].insert(0, body["data"].pop()))


@behaviour("vectors_without_index", "vectors")
async def vectors_without_index(x: Exchange) -> None:
    """No entry has an index; the order is that of the inputs."""
    await _vectors(x, _without_index)


def _without_index(body: dict[str, Any]) -> None:
    for one in body["data"]:
        del one["index"]


@behaviour("vectors_without_usage", "vectors")
async def vectors_without_usage(x: Exchange) -> None:
    """No usage."""
    await _vectors(x, lambda body: body.pop("usage"))


@behaviour("vectors_odd_usage", "vectors")
async def vectors_odd_usage(x: Exchange) -> None:
    """A usage whose counts are texts."""
    await _vectors(x, lambda body: body.update(usage={"prompt_tokens": "many", "total_tokens": None}))


@behaviour("null_vector", "vectors")
async def null_vector(x: Exchange) -> None:
    """The first embedding is null."""
    await _vectors(x, lambda body: body["data"][0].update(embedding=None))
