"""Streams that break, stall or never end."""

import itertools

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.messages.answers import LIMITS, counted, echo, name_of
from tests.fake_upstream.messages.script import PING, Script, error, event, stream, text, tool, whole
from tests.fake_upstream.registry import MESSAGES, behaviour

_STEP_MS = 20
_A_WHILE_MS = 100


@behaviour("error_after", "stream", default=3, unit="deltas", table=MESSAGES)
async def error_after(x: Exchange) -> None:
    """So many deltas, then `event: error` overloaded_error; the body ends well."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((counted(16),))).first(x.parameter))
    await x.pause(_A_WHILE_MS)  # so that what came before is passed on
    await x.chunks((event("error", error("overloaded_error", "Overloaded")),))
    await x.end()


@behaviour("cut_after", "stream", default=3, unit="deltas", table=MESSAGES)
async def cut_after(x: Exchange) -> None:
    """So many deltas, then the connection closes within the body."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((counted(16),))).first(x.parameter))
    x.fin()


@behaviour("tool_cut", "stream", table=MESSAGES)
async def tool_cut(x: Exchange) -> None:
    """The body ends within the arguments of a call."""
    call = tool("toolu_01A", name_of(x, 0), '{"ci', 'ty":"Paris"}')
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((text("I look."), call), stop_reason="tool_use")).first(2))
    await x.end()


@behaviour("no_end", "stream", table=MESSAGES)
async def no_end(x: Exchange) -> None:
    """All deltas, and neither stop_reason nor message_stop; the body ends well."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((counted(4),))).first(4))
    await x.end()


@behaviour("no_stop", "stream", table=MESSAGES)
async def no_stop(x: Exchange) -> None:
    """All but message_stop: it has said why it ended, and the body ends well."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((echo(x),))).all()[:-1])
    await x.end()


@behaviour("not_streamed", "stream", table=MESSAGES)
async def not_streamed(x: Exchange) -> None:
    """A whole message, though a stream was asked for."""
    await x.whole(whole(x.call, Script((echo(x),))), headers=LIMITS)


@behaviour("silent", "both", hangs=True, table=MESSAGES)
async def silent(x: Exchange) -> None:
    """Takes the request and says nothing."""
    await x.hang()


@behaviour("silent_after", "stream", default=3, unit="deltas", hangs=True, table=MESSAGES)
async def silent_after(x: Exchange) -> None:
    """So many deltas, then nothing."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((counted(16),))).first(x.parameter))
    await x.hang()


@behaviour("only_pings", "stream", hangs=True, table=MESSAGES)
async def only_pings(x: Exchange) -> None:
    """The message starts, then nothing but pings comes, for ever."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((counted(1),))).start)
    while True:
        await x.chunks((PING,))
        await x.pause(_STEP_MS)


@behaviour("endless", "stream", hangs=True, table=MESSAGES)
async def endless(x: Exchange) -> None:
    """A delta every 20 ms, for ever."""
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((counted(2),))).first(1))
    for number in itertools.count(1):
        delta = {"type": "text_delta", "text": f" {number}"}
        await x.chunks((event("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),))
        await x.pause(_STEP_MS)


@behaviour("slow", "both", default=200, unit="ms", table=MESSAGES)
async def slow(x: Exchange) -> None:
    """As ok, after a while."""
    await x.pause(x.parameter)
    if not x.call.stream:
        await x.whole(whole(x.call, Script((echo(x),))), headers=LIMITS)
        return
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, Script((echo(x),))).all())
    await x.end()
