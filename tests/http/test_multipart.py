"""Forms as they come: whole, in single bytes, malformed, endless; what is kept in memory of them is bounded."""

import asyncio
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from gateway.http.errors import ApiError
from gateway.http.multipart import Part, form_events, read_form
from gateway.http.wire import BodyBroken, ClientGone
from tests.support.virtual_time import on_virtual_time

B = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
HEADERS = {"content-type": f"multipart/form-data; boundary={B}"}
# RFC 7578, 4.2 to 4.4; a file whose bytes look like the beginning of a boundary
FILE = b"\r\n--" + B.encode()[:20] + b"\r\n\x00\xff\r\n--\r"
FORM = (
    f'--{B}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    f'--{B}\r\nContent-Disposition: form-data; name="file"; filename="a%22b.jsonl"\r\nContent-Type: application/jsonl\r\n\r\n'
).encode() + FILE + (
    f'\r\n--{B}\r\nContent-Disposition: form-data; name="tag[]"\r\n\r\neins\r\n'
    f'--{B}\r\nContent-Disposition: form-data; name="tag[]"\r\n\r\nzwölf\r\n--{B}--\r\n'
).encode()  # fmt: skip


class Body:
    """What a server hands over of a body in these pieces. After them it ends, or the caller is gone."""

    def __init__(self, pieces: Iterable[bytes], *, ends: bool = True) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._ends = ends

    async def receive(self) -> dict[str, Any]:
        piece = next(self._pieces, None)
        if piece is not None:
            return {"type": "http.request", "body": piece, "more_body": True}
        return {"type": "http.request"} if self._ends else {"type": "http.disconnect"}


class Kept:
    def __init__(self) -> None:
        self.files: dict[Part, bytearray] = {}
        self.size = 0

    async def sink_of(self, part: Part) -> "_File | None":
        return _File(self, part) if part.filename is not None else None


class _File:
    def __init__(self, kept: Kept, part: Part) -> None:
        self._whole = kept.files.setdefault(part, bytearray())

    async def write(self, data: bytes) -> None:
        self._whole += data


def _form(*parts: tuple[str, bytes]) -> bytes:
    made = b"".join(f"--{B}\r\n{head}\r\n\r\n".encode() + body + b"\r\n" for head, body in parts)
    return made + f"--{B}--\r\n".encode()


async def read(
    body: bytes | Iterable[bytes], headers: dict[str, str] = HEADERS, *, limit: int = 10_000_000, ends: bool = True
) -> tuple[list[tuple[str, str]], Kept]:
    kept = Kept()
    pieces = [body] if isinstance(body, bytes) else body
    return await read_form(Body(pieces, ends=ends).receive, headers, kept.sink_of, limit=limit), kept


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 10_000])
async def test_a_form_is_the_same_however_it_is_cut(step: int) -> None:
    fields, kept = await read(FORM[at : at + step] for at in range(0, len(FORM), step))
    assert fields == [("purpose", "batch"), ("tag[]", "eins"), ("tag[]", "zwölf")]
    assert kept.files == {Part("file", 'a"b.jsonl', "application/jsonl"): FILE}


async def test_each_part_is_told_before_its_bytes_and_after_them() -> None:
    events = [one async for one in form_events(Body([FORM]).receive, HEADERS, limit=10_000)]
    assert [one for one in events if not isinstance(one, bytes)] == [
        Part("purpose"), None, Part("file", 'a"b.jsonl', "application/jsonl"), None, Part("tag[]"), None, Part("tag[]"), None,
    ]  # fmt: skip


async def test_an_empty_file_and_an_empty_field_are_there() -> None:
    body = _form(
        ('Content-Disposition: form-data; name="f"; filename=""', b""), ("Content-Disposition: form-data; name=x", b"")
    )
    fields, kept = await read(body)
    assert fields == [("x", "")]
    assert kept.files == {Part("f", ""): b""}


