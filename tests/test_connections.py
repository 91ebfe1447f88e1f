"""What connects and begins no request, speaks another protocol, or comes from another page."""

import contextlib
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from gateway.watch import connections
from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess, deployment
from tests.support.waiting import wait_for

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


def connected(gateway: GatewayProcess, sent: bytes = b"") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", gateway.port))
    one.settimeout(30)
    one.sendall(sent)
    return one


@pytest.fixture
def files() -> Iterator[Callable[[int], None]]:
    """Sets how many files this process, and what it starts, may open; afterwards it is as it was."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda number: resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_silent_connections_do_not_stop_the_service(
    upstream: Upstream, tmp_path: Path, files: Callable[[int], None]
) -> None:
    """More of them than the process may open files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files(500)
    with GatewayProcess(tmp_path, configuration(upstream.base_url, server={"most_running": 50})) as gateway:
        files(hard)
        with contextlib.ExitStack() as silent:
            for n in range(1100):
                silent.enter_context(connected(gateway, (b"", b"P", b"PRI * HTTP")[n % 3]))
            with connected(gateway, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n") as one:
                assert one.recv(100).startswith(b"HTTP/1.1 200")


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
    assert b"x-request-id" in answer


@pytest.mark.parametrize(("method", "path", "body", "status"), [
    ("GET", "/admin/nothing", b"", 404),
    ("DELETE", "/admin/explain", b"", 405),
    ("POST", "/admin/explain", b"{", 400),
    ("POST", "/admin/explain?keys=a", b"{}", 400),
    ("POST", "/admin/explain?team=a", b"{}", 400),
    ("GET", "/admin/decisions/0", b"", 404),
    ("GET", "/admin/decisions?limit=x", b"", 400),
    ("PUT", "/admin/policy", b"rules: 7", 422),
    ("POST", "/admin/policy/check", b"\xff", 400),
    ("GET", "/v1/models/none", b"", 404),
    ("GET", "/none", b"", 404),
])  # fmt: skip
def test_every_error_has_an_id(gateway: GatewayProcess, method: str, path: str, body: bytes, status: int) -> None:
    def ask(**headers: str) -> httpx.Response:
        return httpx.request(method, gateway.url + path, content=body, headers=headers, trust_env=False)

    answers = [ask(), ask(), ask(**{"x-request-id": "order-4711"}), ask(**{"x-request-id": "no <id>"})]
    assert [one.status_code for one in answers] == [status] * 4
    ids = [one.headers["x-request-id"] for one in answers]
    assert ids[2] == "order-4711"
    assert len(set(ids)) == 4
    assert "<" not in ids[3]
    assert answers[0].json()["error"]["code"]


SENT_IN_PART = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n{"


@pytest.mark.parametrize("leave", ["close", "reset", "half"])
def test_who_leaves_while_its_body_comes_is_not_rejected(gateway: GatewayProcess, leave: str) -> None:
    def counted(name: str) -> dict[str, float]:
        lines = httpx.get(f"{gateway.url}/metrics", trust_env=False).text.splitlines()
        return {one.rpartition(" ")[0]: float(one.rpartition(" ")[2]) for one in lines if one.startswith(name)}

    def left() -> float:
        return counted("gateway_abandoned_requests_total").get(
            'gateway_abandoned_requests_total{surface="chat.completions"}', 0
        )

    before, rejected = left(), counted("gateway_rejected_requests_total")
    with connected(gateway, SENT_IN_PART) as one:
        time.sleep(0.1)
        if leave == "reset":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if leave == "half":  # and it still reads
            one.shutdown(socket.SHUT_WR)
            assert b"incomplete_body" in one.recv(4000)
    wait_for(lambda: left() == before + 1, within_s=10)
    assert counted("gateway_rejected_requests_total") == rejected


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


def test_who_sent_no_whole_head_is_told_from_who_was_answered_or_waits() -> None:
    """By the kernel's counts, on a listener of this process."""
    request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 40\r\n\r\n" + b" " * 40
    short = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    sent = {
        "nothing": b"",
        "a byte": b"P",
        "a part": request[:40],
        "waits": request,
        "answered": short,
        "half": PREFACE,
    }
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as open_ones:
        port = listener.getsockname()[1]
        clients = {}
        for name, data in sent.items():
            clients[name] = open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            own = open_ones.enter_context(listener.accept()[0])
            clients[name].sendall(data)
            assert len(own.recv(1000) if data else b"") == len(data)
            if name == "answered":
                own.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                clients[name].recv(1000)
        assert _closed_by_sweep(clients, port) == {"nothing", "a byte", "a part", "half"}


def _closed_by_sweep(clients: dict[str, socket.socket], port: int) -> set[str]:
    connections.drop_silent(port, 60_000, connections._LEAST_LONG)
    assert not any(_is_closed(one) for one in clients.values())  # too soon
    connections.drop_silent(port, 0, connections._LEAST_LONG)
    return {name for name, one in clients.items() if _is_closed(one)}


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return not one.recv(1)
    except BlockingIOError:
        return False


@pytest.mark.long
def test_a_used_connection_stays_and_one_that_begins_nothing_goes(gateway: GatewayProcess) -> None:
    health = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with connected(gateway, health) as used, connected(gateway) as silent, connected(gateway, b"POST /v1/chat") as part:
        assert used.recv(1000).startswith(b"HTTP/1.1 200")
        files = len(os.listdir(f"/proc/{gateway.pid}/fd"))
        for one in (silent, part):
            one.settimeout(60)
            assert one.recv(100) == b""
        used.sendall(health)
        assert used.recv(1000).startswith(b"HTTP/1.1 200")
        assert len(os.listdir(f"/proc/{gateway.pid}/fd")) <= files  # six sweeps left nothing open


@pytest.mark.long
def test_who_is_idle_makes_room_and_who_waits_does_not(
    upstream: Upstream, tmp_path: Path, files: Callable[[int], None]
) -> None:
    """More idle connections, used before, than callers may hold."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    health = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    body = b'{"model": "waits", "messages": [{"role": "user", "content": "hi"}]}'
    ask = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    config = configuration(upstream.base_url, server={"most_running": 50})
    patient = {"connect_s": 1, "first_output_s": 60, "total_s": 60}
    config["deployments"]["waits"] = deployment(upstream.base_url, "slow@14000", timeouts=patient)
    files(200)
    with GatewayProcess(tmp_path, config) as gateway, contextlib.ExitStack() as idle:
        files(hard)
        waits = idle.enter_context(connected(gateway, ask))
        time.sleep(0.5)
        for _ in range(200):  # the first are closed by the gateway, the last wait to be accepted
            idle.enter_context(connected(gateway, health))
        with connected(gateway, health) as one:
            assert one.recv(100).startswith(b"HTTP/1.1 200")
        assert waits.recv(100).startswith(b"HTTP/1.1 200")


def test_looking_at_connections_keeps_no_file_open() -> None:
    """Nor those of what is no connection: pipes, events, files."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Path(__file__).open():
        port = listener.getsockname()[1]
        connections.drop_silent(port, 0)
        before = connections._open_files()
        for _ in range(3):
            connections.drop_silent(port, 0)
        assert connections._open_files() == before
