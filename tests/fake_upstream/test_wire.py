"""What the tables of expectations cannot say: times, heads, writes, and what compressed bodies hold."""

import gzip
import json
import re
import time
import zlib
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.fake_upstream import FakeUpstream
from tests.fake_upstream.reading import ask, raw_answer, request, signature


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_slow_is_slow_before_the_status_line(up: FakeUpstream, *, stream: bool) -> None:
    got = await ask(up.port, "slow@150", stream=stream)
    assert 0.15 <= got.reads[0][0] < 1


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_first_after_is_slow_after_the_headers(up: FakeUpstream, *, stream: bool) -> None:
    got = await ask(up.port, "first_after@150", stream=stream)
    assert got.reads[0][1].endswith(b"\r\n\r\n")
    assert got.reads[1][0] - got.reads[0][0] > 0.1
    assert got.reads[1][0] >= 0.15


async def test_parameters_count(up: FakeUpstream) -> None:
    assert signature((await ask(up.port, "tokens@5", stream=True)).body) == "RcccccFD"
    assert signature((await ask(up.port, "cut_after@1", stream=True)).body) == "Rc"
    assert (await ask(up.port, "status@418", stream=False)).status == 418
    assert (await ask(up.port, "status@204", stream=False)).body == b""
    assert (await ask(up.port, "echoes_key@401", stream=False, key="k")).status == 401


async def test_waits_are_named_in_each_form(up: FakeUpstream) -> None:
    assert (await ask(up.port, "rate_limit_429@7", stream=False)).header("retry-after") == "7"
    assert (await ask(up.port, "overloaded_503@3", stream=False)).header("retry-after") == "3"
    assert (await ask(up.port, "rate_limit_ms_429@250", stream=False)).header("retry-after-ms") == "250"
    when = parsedate_to_datetime((await ask(up.port, "rate_limit_date_429@60", stream=False)).header("retry-after"))
    assert 55 <= when.timestamp() - time.time() <= 61


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_who_follows_a_redirect_is_seen(up: FakeUpstream, status: int) -> None:
    got = await ask(up.port, f"redirect@{status}", stream=False)
    where = got.header("location")
    assert (got.status, where) == (status, f"http://127.0.0.1:{up.elsewhere_port}/v1/chat/completions")
    await ask(up.elsewhere_port, "ok", stream=False, key="sk-leaked")
    followed = [record for record in up.seen() if record["port"] == up.elsewhere_port]
    assert followed[0]["headers"]["authorization"] == "Bearer sk-leaked"


async def test_close_on_next_closes_on_the_next_request_only(up: FakeUpstream) -> None:
    raw = await raw_answer(up.port, request("close_on_next", stream=False) + request("ok", stream=False))
    assert len(re.findall(rb"HTTP/1\.1 ", raw)) == 1
    assert [record["answered_bytes"] > 0 for record in up.seen()] == [True, False]


async def test_writes_are_as_small_and_as_large_as_said(up: FakeUpstream) -> None:
    tiny = await ask(up.port, "one_byte_writes", stream=True)
    small = [len(data) for _, data in tiny.reads if data]
    assert len(small) > len(tiny.raw) / 4
    whole = await ask(up.port, "one_write", stream=True)
    assert len(whole.reads) == 1
    assert whole.raw.count(b"\r\n0\r\n\r\n") == 1


async def test_one_byte_chunks_and_odd_cuts(up: FakeUpstream) -> None:
    got = await ask(up.port, "one_byte_chunks", stream=True)
    assert got.raw.count(b"\r\n1\r\n") >= len(got.body) - 1
    assert b"\r\n7\r\n" in (await ask(up.port, "odd_cuts@7", stream=True)).raw


