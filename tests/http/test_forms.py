"""Forms with files: what is held, where, and what is refused; and files on their way to a provider, read as they are sent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from gateway.http.errors import ApiError
from gateway.http.forms import MOST_PARTS, MOST_TEXT_BYTES, Form, Forms
from gateway.http.spool import MEMORY_BYTES, Spool
from gateway.http.wire import BodyBroken, ClientGone
from gateway.transport import Transport, TransportLimits
from gateway.transport.origin import Origin
from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.upload import Piece
from tests.support.virtual_time import on_virtual_time
from tests.transport.raw_server import Peer, serving

LIMIT = 8 * 1024 * 1024
FILES = frozenset({"file", "image[]"})
HEADERS = {"content-type": "multipart/form-data; boundary=b"}


def part(name: str, value: bytes, filename: str | None = None, *more: str) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    lines = "".join(f"{one}\r\n" for one in more)
    return f'--b\r\ncontent-disposition: form-data; name="{name}"{file}\r\n{lines}\r\n'.encode() + value + b"\r\n"


END = b"--b--\r\n"


async def read(
    body: bytes, headers: dict[str, str] | None = None, size: int = 65_536, *, ends: str = "http.request"
) -> Form:
    """In pieces of so many bytes; then it ends, or the caller is gone."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
    messages.append({"type": ends, "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return await Forms(LIMIT).read(receive, headers or HEADERS, None, FILES)


def texts(form: Form) -> dict[str, Any]:
    return {name: msgspec.json.decode(raw) for name, raw in form.fields.items()}


@pytest.mark.parametrize("size", [1, 3, 100_000])
async def test_texts_and_files_wherever_they_stand(size: int) -> None:
    body = (
        part("file", b"\r\n--RIFF\r\n--", "my card 4111.WAV", "content-type: audio/wav; x=y")
        + part("model", b"whisper")
        + part("words[]", "ü".encode())
        + part("file", b"", "noending", "content-type: a\tb")
        + part("words[]", b"2")
        + END
    )
    form = await read(body, size=size)
    assert texts(form) == {"model": "whisper", "words[]": ["ü", "2"]}
    first, second = form.upload.files
    assert (first.name, first.ending, first.media) == ("file", ".WAV", "audio/wav")
    assert form.spool.read(first.at, first.size) == b"\r\n--RIFF\r\n--"
    assert (second.ending, second.media, second.size) == ("", "application/octet-stream", 0)
    assert len(form.upload.boundary) == 48


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no form at all", 400),
        (END, 200),
        (part("model", b"m"), 400),  # unterminated
        (part("model", b"m") + b"--b\r\n", 400),
        (part("model", b"\xff\xfe") + END, 400),
        (part("", b"x") + END, 400),
        (b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n" + END, 400),
        (b"--b\r\ncontent-type: text/plain\r\n\r\nx\r\n" + END, 400),
        (b"--b\r\nx: y\n\n" + END, 400),
        (b"--b\r\n" + b"x: " + b"y" * 10_000 + b"\r\n\r\n" + END, 400),
        (b"--b\r\n" + b"x: y\r\n" * 100 + b"\r\n" + END, 400),
        (b"--b\r\n\xff\xfe: y\r\n\r\n" + END, 400),
        (part("a", b"x") * MOST_PARTS + END, 200),
        (part("a", b"x") * (MOST_PARTS + 1) + END, 400),
        (part("a", b"x") * 100_000 + END, 400),
        (part("a", b"x" * (MOST_TEXT_BYTES + 1)) + END, 413),
        (part("a" * 3000, b"x") + END, 200),
        (part("file", b"x" * (LIMIT + 1), "f") + END, 413),
        (part("model", b"m", "evil.txt") + END, 400),  # a file where a text belongs
        (part("file", b"x") + END, 400),  # a text where a file belongs
        (part("image[]", b"x", "a.png") * 200 + END, 200),
        (part("model", b"m") + END + b"and more that nobody reads", 200),
        (part("model", b"m", None, "content-length: 5") + END, 400),
    ],
)
async def test_hostile_forms(body: bytes, status: int) -> None:
    if status == 200:
        (await read(body)).spool.close()
        return
    with pytest.raises(ApiError) as refused:
        await read(body)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415), ({"content-type": "application/json"}, 415), ({"content-type": "multipart/form-data"}, 400),
        ({"content-type": "multipart/form-data; boundary="}, 400),
        ({"content-type": f"multipart/form-data; boundary={'b' * 5000}"}, 400),
        ({"content-type": 'multipart/form-data; boundary="\u00fc"'}, 400),
        ({**HEADERS, "content-encoding": "gzip"}, 415), ({**HEADERS, "content-length": str(LIMIT + 1)}, 413),
    ],
)  # fmt: skip
async def test_hostile_headers(headers: dict[str, str], status: int) -> None:
    with pytest.raises(ApiError) as refused:
        await read(END, headers or {"x": "y"})
    assert refused.value.status == status


