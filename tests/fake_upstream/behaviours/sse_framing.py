"""Good streams in every framing that the WHATWG standard (HTML, 9.2.6) allows, cut wherever a network may cut."""

import json
from collections.abc import Callable, Iterable

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import echo, stream
from tests.fake_upstream.wire import CHUNKED, EVENTS, LAST_CHUNK, chunk, event

BOM = b"\xef\xbb\xbf"


def events_of(x: Exchange) -> list[bytes]:
    """The events of `ok` in the usual framing."""
    return [event(payload) for payload in stream(x.call, echo(x.call)).all()]


async def send_pieces(x: Exchange, pieces: Iterable[bytes]) -> None:
    """A stream of these pieces, each an HTTP chunk."""
    await x.open()
    await x.chunks(pieces)
    await x.end()


async def _reframed(x: Exchange, frame: Callable[[bytes], bytes]) -> None:
    await send_pieces(x, [frame(payload) for payload in stream(x.call, echo(x.call)).all()])


@behaviour("crlf", "stream")
async def crlf(x: Exchange) -> None:
    """Lines end with CRLF."""
    await _reframed(x, lambda payload: b"data: " + payload + b"\r\n\r\n")


@behaviour("cr", "stream")
async def cr(x: Exchange) -> None:
    """Lines end with CR alone."""
    await _reframed(x, lambda payload: b"data: " + payload + b"\r\r")


@behaviour("mixed_lines", "stream")
async def mixed_lines(x: Exchange) -> None:
    """A line ends with CRLF, the blank one after it with LF."""
    await _reframed(x, lambda payload: b"data: " + payload + b"\r\n\n")


@behaviour("crlf_cut", "stream")
async def crlf_cut(x: Exchange) -> None:
    """CRLF framing, each HTTP chunk ends between a CR and its LF."""
    text = b"".join(events_of(x)).replace(b"\n", b"\r\n")
    await send_pieces(x, [part for part in text.replace(b"\r", b"\r\x00").split(b"\x00") if part])


@behaviour("bom", "stream")
async def bom(x: Exchange) -> None:
    """A byte order mark in front of the first event."""
    await send_pieces(x, [BOM, *events_of(x)])


@behaviour("comments", "stream")
async def comments(x: Exchange) -> None:
    """A comment line before each event, and one inside it."""
    await _reframed(x, lambda payload: b": keep-alive\n\n: and\ndata: " + payload + b"\n:\n\n")


@behaviour("multi_line_data", "stream")
async def multi_line_data(x: Exchange) -> None:
    """Each JSON payload is spread over several data lines."""

    def frame(payload: bytes) -> bytes:
        text = payload if payload == b"[DONE]" else json.dumps(json.loads(payload), indent=1).encode()
        return b"".join(b"data: " + line + b"\n" for line in text.split(b"\n")) + b"\n"

    await _reframed(x, frame)


@behaviour("no_space", "stream")
async def no_space(x: Exchange) -> None:
    """`data:` without the space."""
    await _reframed(x, lambda payload: b"data:" + payload + b"\n\n")


@behaviour("two_spaces", "stream")
async def two_spaces(x: Exchange) -> None:
    """`data:` with two spaces: one belongs to the payload, [DONE]'s too."""
    await _reframed(x, lambda payload: b"data:  " + payload + b"\n\n")


@behaviour("event_fields", "stream")
async def event_fields(x: Exchange) -> None:
    """`event: message`, `id:` and `retry:` fields, and an unknown one, in each event."""
    await _reframed(x, lambda payload: b"event: message\nid: 7\nretry: 1000\nfoo: bar\ndata: " + payload + b"\n\n")


@behaviour("extra_blank_lines", "stream")
async def extra_blank_lines(x: Exchange) -> None:
    """Blank lines before the first event and between events."""
    await send_pieces(x, [b"\n\n", *(piece + b"\n\n" for piece in events_of(x))])


@behaviour("data_last", "stream")
async def data_last(x: Exchange) -> None:
    """An event without data (only `event:`) between the others; it is none."""
    await _reframed(x, lambda payload: b"event: nothing\n\ndata: " + payload + b"\n\n")


@behaviour("no_last_newline", "stream")
async def no_last_newline(x: Exchange) -> None:
    """The body ends with `data: [DONE]`, no newline; the HTTP body is well ended."""
    await send_pieces(x, [*events_of(x)[:-1], b"data: [DONE]"])


@behaviour("one_last_newline", "stream")
async def one_last_newline(x: Exchange) -> None:
    """The body ends with one newline after [DONE], no blank line."""
    await send_pieces(x, [*events_of(x)[:-1], b"data: [DONE]\n"])


@behaviour("done_spaces", "stream")
async def done_spaces(x: Exchange) -> None:
    """[DONE] with a space after it."""
    await send_pieces(x, [*events_of(x)[:-1], b"data: [DONE] \n\n"])


@behaviour("two_done", "stream")
async def two_done(x: Exchange) -> None:
    """[DONE] twice."""
    await send_pieces(x, [*events_of(x), b"data: [DONE]\n\n"])


@behaviour("after_done", "stream")
async def after_done(x: Exchange) -> None:
    """A content event and a comment after [DONE]."""
    await send_pieces(x, [*events_of(x), event(stream(x.call, echo(x.call)).content[0]), b": bye\n\n"])


@behaviour("one_byte_writes", "stream")
async def one_byte_writes(x: Exchange) -> None:
    """Every byte is a TCP write of its own, without pause."""
    data = x.head(200, (EVENTS, CHUNKED)) + b"".join(map(chunk, events_of(x))) + LAST_CHUNK
    for at in range(len(data)):
        await x.send(data[at : at + 1])
        await x.pause(0)


@behaviour("one_byte_chunks", "stream")
async def one_byte_chunks(x: Exchange) -> None:
    """Every byte of the body is an HTTP chunk of its own."""
    data = b"".join(events_of(x))
    await send_pieces(x, [data[at : at + 1] for at in range(len(data))])


@behaviour("one_write", "stream")
async def one_write(x: Exchange) -> None:
    """Head, body and end in one TCP write, the events in one HTTP chunk."""
    await x.send(x.head(200, (EVENTS, CHUNKED)) + chunk(b"".join(events_of(x))) + LAST_CHUNK)


@behaviour("odd_cuts", "stream", default=7, unit="bytes in a chunk")
async def odd_cuts(x: Exchange) -> None:
    """HTTP chunks of a fixed size that has nothing to do with the events."""
    data, size = b"".join(events_of(x)), max(1, x.parameter)
    await send_pieces(x, [data[at : at + size] for at in range(0, len(data), size)])


@behaviour("ascii_escapes", "stream")
async def ascii_escapes(x: Exchange) -> None:
    r"""All that is not ASCII is escaped (\uXXXX), emoji as surrogate pairs."""
    payloads = stream(x.call, echo(x.call)).before_done()
    await send_pieces(x, [event(json.dumps(json.loads(payload)).encode()) for payload in payloads] + [event(b"[DONE]")])
