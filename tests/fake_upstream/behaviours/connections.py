"""Good answers that leave the connection in a state to beware of."""

from tests.fake_upstream.behaviours.answers import ok
from tests.fake_upstream.behaviours.http_framing import kind, pieces
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.wire import JSON, chunk, head, length

STRAY = b'{"stray":"this answer belongs to nobody"}'


@behaviour("connection_close", "both")
async def connection_close(x: Exchange) -> None:
    """Says `connection: close`, and closes after the answer."""
    x.fin()
    await ok(x)


@behaviour("close_unsaid", "both")
async def close_unsaid(x: Exchange) -> None:
    """Closes after the answer without having said so: a pooled connection is stale at once."""
    await ok(x)
    x.fin()


@behaviour("reset_unsaid", "both")
async def reset_unsaid(x: Exchange) -> None:
    """Resets the connection 20 ms after the answer."""
    await ok(x)
    await x.pause(20)
    x.reset()


@behaviour("close_on_next", "both")
async def close_on_next(x: Exchange) -> None:
    """Answers and keeps the connection; the next request on it, whatever it is, meets a FIN and no byte."""
    await ok(x)
    x.close_on_next = True


@behaviour("extra_answer", "both")
async def extra_answer(x: Exchange) -> None:
    """A second, unasked HTTP answer in the same write as the end: it must reach no other request."""
    frames = pieces(x)
    stray = head(200, (JSON, length(STRAY))) + STRAY
    if not x.call.stream:
        await x.send(x.head(200, (JSON, length(frames[0]))) + frames[0] + stray)
        return
    await x.open(kind=kind(x))
    await x.chunks(frames[:-1])
    await x.send(chunk(frames[-1]) + b"0\r\n\r\n" + stray)


@behaviour("extra_bytes", "both")
async def extra_bytes(x: Exchange) -> None:
    """Bytes beyond the end of the answer that are no HTTP."""
    await ok(x)
    await x.send(b"\x00\x01 left over")
