"""Good answers in unusual but lawful HTTP: interim answers, chunk extensions, trailers, bodies until close."""

from tests.fake_upstream.behaviours.answers import ok
from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.behaviours.sse_framing import events_of
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.wire import CHUNKED, EVENTS, JSON, Header, chunk, head


def pieces(x: Exchange) -> list[bytes]:
    """The body of `ok` in the mode that was asked for, a stream by events."""
    return events_of(x) if x.call.stream else [whole_ok(x)]


def kind(x: Exchange) -> Header:
    """Its content type."""
    return EVENTS if x.call.stream else JSON


@behaviour("continue_100", "both")
async def continue_100(x: Exchange) -> None:
    """`100 Continue`, unasked, before the answer."""
    await x.send(head(100, ()))
    await ok(x)


@behaviour("early_hints_103", "both")
async def early_hints_103(x: Exchange) -> None:
    """`103 Early Hints` twice before the answer."""
    await x.send(head(103, (("link", "</a>; rel=preload"),)), head(103, ()))
    await ok(x)


@behaviour("chunked_json", "json")
async def chunked_json(x: Exchange) -> None:
    """The JSON answer in HTTP chunks of 100 bytes."""
    body = whole_ok(x)
    await x.open(kind=JSON)
    await x.chunks(body[at : at + 100] for at in range(0, len(body), 100))
    await x.end()


@behaviour("chunk_extensions", "both")
async def chunk_extensions(x: Exchange) -> None:
    """Chunk sizes in capitals with leading zeros and extensions."""
    await x.open(kind=kind(x))
    for piece in pieces(x):
        await x.send(b'00%X;name="a;b"\r\n%s\r\n' % (len(piece), piece))
    await x.send(b"000;last\r\n\r\n")


@behaviour("trailers", "both")
async def trailers(x: Exchange) -> None:
    """Trailer fields after the last chunk."""
    await x.open(kind=kind(x), headers=(("trailer", "x-took-ms"),))
    await x.chunks(pieces(x))
    await x.send(b"0\r\nx-took-ms: 12\r\nx-done: yes\r\n\r\n")


@behaviour("until_close", "both")
async def until_close(x: Exchange) -> None:
    """Neither content-length nor chunks: the body ends with the connection (RFC 9112 section 6.3)."""
    x.fin()
    await x.send(x.head(200, (kind(x),)), *pieces(x))


@behaviour("http_1_0", "both")
async def http_1_0(x: Exchange) -> None:
    """An HTTP/1.0 answer, body until close."""
    x.fin()
    await x.send(head(200, (kind(x),), version="1.0"), *pieces(x))


@behaviour("odd_headers", "both")
async def odd_headers(x: Exchange) -> None:
    """Header names in capitals, values without or with much space, an empty value, a repeated name."""
    size = "" if x.call.stream else f"CONTENT-LENGTH:{len(whole_ok(x))}\r\n"
    coding = "TRANSFER-ENCODING:Chunked\r\n" if x.call.stream else ""
    lines = f"CONTENT-TYPE:   {kind(x)[1]}  \r\n{size}{coding}X-Empty:\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    await x.send(b"HTTP/1.1 200\r\n" + lines.encode())
    if not x.call.stream:
        await x.send(*pieces(x))
        return
    await x.chunks(pieces(x))
    await x.end()


@behaviour("many_headers", "both", default=60, unit="headers of 100 bytes")
async def many_headers(x: Exchange) -> None:
    """More headers than usual, as behind several proxies."""
    extra = tuple((f"x-extra-{at}", "v" * 85) for at in range(x.parameter))
    await x.send(x.head(200, (kind(x), *extra, CHUNKED)), *map(chunk, pieces(x)))
    await x.end()


@behaviour("rate_headers", "both")
async def rate_headers(x: Exchange) -> None:
    """OpenAI's rate-limit, timing and id headers on a good answer."""
    headers = (
        ("x-request-id", "req_0123456789abcdef"),
        ("openai-organization", "org-fake"),
        ("openai-processing-ms", "42"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "30000"),
        ("x-ratelimit-remaining-tokens", "29000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    )
    await x.open(kind=kind(x), headers=headers)
    await x.chunks(pieces(x))
    await x.end()