HOSTILE = {
    "nothing": b"",
    "no boundary": b"x" * 500,
    "ends too soon": FORM[:200],
    "no last boundary": FORM[:-6],
    "no name": _form(("Content-Disposition: form-data", b"x")),
    "an empty name": _form(('Content-Disposition: form-data; name=""', b"x")),
    "not form-data": _form(('Content-Disposition: attachment; name="a"', b"x")),
    "no disposition": _form(("Content-Type: text/plain", b"x")),
    "a header without end": f"--{B}\r\nContent-Disposition: ".encode() + b"x" * 100_000,
    "many headers": _form(("\r\n".join(["Content-Disposition: form-data; name=a", *["X-A: b"] * 50]), b"x")),
    "a header that is no UTF-8": f"--{B}\r\nContent-Disposition: form-data; name=".encode() + b"\xff\r\n\r\nx",
    "a NUL in a header's name": f"--{B}\r\nContent\x00: a\r\n\r\nx".encode(),
    "bare newlines": FORM.replace(b"\r\n", b"\n"),
    "many parts": _form(*[("Content-Disposition: form-data; name=a", b"x")] * 200),
    "a long field": _form(("Content-Disposition: form-data; name=a", b"x" * 70_000)),
    "long fields together": _form(*[("Content-Disposition: form-data; name=a", b"x" * 30_000)] * 3),
    "a field that is no UTF-8": _form(("Content-Disposition: form-data; name=a", b"\xff")),
    "a length that is not so": _form(("Content-Disposition: form-data; name=a\r\nContent-Length: 3", b"xxxxxx")),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("step", [1, 1_000_000])
async def test_what_is_malformed_is_a_400_that_says_why(name: str, step: int) -> None:
    body = HOSTILE[name]
    step = max(step, len(body) // 2000)
    with pytest.raises(ApiError) as caught:
        await read(body[at : at + step] for at in range(0, len(body), step))
    assert caught.value.status == 400
    assert caught.value.code in {"invalid_multipart", "invalid_value"}
    assert caught.value.message


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 415), ("", 415), ("multipart/mixed; boundary=a", 415), ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400), (f"multipart/form-data; boundary={'a' * 300}", 400),
        ('multipart/form-data; boundary="a\nb"', 400), ("multipart/form-data; boundary=\xe9", 400),
    ],
)  # fmt: skip
async def test_what_is_no_form_is_refused_before_it_is_read(kind: str, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        await read([], {"content-type": kind}, ends=False)
    assert caught.value.status == status


async def test_one_that_is_compressed_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        await read(FORM, {**HEADERS, "content-encoding": "gzip"})
    assert caught.value.status == 415


@pytest.mark.parametrize("announced", [{}, {"content-length": "100000"}])
async def test_too_large(announced: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        await read([FORM] * 100, {**HEADERS, **announced}, limit=len(FORM))
    assert caught.value.status == 413


async def test_a_caller_that_leaves() -> None:
    with pytest.raises(BodyBroken):
        await read([FORM[:100]], ends=False)
    with pytest.raises(ClientGone):
        await read([FORM[:100]], {**HEADERS, "content-length": "500"}, ends=False)


@on_virtual_time
async def test_one_that_stops_sending_is_given_up() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(1000)
        return {}

    with pytest.raises(ApiError) as caught:
        await read_form(receive, HEADERS, Kept().sink_of, limit=1000)
    assert caught.value.status == 408


@on_virtual_time
async def test_one_that_comes_by_drips_is_given_up() -> None:
    """It would hold a file and a place for as long as its sender likes; a slow line is no reason."""
    took: dict[float, float] = {}
    for bytes_s in (1.0, 100_000.0):
        sent, loop = [0], asyncio.get_running_loop()

        async def receive(bytes_s: float = bytes_s, sent: list[int] = sent) -> dict[str, Any]:
            await asyncio.sleep(10)
            sent[0] += 1
            begun = f'--{B}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
            body = begun if sent[0] == 1 else b"x" * int(10 * bytes_s)
            return {"type": "http.request", "body": body, "more_body": sent[0] < 100}

        began = loop.time()
        with pytest.raises(ApiError) as caught:
            await read_form(receive, HEADERS, Kept().sink_of, limit=10**9)
        took[caught.value.status] = loop.time() - began
    assert took[408] < 120
    assert took[400] > 900  # to its end, which is none of a form


async def test_a_large_file_is_not_kept_in_memory() -> None:
    class Counting:
        size = 0

        async def write(self, data: bytes) -> None:
            self.size += len(data)

    sink = Counting()

    async def sink_of(_: Part) -> Counting:
        return sink

    piece = b"0123456789abcdef" * 4096

    def pieces() -> Iterator[bytes]:
        yield f'--{B}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
        for _ in range(800):
            yield piece
        yield f"\r\n--{B}--".encode()

    tracemalloc.start()
    try:
        await read_form(Body(pieces()).receive, HEADERS, sink_of, limit=10**9)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.size == 800 * len(piece)
    assert peak < 1_000_000
