"""Streams that break, stall or never end."""

import itertools

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import RESPONSES, behaviour
from tests.fake_upstream.responses.answers import LIMITS, counted, echo, name_of
from tests.fake_upstream.responses.script import Script, call, event, events, failed, message, up_to, whole
from tests.fake_upstream.wire import as_json

_STEP_MS = 20
_A_WHILE_MS = 100


async def _begin(x: Exchange, deltas: int) -> int:
    """So many deltas; the number of the event that follows."""
    await x.open(headers=LIMITS)
    begun = up_to(x.call, Script((counted(16),)), deltas)
    await x.chunks(begun)
    await x.pause(_A_WHILE_MS)  # so that what came before is passed on
    return len(begun)


@behaviour("quota_first", "stream", table=RESPONSES)
async def quota_first(x: Exchange) -> None:
    """response.created, then the error insufficient_quota (FAULTS S5)."""
    await x.open(headers=LIMITS)
    error = {
        "type": "insufficient_quota",
        "code": "insufficient_quota",
        "message": "You exceeded your quota.",
        "param": None,
    }
    await x.chunks((*up_to(x.call, Script(()), 0), event("error", 2, error=error)))
    await x.end()


@behaviour("failed_first", "stream", table=RESPONSES)
async def failed_first(x: Exchange) -> None:
    """response.created, then response.failed (FAULTS S2)."""
    await x.open(headers=LIMITS)
    await x.chunks((*up_to(x.call, Script(()), 0), failed(x.call, 2, "server_error")))
    await x.end()


@behaviour("failed_after", "stream", default=3, unit="deltas", table=RESPONSES)
async def failed_after(x: Exchange) -> None:
    """So many deltas, then response.failed for a rate limit; the body ends well."""
    number = await _begin(x, x.parameter)
    await x.chunks((failed(x.call, number, "rate_limit_exceeded"),))
    await x.end()


@behaviour("error_after", "stream", default=3, unit="deltas", table=RESPONSES)
async def error_after(x: Exchange) -> None:
    """So many deltas, then the event `error` as OpenAI's description has it; the body ends well."""
    number = await _begin(x, x.parameter)
    await x.chunks((event("error", number, code="server_error", message="Oh.", param=None),))
    await x.end()


@behaviour("cut_after", "stream", default=3, unit="deltas", table=RESPONSES)
async def cut_after(x: Exchange) -> None:
    """So many deltas, then the connection closes within the body."""
    await _begin(x, x.parameter)
    x.fin()


@behaviour("end_after", "stream", default=3, unit="deltas", table=RESPONSES)
async def end_after(x: Exchange) -> None:
    """So many deltas, then the body ends well."""
    await _begin(x, x.parameter)
    await x.end()


@behaviour("no_end", "stream", table=RESPONSES)
async def no_end(x: Exchange) -> None:
    """All but response.completed, and [DONE]; the body ends well."""
    await x.open(headers=LIMITS)
    await x.chunks((*events(x.call, Script((counted(4),)))[:-1], b"data: [DONE]\n\n"))
    await x.end()


@behaviour("tool_cut", "stream", table=RESPONSES)
async def tool_cut(x: Exchange) -> None:
    """The body ends within the arguments of a call."""
    script = Script((message("I look."), call("call_01A", name_of(x, 0), '{"ci', 'ty":"Paris"}')))
    await x.open(headers=LIMITS)
    await x.chunks(up_to(x.call, script, 2))
    await x.end()


@behaviour("bad_json_mid", "stream", table=RESPONSES)
async def bad_json_mid(x: Exchange) -> None:
    """Three deltas, then an event that is no JSON."""
    await _begin(x, 3)
    await x.chunks((b'event: response.output_text.delta\ndata: {"type":"response.output\n\n',))
    await x.end()


@behaviour("only_created", "stream", table=RESPONSES)
async def only_created(x: Exchange) -> None:
    """It begins, and completes without having said anything, or counted it."""
    await x.open(headers=LIMITS)
    last = events(x.call, Script((), extra={"usage": None}))
    await x.chunks(last)
    await x.end()


@behaviour("not_streamed", "stream", table=RESPONSES)
async def not_streamed(x: Exchange) -> None:
    """A whole response, though a stream was asked for."""
    await x.whole(whole(x.call, Script((echo(x), call("call_01A", name_of(x, 0), '{"city":"Rom"}')))), headers=LIMITS)


@behaviour("failed_not_streamed", "stream", table=RESPONSES)
async def failed_not_streamed(x: Exchange) -> None:
    """A whole error with a 200, though a stream was asked for."""
    await x.whole(as_json({"error": {"code": "server_error", "message": "Oh."}}), headers=LIMITS)


@behaviour("silent", "both", hangs=True, table=RESPONSES)
async def silent(x: Exchange) -> None:
    """Takes the request and says nothing."""
    await x.hang()


@behaviour("silent_after", "stream", default=3, unit="deltas", hangs=True, table=RESPONSES)
async def silent_after(x: Exchange) -> None:
    """So many deltas, then nothing."""
    await _begin(x, x.parameter)
    await x.hang()


@behaviour("only_progress", "stream", hangs=True, table=RESPONSES)
async def only_progress(x: Exchange) -> None:
    """The response begins, then says that it is in progress, for ever."""
    await x.open(headers=LIMITS)
    begun = up_to(x.call, Script(()), 0)
    await x.chunks(begun)
    while True:
        await x.chunks(begun[1:])
        await x.pause(_STEP_MS)


@behaviour("endless", "stream", hangs=True, table=RESPONSES)
async def endless(x: Exchange) -> None:
    """A delta every 20 ms, for ever."""
    begun = await _begin(x, 1)
    place = {"item_id": "msg_0a1", "output_index": 0, "content_index": 0}
    for number in itertools.count(begun):
        await x.chunks((event("response.output_text.delta", number, **place, delta=f" {number}", logprobs=[]),))
        await x.pause(_STEP_MS)