async def test_who_leaves_in_the_middle() -> None:
    body = part("file", b"x" * 3_000_000, "f.mp3")
    with pytest.raises(BodyBroken):
        await read(body, ends="http.disconnect")
    with pytest.raises(ClientGone):
        await read(body, {**HEADERS, "content-length": "4000000"}, ends="http.disconnect")


async def test_what_is_said_of_a_bad_form_holds_nothing_of_it() -> None:
    for body in (part("model", b"\xff secret"), b"--b\r\nsecret\xff: y\r\n\r\n", b"--b\r\nsecret\r\n\r\n"):
        with pytest.raises(ApiError) as refused:
            await read(body + END)
        assert "secret" not in str(refused.value)


async def test_a_large_file_is_on_disk_and_read_back_whole() -> None:
    data = bytes(range(256)) * 4096 * 5  # 5 MiB
    form = await read(part("file", data, "a.mp3") + END)
    (file,) = form.upload.files
    assert not form.spool.in_memory
    assert form.spool.read(file.at, file.size) == data
    form.spool.close()
    with pytest.raises(ValueError, match="closed"):
        form.spool.read(0, 1)


async def test_a_disk_that_is_full_is_told_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(ApiError) as refused:
        await read(part("file", b"x" * (MEMORY_BYTES + 1), "a.mp3") + END)
    assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "5")


@on_virtual_time
async def test_slow_ones_are_given_up() -> None:
    """A byte now and then keeps nothing open for ever."""
    sent: list[int] = []

    async def dripping() -> dict[str, Any]:
        await asyncio.sleep(20)
        sent.append(1)
        first = b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n'
        return {"type": "http.request", "body": first if len(sent) == 1 else b"x", "more_body": True}

    with pytest.raises(ApiError) as refused:
        await Forms(LIMIT).read(dripping, HEADERS, None, FILES)
    assert refused.value.status == 408
    assert len(sent) < 5


async def test_a_media_type_is_no_place_for_a_number() -> None:
    """It is sent on, and nothing else looks at it."""
    for media, sent in (("audio/mp4", "audio/mp4"), ("audio/4111-1111-1111-1111", "application/octet-stream")):
        body = f'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\ncontent-type: {media}\r\n\r\nx\r\n'
        form = await read(body.encode() + END)
        assert [one.media for one in form.upload.files] == [sent]
        form.spool.close()


# -- on the way to a provider


@pytest.fixture(name="transport")
async def _transport() -> AsyncIterator[Transport]:
    transport = Transport(TransportLimits())
    yield transport
    await transport.close()


async def spooled(data: bytes) -> Spool:
    spool = Spool()
    await spool.write(data)
    await spool.finish()
    return spool


def posting(*more: bytes | Piece) -> Call:
    return Call("POST", "/x", (("content-type", "x/y"),), b"", more=more)


DATA = bytes(range(256)) * 4096 * 3  # 3 MiB


async def test_pieces_are_sent_in_order_and_the_connection_is_kept(transport: Transport) -> None:
    got: list[bytes] = []

    async def script(peer: Peer) -> None:
        for _ in range(2):
            got.append((await peer.request()).partition(b"\r\n\r\n")[2])
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    spool = await spooled(DATA)
    async with serving(script) as server:
        transport.place("d", Origin("http", "127.0.0.1", server.port, ""))
        for reused in (False, True):
            call = posting(
                b"head", Piece(spool, 0, len(DATA)), b"middle", Piece(spool, 5, 0), Piece(spool, 7, 9), b"end"
            )
            exchange = await transport.send("d", call, connect_s=5)
            assert exchange.reused is reused
            assert (await exchange.head()).status == 200
            while await exchange.read():
                pass
            exchange.close()
    assert got == [b"head" + DATA + b"middle" + DATA[7:16] + b"end"] * 2


async def test_files_that_are_gone_end_the_attempt(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await asyncio.sleep(30)

    spool = await spooled(DATA)
    spool.close()
    async with serving(script) as server:
        transport.place("d", Origin("http", "127.0.0.1", server.port, ""))
        exchange = await transport.send("d", posting(Piece(spool, 0, len(DATA))), connect_s=5)
        with pytest.raises(AttemptFailed) as failed:
            await exchange.head()
        assert failed.value.outcome is Outcome.INTERNAL_ERROR
        exchange.close()
