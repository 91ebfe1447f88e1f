"""Content codings, good and bad, and bodies that grow."""

import functools
import zlib
from collections.abc import Iterable

from tests.fake_upstream.behaviours.http_framing import kind, pieces
from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import Script, stream, whole
from tests.fake_upstream.wire import JSON, MEBI, as_json, event, length

_GZIP = ("content-encoding", "gzip")
_GZIP_WINDOW = 31  # zlib's number for the gzip format
_FILLER = b"FILLER"


def zipped(parts: Iterable[bytes]) -> list[bytes]:
    """Each part compressed and flushed, so that it can be read at once; one gzip member in all."""
    packer = zlib.compressobj(level=1, wbits=_GZIP_WINDOW)
    out = [packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return [*out, packer.flush()]


@functools.lru_cache(maxsize=4)
def _bomb(before: bytes, mebi: int, after: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=_GZIP_WINDOW)
    block = b"0" * MEBI
    parts = [packer.compress(before), *(packer.compress(block) for _ in range(mebi)), packer.compress(after)]
    return b"".join([*parts, packer.flush()])


def _around(x: Exchange) -> tuple[bytes, bytes]:
    """A good answer, cut where its content would be: what comes before and after."""
    script = Script((_FILLER.decode(),))
    payloads = b"".join(map(event, stream(x.call, script).all()))
    before, _, after = (payloads if x.call.stream else as_json(whole(x.call, script))).partition(_FILLER)
    return before, after


@behaviour("gzip", "both")
async def gzip(x: Exchange) -> None:
    """A good answer with content-encoding gzip, in a stream flushed at each event; asked for or not."""
    await x.open(kind=kind(x), headers=(_GZIP,))
    await x.chunks(zipped(pieces(x)))
    await x.end()


@behaviour("gzip_cut", "both")
async def gzip_cut(x: Exchange) -> None:
    """A gzip body without its last 12 bytes; the HTTP body is well ended."""
    packed = b"".join(zipped(pieces(x)))[:-12]
    await x.whole(packed, kind=kind(x), headers=(_GZIP,))


@behaviour("gzip_lie", "both")
async def gzip_lie(x: Exchange) -> None:
    """content-encoding gzip, but the body is plain."""
    await x.whole(b"".join(pieces(x)), kind=kind(x), headers=(_GZIP,))


@behaviour("unknown_encoding", "both")
async def unknown_encoding(x: Exchange) -> None:
    """A content-encoding that nobody knows, over bytes that are not text."""
    await x.whole(b"\x8b\x01\x02\xff" * 16, kind=kind(x), headers=(("content-encoding", "x-secret"),))


@behaviour("gzip_bomb", "both", default=100, unit="MiB when inflated")
async def gzip_bomb(x: Exchange) -> None:
    """A well-formed answer of a few 100 KB that inflates to 100 MiB or more."""
    before, after = _around(x)
    await x.whole(_bomb(before, x.parameter, after), kind=kind(x), headers=(_GZIP,))


@behaviour("big_body", "json", default=64, unit="MiB of content")
async def big_body(x: Exchange) -> None:
    """A well-formed answer that is very large."""
    before, after = _around(x)
    await x.send(x.head(200, (JSON, length(len(before) + x.parameter * MEBI + len(after)))), before)
    block = b"0" * MEBI
    for _ in range(x.parameter):
        await x.send(block)
    await x.send(after)


@behaviour("endless_body", "json", hangs=True)
async def endless_body(x: Exchange) -> None:
    """A chunked JSON answer whose content never ends, as fast as it is read."""
    await x.open(kind=JSON)
    await x.chunks((_around(x)[0],))
    block = b"0" * 65_536
    while True:
        await x.chunks((block,))
        await x.pause(0)


@behaviour("endless_event", "stream", default=100, unit="MiB without a newline")
async def endless_event(x: Exchange) -> None:
    """One event of 100 MiB without a newline, then a FIN."""
    await x.open()
    await x.chunks((_around(x)[0],))
    block = b"0" * MEBI
    for _ in range(x.parameter):
        await x.chunks((block,))
    x.fin()


@behaviour("bad_utf8", "json")
async def bad_utf8(x: Exchange) -> None:
    """A JSON answer with bytes in its content that are not UTF-8."""
    await x.whole(whole_ok(x).replace(b"You said", b"You \xff\xfe said"))
