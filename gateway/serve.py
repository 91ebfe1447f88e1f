"""Serves: one process, one event loop, granian in it. SIGTERM and SIGINT stop it in order."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import shlex
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from gateway.api.policy_sentences import source_phrase
from gateway.app import Gateway
from gateway.settings import Settings
from gateway.settings.document import ServerSection

_log = logging.getLogger(__name__)
_BACKLOG = 1024
_FILES_A_REQUEST, _FILES_BESIDE = 2, 500
_HEAD_WITHIN_MS = 30_000  # of a connection's start, or its last answer: then the server closes it
_LEAST_HEAD = 18  # bytes of a request: who sent fewer has not begun one
_SILENT_MS = 2_000
_LOOK_S = 1.0
_RECEIVED_MS, _RECEIVED_BYTES = 52, 128  # tcpi_last_data_recv, tcpi_bytes_received (linux/tcp.h)
_GREET_WITHIN_S = 20.0
_CUT_OFF_AFTER_S = 2.0  # who has not read the end of its answer by then does not get it
_ASK_AFTER_S, _ASK_AGAIN_S = 30, 15  # whole seconds of silence, before a caller is asked whether it is there
_DECIDES = (
    "Detection decides: a request with an e-mail address or a phone number counts as confidential, with a card, a key or an "
    "id as restricted, unless the policy's 'detection' says otherwise, and goes only where 'clearance' allows."
)
_REPORTS = (
    "Detection only reports: nothing here says who may see personal data. 'clearance' on a deployment, or "
    "'detection: {mode: enforce}' in the policy, makes it decide."
)
_UNREAD_TIMES = 1.5  # the bound of readers: first the request ends, on record, then the connection


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises OSError if the address is taken, InUse if the state directory is."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it is handled: the start reads the policy anyway
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    host, port = settings.server.host, settings.server.port or _free_port(settings.server.host)
    _check_free(host, port)
    most_connections = _allow_files(settings.server.most_running)
    gateway = Gateway(settings)
    server = Server(
        gateway.asgi,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_enabled=False,
        backlog=_BACKLOG,
        backpressure=most_connections,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_WITHIN_MS),
    )
    loop = asyncio.get_running_loop()
    stop = _Stop(gateway, server, settings.server, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_policy)
    _calm_collector()
    gateway.start()
    greeter = loop.create_task(_greet(gateway, settings, host, port))
    closer = loop.create_task(_close_silent(port, most_connections // 2))
    try:
        await server.serve()
    finally:
        greeter.cancel()
        closer.cancel()
        await gateway.stop()


def _allow_files(most_running: int) -> int:
    """How many connections callers may hold, so that the process never runs out of files: more wait to be accepted.

    A request in progress holds two sockets; shells allow a process 1,024 files where it may have many more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_A_REQUEST * most_running + _FILES_BESIDE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _log.warning(
            "this process may open %d files; for server.most_running %d it may need %d (ulimit -n)",
            allowed,
            most_running,
            wanted,
        )
    has = allowed if soft == resource.RLIM_INFINITY else max(soft, allowed)
    return max((has - min(_FILES_BESIDE, has // 4)) // _FILES_A_REQUEST, 1)


def _calm_collector() -> None:
    """What is there at the start stays, so collections need not walk it: halves the 99th percentile under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


class _Stop:
    """Told once, it is not ready any more; after the grace it takes no new requests, and lets those in progress go on for
    a while; told again, it ends them.
    """

    def __init__(self, gateway: Gateway, server: Server, times: ServerSection, port: int) -> None:
        self._gateway, self._server, self._times, self._port = gateway, server, times, port
        self._told = False

    def __call__(self) -> None:
        if self._told:
            self._refuse()
            self._end()
            return
        self._told = True
        _log.info("stopping: requests in progress have %g s more; told again, it does not wait", self._times.drain_s)
        self._gateway.begin_stop()
        if self._times.grace_s:
            asyncio.get_running_loop().call_later(self._times.grace_s, self._refuse)
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._server.stop()  # type: ignore[no-untyped-call]
        _drop_silent(self._port, 0)
        asyncio.get_running_loop().call_later(self._times.drain_s, self._end)

    def _end(self) -> None:
        self._gateway.end_requests()
        asyncio.get_running_loop().call_later(_CUT_OFF_AFTER_S, _cut_off, self._port)


async def _greet(gateway: Gateway, settings: Settings, host: str, port: int) -> None:
    """Once it listens and a deployment can answer, so that the printed line works as it stands; or after a while."""
    until = time.monotonic() + _GREET_WITHIN_S
    while not (gateway.is_ready() and await _listens(host, port)) and time.monotonic() < until:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.05)
    _drop_unread(port, settings.server.reader_s * _UNREAD_TIMES)
    sys.stdout.write(_greeting(settings, gateway, host, port))
    sys.stdout.flush()


def _drop_unread(port: int, seconds: float) -> None:
    """The kernel drops connections whose client left data unread for so long (tcp(7), TCP_USER_TIMEOUT), or has gone
    without a word: one that says nothing is asked now and then whether it is there (SO_KEEPALIVE).

    The server never gives up such a connection, and keeps what is buffered for it. Its listener's options are inherited.
    """
    for one in _own_sockets(port):
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1e3))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ASK_AFTER_S)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _ASK_AGAIN_S)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


async def _close_silent(port: int, many: int) -> None:
    """While the process holds many files, who connects and begins no request makes room at once; else the server does later."""
    while True:
        await asyncio.sleep(_LOOK_S)
        if _open_files() > many:
            await asyncio.to_thread(_drop_silent, port, _SILENT_MS)


def _open_files() -> int:
    """0 but on Linux."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def _drop_silent(port: int, for_ms: int) -> None:
    for one in _own_sockets(port):
        if _silent_ms(one) >= for_ms:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _silent_ms(one: socket.socket) -> int:
    """Since a connection came that has begun no request; -1 for any other, and for a listener."""
    if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return -1
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED_BYTES + 8)
    if len(info) < _RECEIVED_BYTES + 8 or struct.unpack_from("Q", info, _RECEIVED_BYTES)[0] >= _LEAST_HEAD:
        return -1
    return int(struct.unpack_from("I", info, _RECEIVED_MS)[0])


def _cut_off(port: int) -> None:
    """The server would wait for ever for a client that does not read the end of what it was sent."""
    for one in _own_sockets(port):
        with contextlib.suppress(OSError):  # a listener, or one that has just gone
            one.shutdown(socket.SHUT_RDWR)


def _own_sockets(port: int) -> Iterator[socket.socket]:
    """The process's sockets on the port, its listener included, while they are looked at. None but on Linux."""
    folder = Path("/proc/self/fd")
    for file in list(folder.iterdir()) if folder.exists() else ():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(file.name))) as one:
            if one.type is socket.SOCK_STREAM and one.getsockname()[1:2] == (port,):
                yield one


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def _check_free(host: str, port: int) -> None:
    """granian shares ports; a second gateway on the same one would take half of the requests."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _command() -> str:
    """How this process was called."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m gateway"
    here = Path.cwd()
    return str(called.relative_to(here)) if called.is_relative_to(here) else str(called)


def _greeting(settings: Settings, gateway: Gateway, host: str, port: int) -> str:
    policy = gateway.policy_now()
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    model = next(iter(settings.catalogue.models), next(iter(settings.catalogue.deployments)))
    asked = '[{"role": "user", "content": "What is the capital of France?"}]'
    body = f'{{"model": "{model}", "messages": {asked}, "max_tokens": 100}}'
    local = settings.keyring.is_empty()
    key = "" if local else " -H 'authorization: Bearer YOUR_KEY'"
    operator = "" if local else " (with an operator's key)"
    of = "" if settings.is_packaged else f"-c {shlex.quote(settings.file)} "
    lines = [
        f"Gateway on {address} ({settings.file}; {source_phrase(policy, settings.policy.file)})",
        "",
        f"  curl -i {address}/v1/chat/completions -H 'content-type: application/json'{key} -d '{body}'",
        "",
        f"The answer's x-gateway-decision header is an id: {address}/admin/decisions/ID{operator}, or:",
        f"  {_command()} decisions {of}ID",
    ]
    lines.append(_REPORTS if gateway.detection_reports() else _DECIDES)
    if local:
        lines.append("No keys are configured: this machine only is served.")
    return "\n".join(lines) + "\n"
