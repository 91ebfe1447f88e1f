"""Good answers that take their time, and silence of every kind."""

from collections.abc import Iterable

from tests.fake_upstream.behaviours.answers import ok
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import counted, echo, stream, whole
from tests.fake_upstream.wire import DONE, EVENTS, JSON, as_json, chunk, event, length

PING = b": ping\n\n"


def whole_ok(x: Exchange) -> bytes:
    """The body of `ok`."""
    return as_json(whole(x.call, echo(x.call)))


async def begin(x: Exchange, chunks: int = 0) -> None:
    """The head, the role and so many content chunks of an answer that counts to 16."""
    parts = stream(x.call, counted())
    await x.open()
    await x.events([*parts.role, *parts.content[:chunks]])


async def for_ever(x: Exchange, data: bytes, every_ms: float) -> None:
    """The same bytes as an HTTP chunk, again and again."""
    while True:
        await x.chunks((data,))
        await x.pause(every_ms)


@behaviour("slow", "both", default=200, unit="ms before the status line")
async def slow(x: Exchange) -> None:
    """Waits, then answers like ok."""
    await x.pause(x.parameter)
    await ok(x)


@behaviour("one_at_a_time", "both", default=20, unit="ms for each request")
async def one_at_a_time(x: Exchange) -> None:
    """Answers like slow, and while it does the next ones wait: a queue."""
    async with x.turn:
        await slow(x)


@behaviour("first_after", "both", default=500, unit="ms between headers and body")
async def first_after(x: Exchange) -> None:
    """Headers at once, the body later."""
    body = whole_ok(x)
    await x.send(x.head(200, (EVENTS, ("transfer-encoding", "chunked")) if x.call.stream else (JSON, length(body))))
    await x.pause(x.parameter)
    if not x.call.stream:
        await x.send(body)
        return
    await x.events(stream(x.call, echo(x.call)).all())
    await x.end()


@behaviour("first_after_role", "stream", default=500, unit="ms between role and content")
async def first_after_role(x: Exchange) -> None:
    """Headers and role chunk at once, content later."""
    parts = stream(x.call, echo(x.call))
    await x.open()
    await x.events(parts.role)
    await x.pause(x.parameter)
    await x.events([*parts.content, *parts.finish, *parts.usage, DONE])
    await x.end()


@behaviour("crawl", "stream", default=1000, unit="ms for each token")
async def crawl(x: Exchange) -> None:
    """16 tokens, one at a time, each well formed."""
    await x.open()
    for payload in stream(x.call, counted()).all():
        await x.events((payload,))
        await x.pause(x.parameter)
    await x.end()


@behaviour("drip", "both", default=100, unit="ms for each byte")
async def drip(x: Exchange) -> None:
    """One byte at a time, the head included."""
    if x.call.stream:
        frames = b"".join(chunk(event(payload)) for payload in stream(x.call, echo(x.call)).all())
        data = x.head(200, (EVENTS, ("transfer-encoding", "chunked"))) + frames + b"0\r\n\r\n"
    else:
        body = whole_ok(x)
        data = x.head(200, (JSON, length(body))) + body
    for at in range(len(data)):
        await x.send(data[at : at + 1])
        await x.pause(x.parameter)


@behaviour("late_done", "stream", default=1000, unit="ms between finish and [DONE]")
async def late_done(x: Exchange) -> None:
    """All but [DONE] at once, [DONE] later."""
    await x.open()
    await x.events(stream(x.call, echo(x.call)).before_done())
    await x.pause(x.parameter)
    await x.events((DONE,))
    await x.end()


@behaviour("endless", "stream", default=10, unit="ms for each token", hangs=True)
async def endless(x: Exchange) -> None:
    """Content tokens for ever."""
    await begin(x)
    await for_ever(x, event(stream(x.call, counted(2)).content[-1]), x.parameter)


@behaviour("silent", "both", hangs=True)
async def silent(x: Exchange) -> None:
    """Takes the request and never says a byte."""
    await x.hang()


@behaviour("silent_after_headers", "both", hangs=True)
async def silent_after_headers(x: Exchange) -> None:
    """Headers, then silence."""
    await x.open(kind=EVENTS if x.call.stream else JSON)
    await x.hang()


