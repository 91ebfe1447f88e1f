"""Connections that break, or speak no proper HTTP, before the answer's body is complete."""

from tests.fake_upstream.behaviours.http_framing import kind, pieces
from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.wire import CHUNKED, JSON, chunk, head, length


@behaviour("close_before", "both")
async def close_before(x: Exchange) -> None:
    """FIN before the status line."""
    x.fin()


@behaviour("reset_before", "both")
async def reset_before(x: Exchange) -> None:
    """RST before the status line."""
    x.reset()


@behaviour("half_status_line", "both")
async def half_status_line(x: Exchange) -> None:
    """A piece of the status line, then FIN."""
    x.fin()
    await x.send(b"HTTP/1.1 2")


@behaviour("half_headers", "both")
async def half_headers(x: Exchange) -> None:
    """The status line and half a header, then FIN."""
    x.fin()
    await x.send(b"HTTP/1.1 200 OK\r\ncontent-ty")


@behaviour("close_after_headers", "both")
async def close_after_headers(x: Exchange) -> None:
    """The head of a chunked answer, then FIN."""
    await x.open(kind=kind(x))
    x.fin()


@behaviour("reset_after_headers", "both")
async def reset_after_headers(x: Exchange) -> None:
    """The head of a chunked answer, 20 ms later RST."""
    await x.open(kind=kind(x))
    await x.pause(20)
    x.reset()


@behaviour("only_continue_100", "both")
async def only_continue_100(x: Exchange) -> None:
    """`100 Continue`, then FIN: never a final answer."""
    x.fin()
    await x.send(head(100, ()))


@behaviour("garbage", "both")
async def garbage(x: Exchange) -> None:
    """Bytes that are not HTTP, then FIN."""
    x.fin()
    await x.send(b"\x16\x03\x01\x02\x00 SSH-2.0-OpenSSH_9.2\r\n\x00\xff\xfe\r\n\r\n")


@behaviour("bare_body", "both")
async def bare_body(x: Exchange) -> None:
    """The body without any head (as in HTTP/0.9), then FIN."""
    x.fin()
    await x.send(*pieces(x))


@behaviour("huge_headers", "both", default=256, unit="KiB of headers")
async def huge_headers(x: Exchange) -> None:
    """A good answer under headers of 256 KiB or more."""
    extra = tuple((f"x-big-{at}", "v" * 1000) for at in range(x.parameter))
    await x.send(x.head(200, (kind(x), *extra, CHUNKED)), *map(chunk, pieces(x)))
    await x.end()


@behaviour("short_body", "json")
async def short_body(x: Exchange) -> None:
    """A content-length longer than the (complete) JSON that comes, then FIN."""
    x.fin()
    body = whole_ok(x)
    await x.send(x.head(200, (JSON, length(len(body) + 100))) + body)


@behaviour("cut_body", "json")
async def cut_body(x: Exchange) -> None:
    """Half of what content-length promises, then FIN."""
    x.fin()
    body = whole_ok(x)
    await x.send(x.head(200, (JSON, length(body))) + body[: len(body) // 2])


@behaviour("reset_body", "json")
async def reset_body(x: Exchange) -> None:
    """Half of what content-length promises, 20 ms later RST."""
    body = whole_ok(x)
    await x.send(x.head(200, (JSON, length(body))) + body[: len(body) // 2])
    await x.pause(20)
    x.reset()


@behaviour("no_terminator", "both")
async def no_terminator(x: Exchange) -> None:
    """A complete chunked answer (a stream with [DONE]) without the last chunk, then FIN."""
    await x.open(kind=kind(x))
    await x.chunks(pieces(x))
    x.fin()


@behaviour("cut_in_chunk", "both")
async def cut_in_chunk(x: Exchange) -> None:
    """FIN in the middle of the last HTTP chunk that holds content."""
    frames = pieces(x)
    await x.open(kind=kind(x))
    await x.chunks(frames[:-3])
    last = chunk(frames[-3] if x.call.stream else frames[-1])
    await x.send(last[: len(last) // 2])
    x.fin()


@behaviour("bad_chunk", "both")
async def bad_chunk(x: Exchange) -> None:
    """A chunk size that is no number after some of the body."""
    frames = pieces(x) if x.call.stream else [whole_ok(x)[:100], b""]
    await x.open(kind=kind(x))
    await x.chunks(frames[:2] if x.call.stream else frames[:1])
    await x.send(b"zz\r\nnot a chunk\r\n")
    x.fin()


@behaviour("two_lengths", "both")
async def two_lengths(x: Exchange) -> None:
    """Two content-length headers that differ (RFC 9112 section 6.3: to be rejected)."""
    body = b"".join(pieces(x))
    x.fin()
    await x.send(x.head(200, (kind(x), length(body), length(len(body) // 2))) + body)


@behaviour("length_and_chunked", "both")
async def length_and_chunked(x: Exchange) -> None:
    """Both content-length and transfer-encoding, which disagree: the shape of a smuggled answer."""
    x.fin()
    await x.send(x.head(200, (kind(x), length(5), CHUNKED)), *map(chunk, pieces(x)), b"0\r\n\r\n")


@behaviour("bad_length", "both")
async def bad_length(x: Exchange) -> None:
    """A content-length that is no number."""
    x.fin()
    await x.send(x.head(200, (kind(x), ("content-length", "-1"))), *pieces(x))


@behaviour("bad_header", "both")
async def bad_header(x: Exchange) -> None:
    """A header line without a colon, and one with a control character."""
    x.fin()
    await x.send(b"HTTP/1.1 200 OK\r\nno colon here\r\nx-nul: a\x00b\r\n\r\n", *pieces(x))


@behaviour("bad_status", "both")
async def bad_status(x: Exchange) -> None:
    """A status that is no number."""
    x.fin()
    await x.send(b"HTTP/1.1 OK 200\r\ncontent-length: 0\r\n\r\n")


@behaviour("switching_101", "both")
async def switching_101(x: Exchange) -> None:
    """`101 Switching Protocols` that nobody asked for, then FIN."""
    x.fin()
    await x.send(head(101, (("upgrade", "websocket"), ("connection", "upgrade"))))
