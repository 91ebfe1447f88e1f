"""What connects and begins no request, speaks another protocol, or comes from another page."""

import resource
import socket
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


def connected(gateway: GatewayProcess, sent: bytes = b"") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", gateway.port))
    one.settimeout(30)
    one.sendall(sent)
    return one


def test_silent_connections_do_not_stop_the_service(upstream: Upstream, tmp_path: Path) -> None:
    """More of them than the process may open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    with GatewayProcess(tmp_path, configuration(upstream.base_url, server={"most_running": 50})) as gateway:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        silent = [connected(gateway, (b"", b"P", b"PRI * HTTP")[n % 3]) for n in range(1100)]
        try:
            with connected(gateway, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n") as one:
                assert one.recv(100).startswith(b"HTTP/1.1 200")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for one in silent:
                one.close()


@pytest.mark.parametrize("sent", [b"", b"P", PREFACE])
def test_one_that_begins_no_request_does_not_delay_the_stop(upstream: Upstream, tmp_path: Path, sent: bytes) -> None:
    config = configuration(upstream.base_url, server={"drain_s": 60})
    with GatewayProcess(tmp_path, config) as gateway, connected(gateway, sent):
        time.sleep(0.2)
        assert gateway.stop() == 0  # which waits for less than drain_s


def test_http_2_is_off(gateway: GatewayProcess) -> None:
    with connected(gateway, PREFACE) as one:
        assert not one.recv(100).startswith(b"\x00\x00")


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/admin/explain"])
@pytest.mark.parametrize("body", [b"zz\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef", b"-1\r\n", b"ffffffffffffffffff\r\n"])
def test_malformed_chunks_are_told_in_openais_form(gateway: GatewayProcess, path: bytes, body: bytes) -> None:
    with connected(gateway, CHUNKED % path + body) as one:
        answer = one.recv(4000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code":"incomplete_body"' in answer
    assert b"x-request-id" in answer or path.startswith(b"/admin")


OTHER_PORT = "http://localhost:3000"


@pytest.mark.parametrize(("headers", "status"), [
    ({"origin": OTHER_PORT}, 403),
    ({"origin": OTHER_PORT, "content-type": "text/plain"}, 403),
    ({"origin": "https://127.0.0.1:1"}, 403),
    ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
    ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
    ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),
    ({}, 200),
])  # fmt: skip
def test_without_keys_a_page_of_another_port_may_not_use_admin(
    gateway: GatewayProcess, headers: dict[str, str], status: int
) -> None:
    body = b'{"model": "ok", "messages": [{"role": "user", "content": "hi"}]}'
    answer = httpx.post(f"{gateway.url}/admin/explain", content=body, headers=headers, trust_env=False)
    assert answer.status_code == status
    own = httpx.post(f"{gateway.url}/admin/explain", content=body, headers={"origin": gateway.url}, trust_env=False)
    assert own.status_code == 200
