"""Serves: one process, one event loop, granian in it. SIGTERM and SIGINT stop it in order."""

import asyncio
import gc
import logging
import resource
import shlex
import signal
import socket
import sys
import time
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from gateway.admin.policy_sentences import source_phrase
from gateway.app import Gateway
from gateway.settings import Settings
from gateway.settings.document import ServerSection
from gateway.watch.connections import Connections, cut_off, drop_silent, drop_unread

_log = logging.getLogger(__name__)
_BACKLOG = 1024
_FILES_A_REQUEST, _FILES_BESIDE = 2, 500
_HEAD_WITHIN_MS = 150_000  # of a connection's start, or its last answer: balancers keep idle ones for 60 s and more
_GREET_WITHIN_S = 20.0
_CUT_OFF_AFTER_S = 2.0  # who has not read the end of its answer by then does not get it
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
    connections = Connections(port, most_connections // 2)
    server = Server(
        connections.watched(gateway.asgi),
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
    closer = loop.create_task(connections.keep_few())
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
        _log.info(
            "stopping: requests in progress have %g s more; a second signal ends them at once", self._times.drain_s
        )
        self._gateway.begin_stop()
        if self._times.grace_s:
            asyncio.get_running_loop().call_later(self._times.grace_s, self._refuse)
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._server.stop()  # type: ignore[no-untyped-call]
        drop_silent(self._port, 0)
        asyncio.get_running_loop().call_later(self._times.drain_s, self._end)

    def _end(self) -> None:
        self._gateway.end_requests()
        asyncio.get_running_loop().call_later(_CUT_OFF_AFTER_S, cut_off, self._port)


async def _greet(gateway: Gateway, settings: Settings, host: str, port: int) -> None:
    """Once it listens and a deployment can answer, so that the printed line works as it stands; or after a while."""
    until = time.monotonic() + _GREET_WITHIN_S
    while not (gateway.is_ready() and await _listens(host, port)) and time.monotonic() < until:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.05)
    drop_unread(port, settings.server.reader_s * _UNREAD_TIMES)
    sys.stdout.write(_greeting(settings, gateway, host, port))
    sys.stdout.flush()


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
