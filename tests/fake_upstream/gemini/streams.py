"""Streams that break, stall or never end, and answers that are none."""

import itertools

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.gemini.answers import counted, echo, name_of, say
from tests.fake_upstream.gemini.script import Script, call, error, event, first, stream, whole
from tests.fake_upstream.registry import GEMINI, behaviour
from tests.fake_upstream.wire import as_json

_STEP_MS = 20
_A_WHILE_MS = 100


@behaviour("error_after", "stream", default=3, unit="deltas", table=GEMINI)
async def error_after(x: Exchange) -> None:
    """So many events, then an error as an event; the body ends well."""
    await x.open()
    await x.chunks(first(x.call, Script(counted(16)), x.parameter))
    await x.pause(_A_WHILE_MS)  # so that what came before is passed on
    await x.chunks((event(error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")),))
    await x.end()


@behaviour("error_bare_mid", "stream", default=3, unit="deltas", table=GEMINI)
async def error_bare_mid(x: Exchange) -> None:
    """So many events, then an error as bare JSON, on several lines."""
    await x.open()
    await x.chunks(first(x.call, Script(counted(16)), x.parameter))
    await x.pause(_A_WHILE_MS)
    body = as_json(error(500, "INTERNAL", "Internal error encountered.")).replace(b"{", b"{\n ")
    await x.chunks((body + b"\n",))
    await x.end()


@behaviour("cut_after", "stream", default=3, unit="deltas", table=GEMINI)
async def cut_after(x: Exchange) -> None:
    """So many events, then the connection closes within the body."""
    await x.open()
    await x.chunks(first(x.call, Script(counted(16)), x.parameter))
    x.fin()


@behaviour("no_end", "stream", table=GEMINI)
async def no_end(x: Exchange) -> None:
    """All text, and no finishReason; the body ends well."""
    await x.open()
    await x.chunks(first(x.call, Script(counted(4)), 4))
    await x.end()


@behaviour("half_event", "stream", table=GEMINI)
async def half_event(x: Exchange) -> None:
    """The body ends within an event."""
    await x.open()
    await x.chunks(first(x.call, Script(counted(4)), 2))
    await x.pause(_A_WHILE_MS)
    await x.chunks((stream(x.call, Script(counted(4)))[-1][:40],))
    await x.end()


@behaviour("malformed_call", "both", table=GEMINI)
async def malformed_call(x: Exchange) -> None:
    """The model made a call that cannot be read."""
    await say(
        x, Script((), finish="MALFORMED_FUNCTION_CALL", candidate={"finishMessage": "Malformed function call: f("})
    )


@behaviour("says_nothing", "both", table=GEMINI)
async def says_nothing(x: Exchange) -> None:
    """Thinks, stops, and has no text."""
    await say(x, Script((), thoughts=30))


@behaviour("reason_each", "stream", table=GEMINI)
async def reason_each(x: Exchange) -> None:
    """Says STOP with each event, as some servers do."""
    await x.open()
    for at, one in enumerate(counted(4)):
        await x.chunks(stream(x.call, Script((one,), finish="STOP" if at < 3 else "MAX_TOKENS")))
    await x.end()


@behaviour("not_streamed", "stream", table=GEMINI)
async def not_streamed(x: Exchange) -> None:
    """A whole answer, though a stream was asked for."""
    await x.whole(whole(x.call, Script(echo(x))))


@behaviour("tools_last", "stream", table=GEMINI)
async def tools_last(x: Exchange) -> None:
    """A call, then an event of its own that ends the stream."""
    parts = (call(name_of(x, 0), {"city": "Paris"}, "8f2b1a3f", is_signed=True), {"text": ""})
    await say(x, Script(parts))


@behaviour("silent", "both", hangs=True, table=GEMINI)
async def silent(x: Exchange) -> None:
    """Takes the request and says nothing."""
    await x.hang()


@behaviour("silent_after", "stream", default=3, unit="deltas", hangs=True, table=GEMINI)
async def silent_after(x: Exchange) -> None:
    """So many events, then nothing."""
    await x.open()
    await x.chunks(first(x.call, Script(counted(16)), x.parameter))
    await x.hang()


@behaviour("endless", "stream", hangs=True, table=GEMINI)
async def endless(x: Exchange) -> None:
    """An event every 20 ms, for ever."""
    await x.open()
    for number in itertools.count(1):
        await x.chunks(first(x.call, Script(({"text": f" {number}"},)), 1))
        await x.pause(_STEP_MS)


@behaviour("slow", "both", default=200, unit="ms", table=GEMINI)
async def slow(x: Exchange) -> None:
    """As ok, after a while."""
    await x.pause(x.parameter)
    await say(x, Script(echo(x)))
