"""Embeddings, and what goes wrong with them only: limits of inputs, parts that fail once, vectors that are missing."""

import dataclasses
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


async def _vectors(x: Exchange, edit: Callable[[dict[str, Any]], None] = lambda body: None, *, salt: str = "") -> None:
    body = vectors.whole(x.call, salt)
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


@behaviour("vectors_b", "vectors")
async def vectors_b(x: Exchange) -> None:
    """Those of another model."""
    await _vectors(x, salt="b")


@behaviour("vectors_b_500_for", "vectors", default=0, unit="which text fails")
async def vectors_b_500_for(x: Exchange) -> None:
    """Those of another model, which fails for whatever holds the input `text N`."""
    if f"text {x.parameter}" in x.call.texts:
        await x.whole(_CRASHED, status=500)
        return
    await _vectors(x, salt="b")


@behaviour("vectors_renamed_from", "vectors", default=0, unit="from which text on")
async def vectors_renamed_from(x: Exchange) -> None:
    """From the input `text N` on the answers are another model's, and say so."""
    renamed = any(text.startswith("text ") and int(text[5:]) >= x.parameter for text in x.call.texts)
    await _vectors(x, lambda body: body.update(model="another" if renamed else "one"), salt="b" if renamed else "")


@behaviour("vectors_short_from", "vectors", default=0, unit="from which text on")
async def vectors_short_from(x: Exchange) -> None:
    """From the input `text N` on vectors have a number less."""
    short = any(text.startswith("text ") and int(text[5:]) >= x.parameter for text in x.call.texts)
    await _vectors(x, lambda body: _each(body, vectors.shorter) if short else None)


@behaviour("vectors_400_for", "vectors", default=0, unit="which text is refused")
async def vectors_400_for(x: Exchange) -> None:
    """400 for the input `text N`, which is named by its place."""
    if f"text {x.parameter}" in x.call.texts:
        at = f"input[{x.call.texts.index(f'text {x.parameter}')}]"
        refusal = error_body(f"Invalid '{at}': it is not liked.", "invalid_request_error", at, "not_liked")
        await x.whole(refusal, status=400)
        return
    await _vectors(x)


@behaviour("vectors_tokens", "vectors", default=300, unit="tokens at most")
async def vectors_tokens(x: Exchange) -> None:
    """400 for more tokens than it takes at once; a word is one."""
    if x.call.prompt_tokens > x.parameter:
        message = f"Requested {x.call.prompt_tokens} tokens, max {x.parameter} tokens per request"
        await x.whole(error_body(message, "max_tokens_per_request", None, "max_tokens_per_request"), status=400)
        return
    await _vectors(x)


@behaviour("vectors_other_form", "vectors")
async def vectors_other_form(x: Exchange) -> None:
    """Base64 where numbers were asked for, and numbers where base64 was."""
    await _vectors(x, lambda body: _each(body, vectors.other_form))


@behaviour("vectors_nan", "vectors")
async def vectors_nan(x: Exchange) -> None:
    """The first number of each vector is NaN."""
    await _vectors(x, lambda body: _each(body, vectors.with_nan))


@behaviour("vectors_of_full_size", "vectors")
async def vectors_of_full_size(x: Exchange) -> None:
    """Passes over `dimensions`."""
    fields = {name: value for name, value in x.call.fields.items() if name != "dimensions"}
    await x.whole(as_json(vectors.whole(dataclasses.replace(x.call, fields=fields))))


@behaviour("vector_short", "vectors")
async def vector_short(x: Exchange) -> None:
    """The last vector has a number less than the others."""
    await _vectors(x, lambda body: _last(body, embedding=vectors.shorter(body["data"][-1]["embedding"])))


@behaviour("vector_twice", "vectors")
async def vector_twice(x: Exchange) -> None:
    """The last vector has the index of the first."""
    await _vectors(x, lambda body: _last(body, index=0))


@behaviour("vector_too_many", "vectors")
async def vector_too_many(x: Exchange) -> None:
    """One vector more than there are inputs."""
    await _vectors(x, lambda body: body["data"].append({**body["data"][-1], "index": len(body["data"])}))


def _each(body: dict[str, Any], change: Callable[[Any], Any]) -> None:
    for one in body["data"]:
        one["embedding"] = change(one["embedding"])


def _last(body: dict[str, Any], **members: Any) -> None:
    body["data"][-1].update(members)


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