@behaviour("silent_mid_body", "json", hangs=True)
async def silent_mid_body(x: Exchange) -> None:
    """Half of a body with content-length, then silence."""
    body = whole_ok(x)
    await x.send(x.head(200, (JSON, length(body))) + body[: len(body) // 2])
    await x.hang()


@behaviour("silent_after_role", "stream", hangs=True)
async def silent_after_role(x: Exchange) -> None:
    """The role chunk, then silence."""
    await begin(x)
    await x.hang()


@behaviour("silent_after", "stream", default=3, unit="content chunks", hangs=True)
async def silent_after(x: Exchange) -> None:
    """Some content, then silence."""
    await begin(x, x.parameter)
    await x.hang()


@behaviour("silent_before_done", "stream", hangs=True)
async def silent_before_done(x: Exchange) -> None:
    """Everything with finish_reason, never [DONE]."""
    await x.open()
    await x.events(stream(x.call, echo(x.call)).before_done())
    await x.hang()


@behaviour("silent_after_done", "stream", hangs=True)
async def silent_after_done(x: Exchange) -> None:
    """A whole stream with [DONE], but the HTTP body is never ended."""
    await x.open()
    await x.events(stream(x.call, echo(x.call)).all())
    await x.hang()


@behaviour("half_event_silent", "stream", hangs=True)
async def half_event_silent(x: Exchange) -> None:
    """Three content chunks, half an event, then silence."""
    await begin(x, 3)
    await x.chunks((event(stream(x.call, counted()).content[3])[:60],))
    await x.hang()


@behaviour("pings", "stream", default=50, unit="ms for each ping", hangs=True)
async def pings(x: Exchange) -> None:
    """Comments for ever, never an event."""
    await x.open()
    await for_ever(x, PING, x.parameter)


@behaviour("pings_after_role", "stream", default=50, unit="ms for each ping", hangs=True)
async def pings_after_role(x: Exchange) -> None:
    """The role chunk, then comments for ever."""
    await begin(x)
    await for_ever(x, PING, x.parameter)


@behaviour("pings_mid", "stream", default=50, unit="ms for each ping", hangs=True)
async def pings_mid(x: Exchange) -> None:
    """Three content chunks, then comments for ever."""
    await begin(x, 3)
    await for_ever(x, PING, x.parameter)


@behaviour("pings_then_ok", "stream", default=3, unit="pings, 20 ms apart")
async def pings_then_ok(x: Exchange) -> None:
    """Comments, then a good stream."""
    await x.open()
    await _paced(x, [PING] * x.parameter)
    await x.events(stream(x.call, echo(x.call)).all())
    await x.end()


@behaviour("empty_deltas", "stream", default=50, unit="ms for each event", hangs=True)
async def empty_deltas(x: Exchange) -> None:
    """Well-formed chunks with an empty delta for ever: never any output."""
    await begin(x)
    nothing = stream(x.call, counted(1)).content[0].replace(b'{"content":"0"}', b'{"content":""}')
    await for_ever(x, event(nothing), x.parameter)


@behaviour("blank_lines", "json", default=50, unit="ms for each line", hangs=True)
async def blank_lines(x: Exchange) -> None:
    """A JSON answer of which only blank lines come, for ever, as some providers keep a connection alive."""
    await x.open(kind=JSON)
    await for_ever(x, b"\n", x.parameter)


@behaviour("blank_lines_then_ok", "json", default=3, unit="lines, 20 ms apart")
async def blank_lines_then_ok(x: Exchange) -> None:
    """Blank lines in front of a good JSON answer, as DeepSeek sends while it is busy."""
    await x.open(kind=JSON)
    await _paced(x, [b"\n"] * x.parameter)
    await x.chunks((whole_ok(x),))
    await x.end()


async def _paced(x: Exchange, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        await x.chunks((piece,))
        await x.pause(20)


@behaviour("endless_headers", "both", hangs=True)
async def endless_headers(x: Exchange) -> None:
    """A good status line, then header lines for ever."""
    await x.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await x.send(b"x-more: and more\r\n")
        await x.pause(10)
