"""TLS against certificates made for the test."""

import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from gateway.transport import Origin, Transport
from gateway.transport.signers import bearer
from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import CALL, OK, Peer, Server, always, ask, client, once, serving

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("tls")
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def serves(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusts(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate[0])


def place(transport: Transport, server: Server, tls: ssl.SSLContext | None, host: str = "localhost") -> None:
    transport.place("d", Origin("https", host, server.port, "/v1"), bearer("secret"), tls)


async def failure_of(transport: Transport, connect_s: float = 2.0) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        await transport.send("d", CALL, connect_s=connect_s)
    assert transport.stats() == {"d": (0, 0)}
    return caught.value


async def test_a_connection_is_used_again(serves: ssl.SSLContext, trusts: ssl.SSLContext) -> None:
    async with serving(always(OK), serves) as server, client(1) as transport:
        place(transport, server, trusts)
        for _ in range(3):
            assert await ask(transport) == (200, b"ok")
        assert [peer.asked for peer in server.peers] == [3]


async def test_a_stale_connection_is_replaced(serves: ssl.SSLContext, trusts: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()

    async with serving(script, serves) as server, client(1) as transport:
        place(transport, server, trusts)
        for _ in range(2):
            assert await ask(transport) == (200, b"ok")
        assert len(server.requests) == 3


async def test_a_body_that_ends_early(serves: ssl.SSLContext, trusts: ssl.SSLContext) -> None:
    async with serving(once(OK[:-1]), serves) as server, client(1) as transport:
        place(transport, server, trusts)
        with pytest.raises(AttemptFailed) as caught:
            await ask(transport)
        assert caught.value.outcome is Outcome.TRUNCATED


async def test_a_body_without_a_length(serves: ssl.SSLContext, trusts: ssl.SSLContext) -> None:
    large = b"x" * 1_000_000
    async with serving(once(b"HTTP/1.1 200 OK\r\n\r\n" + large), serves) as server, client(1) as transport:
        place(transport, server, trusts)
        assert await ask(transport) == (200, large)


async def test_leaving_is_seen_at_once(serves: ssl.SSLContext, trusts: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
        await peer.watch()

    async with serving(script, serves) as server, client(1) as transport:
        place(transport, server, trusts)
        exchange = await transport.send("d", CALL, connect_s=2.0)
        await exchange.head()
        left_at = time.monotonic()
        exchange.close()
        await server.peers[0].left.wait()
        assert server.peers[0].left_at - left_at < 0.1


async def test_a_certificate_that_nobody_vouches_for(serves: ssl.SSLContext) -> None:
    async with serving(always(OK), serves) as server, client(1) as transport:
        place(transport, server, None)
        failure = await failure_of(transport)
        assert (failure.outcome, failure.detail) == (Outcome.TLS_FAILED, "CERTIFICATE_VERIFY_FAILED")
        assert server.requests == []


async def test_a_certificate_for_another_name(serves: ssl.SSLContext, trusts: ssl.SSLContext) -> None:
    async with serving(always(OK), serves) as server, client(1) as transport:
        place(transport, server, trusts, host="127.0.0.1")
        assert (await failure_of(transport)).outcome is Outcome.TLS_FAILED
        assert server.requests == []


async def test_a_server_that_speaks_no_tls(trusts: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(script) as server, client(1) as transport:
        place(transport, server, trusts)
        assert (await failure_of(transport)).outcome is Outcome.TLS_FAILED


async def test_the_handshake_is_part_of_connecting(trusts: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.watch()

    async with serving(script) as server, client(1) as transport:
        place(transport, server, trusts)
        started = time.monotonic()
        assert (await failure_of(transport, connect_s=0.2)).outcome is Outcome.CONNECT_TIMEOUT
        assert 0.19 < time.monotonic() - started < 0.3
        await server.peers[0].left.wait()
