"""Good streams whose chunks are unusual: other vendors' habits around role, usage, size and finish."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import Script, counted, echo, stream, usage, usage_chunk
from tests.fake_upstream.wire import DONE, EVENTS, LAST_CHUNK, as_json, event, length

_NO_CHOICES = b'{"id":"","object":"chat.completion.chunk","created":0,"model":"","choices":[]}'


def edited(payload: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    """A JSON payload with a change made to it."""
    value = json.loads(payload)
    edit(value)
    return as_json(value)


async def send_payloads(x: Exchange, payloads: list[bytes]) -> None:
    """A well-ended stream of these payloads."""
    await x.open()
    await x.events(payloads)
    await x.end()


@behaviour("json_for_stream", "stream")
async def json_for_stream(x: Exchange) -> None:
    """A whole JSON completion although a stream was asked for."""
    await x.whole(whole_ok(x))


@behaviour("usage_in_finish", "stream")
async def usage_in_finish(x: Exchange) -> None:
    """Usage in the chunk with finish_reason, not in one of its own; asked for or not."""
    script = echo(x.call)
    parts = stream(x.call, script)
    last = edited(parts.finish[-1], lambda body: body.update(usage=usage(x.call, script)))
    await send_payloads(x, [*parts.role, *parts.content, *parts.finish[:-1], last, DONE])


@behaviour("usage_each", "stream")
async def usage_each(x: Exchange) -> None:
    """Running usage on every chunk (vLLM's continuous_usage_stats), the total in one of its own at the end."""
    script = echo(x.call)
    parts = stream(x.call, script)
    running = [
        edited(payload, lambda body, at=at: body.update(usage=_running(x, at)))  # type: ignore[misc]
        for at, payload in enumerate([*parts.role, *parts.content, *parts.finish])
    ]
    await send_payloads(x, [*running, usage_chunk(x.call, script), DONE])


def _running(x: Exchange, tokens: int) -> dict[str, Any]:
    return usage(replace(x.call, n=1), counted(tokens))


@behaviour("usage_unasked", "stream")
async def usage_unasked(x: Exchange) -> None:
    """A usage chunk at the end although none was asked for."""
    parts = stream(x.call, echo(x.call))
    await send_payloads(x, [*parts.role, *parts.content, *parts.finish, usage_chunk(x.call, echo(x.call)), DONE])


@behaviour("usage_never", "stream")
async def usage_never(x: Exchange) -> None:
    """No usage although it was asked for: an older server that ignores stream_options."""
    await send_payloads(x, stream(replace(x.call, include_usage=False), echo(x.call)).all())


@behaviour("usage_after_done", "stream")
async def usage_after_done(x: Exchange) -> None:
    """The usage chunk comes after [DONE]."""
    parts = stream(replace(x.call, include_usage=False), echo(x.call))
    await send_payloads(x, [*parts.all(), usage_chunk(x.call, echo(x.call))])


@behaviour("no_role", "stream")
async def no_role(x: Exchange) -> None:
    """No role chunk: content comes first."""
    parts = stream(x.call, echo(x.call))
    await send_payloads(x, [*parts.content, *parts.finish, *parts.usage, DONE])


@behaviour("role_each", "stream")
async def role_each(x: Exchange) -> None:
    """The role in every delta."""
    parts = stream(x.call, echo(x.call))
    content = [
        edited(payload, lambda body: body["choices"][0]["delta"].update(role="assistant")) for payload in parts.content
    ]
    await send_payloads(x, [*content, *parts.finish, *parts.usage, DONE])


@behaviour("prelude", "stream")
async def prelude(x: Exchange) -> None:
    """First a chunk with `choices: []` (Azure's prompt filter results), then a good stream."""
    first = edited(_NO_CHOICES, lambda body: body.update(prompt_filter_results=[{"prompt_index": 0}]))
    await send_payloads(x, [first, *stream(x.call, echo(x.call)).all()])


@behaviour("empty_choices_mid", "stream")
async def empty_choices_mid(x: Exchange) -> None:
    """Chunks with `choices: []` between content chunks."""
    parts = stream(x.call, echo(x.call))
    mixed = [payload for pair in ((item, _NO_CHOICES) for item in parts.content) for payload in pair]
    await send_payloads(x, [*parts.role, *mixed, *parts.finish, *parts.usage, DONE])


@behaviour("finish_with_content", "stream")
async def finish_with_content(x: Exchange) -> None:
    """The last content and finish_reason in one chunk, as vLLM does."""
    parts = stream(x.call, echo(x.call))
    last = [
        edited(payload, lambda body: body["choices"][0].update(finish_reason="stop"))
        for payload in parts.content[-x.call.n :]
    ]
    await send_payloads(x, [*parts.role, *parts.content[: -x.call.n], *last, *parts.usage, DONE])


@behaviour("all_in_one_chunk", "stream")
async def all_in_one_chunk(x: Exchange) -> None:
    """Role, all content and finish_reason in a single chunk for each choice."""
    text = Script(("".join(echo(x.call).content),))
    parts = stream(x.call, text)
    both = {"role": "assistant", "finish_reason": "stop"}
    one = [edited(payload, lambda body: _merge(body, both)) for payload in parts.content]
    await send_payloads(x, [*one, *parts.usage, DONE])


def _merge(body: dict[str, Any], both: dict[str, str]) -> None:
    choice = body["choices"][0]
    choice["delta"]["role"], choice["finish_reason"] = both["role"], both["finish_reason"]


@behaviour("big_event", "stream", default=1024, unit="KiB in one event")
async def big_event(x: Exchange) -> None:
    """One content chunk of 1 MiB or more, between usual ones."""
    big = Script(("Here: ", "x" * (1024 * x.parameter), " done"))
    await send_payloads(x, stream(x.call, big).all())


@behaviour("two_names", "stream")
async def two_names(x: Exchange) -> None:
    """The model's name changes after the first chunk, and the ids do."""
    first, *rest = stream(x.call, echo(x.call)).before_done()
    renamed = [edited(payload, lambda body: body.update(model="two_names-b", id="chatcmpl-other")) for payload in rest]
    await send_payloads(x, [first, *renamed, DONE])


@behaviour("finish_twice", "stream")
async def finish_twice(x: Exchange) -> None:
    """The finish chunk comes twice."""
    parts = stream(x.call, echo(x.call))
    await send_payloads(x, [*parts.role, *parts.content, *parts.finish, *parts.finish, *parts.usage, DONE])


@behaviour("length_known", "stream")
async def length_known(x: Exchange) -> None:
    """A good stream with a content-length in place of chunks."""
    body = b"".join(map(event, stream(x.call, echo(x.call)).all()))
    await x.whole(body, kind=EVENTS)


@behaviour("n_short", "stream")
async def n_short(x: Exchange) -> None:
    """One choice although several were asked for; it is complete."""
    await send_payloads(x, stream(replace(x.call, n=1), echo(x.call)).all())


@behaviour("done_and_end", "stream")
async def done_and_end(x: Exchange) -> None:
    """[DONE] and the end of the HTTP body come in the same TCP write."""
    await x.open()
    await x.events(stream(x.call, echo(x.call)).before_done())
    await x.send(b"e\r\ndata: [DONE]\n\n\r\n" + LAST_CHUNK)


@behaviour("length_close", "stream")
async def length_close(x: Exchange) -> None:
    """A content-length and `connection: close`, then a FIN."""
    x.fin()
    body = b"".join(map(event, stream(x.call, echo(x.call)).all()))
    await x.send(x.head(200, (EVENTS, length(body))) + body)
