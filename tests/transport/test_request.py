"""What is on the wire, and what can never be."""

import re

import pytest

from gateway import __version__
from gateway.transport import Origin, Transport, TransportLimits
from gateway.transport.signers import Signature, bearer, in_header, in_query
from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import CALL, OK, always, ask, client, serving


async def test_the_bytes_of_a_request() -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        await ask(transport)
        assert server.requests == [
            b"POST /v1/chat HTTP/1.1\r\ncontent-type: application/json\r\n"
            b"host: 127.0.0.1:%d\r\nuser-agent: gateway/%s\r\naccept-encoding: identity\r\n"
            b"authorization: Bearer secret\r\ncontent-length: 7\r\n\r\n"
            % (server.port, __version__.encode())
            + b'{"a":1}'
        ]


async def test_an_empty_body_says_so() -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        await ask(transport, Call("GET", "/models", (), b""))
        assert re.search(rb"content-length: 0\r\n\r\n$", server.requests[0])


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "/x", (("a", "b\r\nx: y"),), b""),
        Call("POST", "/x", (("a", "b\n"),), b""),
        Call("POST", "/x", (("a", "b\r"),), b""),
        Call("POST", "/x", (("a", "b\0"),), b""),
        Call("POST", "/x", (("a\r\nb", "c"),), b""),
        Call("POST", "/x", (("a", "\u20ac"),), b""),
        Call("POST", "/x y", (), b""),
        Call("POST", "/x\r\nhost: other", (), b""),
        Call("POST", "/\u20ac", (), b""),
    ],
)
async def test_nothing_is_smuggled_into_a_request(call: Call) -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        with pytest.raises(ValueError):
            await transport.send("d", call, connect_s=1.0)
        assert await ask(transport) == (200, b"ok")
        assert len(server.requests) == 1


async def test_a_credential_with_a_line_break_is_refused_when_placed() -> None:
    async with client(1) as transport:
        with pytest.raises(ValueError):
            transport.place("d", Origin("http", "127.0.0.1", 1, ""), bearer("x\ny"))


async def test_a_deployment_without_a_place() -> None:
    async with client(1) as transport:
        transport.remove("d")
        with pytest.raises(AttemptFailed) as caught:
            await transport.send("d", CALL, connect_s=1.0)
        assert caught.value.outcome is Outcome.CONNECT_FAILED


def redacted(headers: dict[str, str], text: str) -> str:
    transport = Transport(TransportLimits())
    transport.place("d", Origin("http", "127.0.0.1", 1, ""), Signature(headers, secrets=tuple(headers.values())))
    return transport.redact("d", text)


@pytest.mark.parametrize(
    ("headers", "text", "left"),
    [
        ({"authorization": "Bearer s3cret"}, "bad key s3cret!", "bad key [redacted]!"),
        ({"authorization": "Bearer s3cret"}, "bad: Bearer s3cret", "bad: [redacted]"),
        ({"x-api-key": ""}, "nothing to hide", "nothing to hide"),
        ({}, "nothing to hide", "nothing to hide"),
    ],
)
def test_a_credential_is_taken_out_of_text(headers: dict[str, str], text: str, left: str) -> None:
    assert redacted(headers, text) == left


@pytest.mark.parametrize(
    ("signature", "on_the_wire"),
    [
        (in_header("x-api-key")("k=y/secret"), b"x-api-key: k=y/secret\r\n"),
        (in_query("key")("k=y/secret"), b"POST /v1/chat?key=k%3Dy%2Fsecret HTTP/1.1\r\n"),
        (bearer("k=y/secret"), b"authorization: Bearer k=y/secret\r\n"),
    ],
)
async def test_signers_put_the_key_where_the_provider_looks(signature: Signature, on_the_wire: bytes) -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        transport.place("d", Origin("http", "127.0.0.1", server.port, "/v1"), signature)
        await ask(transport)
        assert on_the_wire in server.requests[0]
        assert server.requests[0].count(b"secret") == 1
        assert transport.redact("d", "they said k=y/secret and k%3Dy%2Fsecret") == "they said [redacted] and [redacted]"