async def test_lines_of_the_head_are_as_said(up: FakeUpstream) -> None:
    async def head(model: str, *, stream: bool = False) -> bytes:
        return (await ask(up.port, model, stream=stream)).raw.partition(b"\r\n\r\n{")[0]

    assert (await head("continue_100")).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert (await head("early_hints_103")).count(b"HTTP/1.1 103 Early Hints\r\n") == 2
    assert (await head("http_1_0")).startswith(b"HTTP/1.0 200 OK\r\ncontent-type")
    assert b"content-length" not in await head("until_close")
    assert len(re.findall(rb"content-length: \d+", await head("two_lengths"))) == 2
    both = await head("length_and_chunked")
    assert b"content-length: 5\r\ntransfer-encoding: chunked" in both
    assert b"content-length: -1" in await head("bad_length")
    assert b"no colon here\r\n" in await head("bad_header")
    assert len(await head("huge_headers")) > 256 * 1000
    assert b"connection: close" in await head("connection_close")
    assert b"connection: close" not in await head("close_unsaid")
    assert b"content-type: text/plain" in await head("wrong_type")
    assert b"content-type" not in await head("no_type")
    assert b"content-type: text/html" in await head("html_502")
    assert b"content-type: application/json" in await head("json_for_stream", stream=True)
    assert b"content-type: text/event-stream" in await head("sse_for_json")
    assert (await head("garbage")).startswith(b"\x16\x03\x01")
    assert (await head("half_status_line")) == b"HTTP/1.1 2"
    assert b"x-ratelimit-remaining-tokens: 29000" in await head("rate_headers")


async def test_trailers_and_extensions_are_on_the_wire(up: FakeUpstream) -> None:
    got = await ask(up.port, "trailers", stream=False)
    assert b"\r\n0\r\nx-took-ms: 12\r\nx-done: yes\r\n\r\n" in got.raw
    assert b';name="a;b"\r\n' in (await ask(up.port, "chunk_extensions", stream=True)).raw
    assert (await ask(up.port, "cut_in_chunk", stream=True)).raw.count(b'"finish_reason":"stop"') == 0
    assert (await ask(up.port, "bad_chunk", stream=True)).raw.endswith(b"zz\r\nnot a chunk\r\n")


async def test_stray_bytes_follow_the_answer(up: FakeUpstream) -> None:
    for stream in (False, True):
        assert (await ask(up.port, "extra_answer", stream=stream)).after().endswith(b'nobody"}')
        assert b" left over" in (await ask(up.port, "extra_bytes", stream=stream)).raw


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_compressed_bodies_inflate_to_good_ones(up: FakeUpstream, *, stream: bool) -> None:
    got = await ask(up.port, "gzip", stream=stream)
    assert got.header("content-encoding") == "gzip"
    plain = gzip.decompress(got.body)
    assert signature(plain) == "RccccFD" if stream else json.loads(plain)["choices"]
    bomb = await ask(up.port, "gzip_bomb@4", stream=stream)
    inflated = gzip.decompress(bomb.body)
    assert len(inflated) > 4 * 2**20 > 100 * len(bomb.body)
    assert signature(inflated) == "RcFD" if stream else json.loads(inflated)["choices"]
    with pytest.raises(EOFError):
        gzip.decompress((await ask(up.port, "gzip_cut", stream=stream)).body)


async def test_a_compressed_stream_can_be_read_as_it_comes(up: FakeUpstream) -> None:
    got = await ask(up.port, "gzip", stream=True)
    unpacker = zlib.decompressobj(wbits=31)
    assert unpacker.decompress(got.body[: len(got.body) // 2]).startswith(b'data: {"id"')
    assert json.loads(gzip.decompress((await ask(up.port, "gzip_error", stream=False)).body))["error"]


@pytest.mark.parametrize(
    ("model", "capture"),
    [
        ("context_length_vllm_400", "vllm-0.32-smollm2/err-long.response.body"),
        ("model_vllm_404", "vllm-0.32-smollm2/err-model.response.body"),
        ("path_404", "vllm-0.32-smollm2/err-404.response.body"),
        ("unauthorized_vllm_401", "vllm-0.32-embed/err-noauth.response.txt"),
        ("context_length_llamacpp_400", "llama.cpp-xllamacpp-2026.10/err-long.response.txt"),
    ],
)
async def test_bodies_of_engines_are_those_seen_on_the_wire(up: FakeUpstream, model: str, capture: str) -> None:
    captured = Path(__file__).parents[3] / "shared" / "wire" / capture
    if not captured.exists():
        pytest.skip("the captures are not beside the checkout")
    assert (await ask(up.port, model, stream=False)).body in captured.read_bytes()
