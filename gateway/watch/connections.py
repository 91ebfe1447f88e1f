"""The connections of callers, by the kernel's counts: who begins nothing goes, who is idle makes room when many are open.

The server tells nobody of its connections; the process's own files do. Linux only: elsewhere the server's own bound holds.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

_LEAST_HEAD = 18  # bytes of a request: who sent fewer has not begun one
_LEAST_LONG = 64  # bytes of a request whose answer may take long: who sent fewer and got nothing is not waited for
_SILENT_MS, _SILENT_IF_MANY_MS, _IDLE_IF_MANY_MS = 30_000, 2_000, 10_000
_LOOK_S, _LOOKS_A_SWEEP = 1.0, 5
_ASK_AFTER_S, _ASK_AGAIN_S = 30, 15  # whole seconds of silence, before a caller is asked whether it is there
# tcpi_last_data_sent, _last_data_recv, _bytes_acked, _bytes_received, _segs_in, _notsent_bytes (linux/tcp.h)
_INFO = struct.Struct("=44xI4xI64xQQ4xII")
_FILES = Path("/proc/self/fd")
_log = logging.getLogger(__name__)

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Peer = Sequence[Any]  # its address and port first


class Connections:
    """Those at one port. `many`: files of the process, from which on room is made."""

    def __init__(self, port: int, many: int) -> None:
        self._port = port
        self._many = many
        self._asking: dict[int, Peer] = {}  # whose requests are in progress, by a number of each
        self._numbers = itertools.count()

    def watched(self, app: Asgi) -> Asgi:
        """The same application; whose request it works on is known."""
        asking, numbers = self._asking, self._numbers

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            number = next(numbers)
            asking[number] = scope["client"]
            try:
                await app(scope, receive, send)
            finally:
                del asking[number]

        return answer

    async def keep_few(self) -> None:
        """Who connects and begins no request goes after a while; while the process holds many files, at once, and so does
        who is idle.
        """
        for look in itertools.count(1):
            await asyncio.sleep(_LOOK_S)
            try:
                if _open_files() > self._many:
                    await asyncio.to_thread(self._make_room)
                elif look % _LOOKS_A_SWEEP == 0:
                    await asyncio.to_thread(drop_silent, self._port, _SILENT_MS, _LEAST_LONG)
            except OSError as error:  # no file is left to look with: it is tried again
                _log.debug("connections cannot be looked at: %s", error)

    def _make_room(self) -> None:
        drop_silent(self._port, _SILENT_IF_MANY_MS)
        drop_idle(self._port, _IDLE_IF_MANY_MS, list(self._asking.values()))


def drop_silent(port: int, for_ms: int, fewer_than: int = _LEAST_HEAD) -> None:
    """Close the connections that have been silent for so long, got no answer yet, and sent fewer bytes."""
    for one in _own_sockets(port):
        info = _counts(one)
        if info is None:
            continue
        _, since_ms, answered, received, _, _ = info
        # the kernel may count the start as one byte
        if received < fewer_than and answered <= 1 and since_ms >= for_ms:
            _close(one)


def drop_idle(port: int, for_ms: int, asking: Iterable[Peer]) -> None:
    """Close those on which nothing came or went for so long, and that are not of those who asked before this call."""
    busy = {_named(peer) for peer in asking}
    for one in _own_sockets(port):
        info = _counts(one)
        if info is None:
            continue
        sent_ms, received_ms, _, _, _, unsent = info
        if min(sent_ms, received_ms) >= for_ms and not unsent and _named(one.getpeername()) not in busy:
            _close(one)


def _named(peer: Peer) -> tuple[Any, int]:
    """Alike, however its address is spelt."""
    return ip_address(peer[0].partition("%")[0]), peer[1]


def cut_off(port: int) -> None:
    """The server would wait for ever for a client that does not read the end of what it was sent."""
    for one in _own_sockets(port):
        _close(one)


def drop_unread(port: int, seconds: float) -> None:
    """The kernel drops connections whose client left data unread for so long (tcp(7), TCP_USER_TIMEOUT), or has gone
    without a word: one that says nothing is asked now and then whether it is there (SO_KEEPALIVE).

    The server never gives up such a connection, and keeps what is buffered for it. Its listener's options are inherited.
    """
    for one in _own_sockets(port):
        if _listens(one):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1e3))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ASK_AFTER_S)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _ASK_AGAIN_S)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _listens(one: socket.socket) -> bool:
    return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _counts(one: socket.socket) -> tuple[int, ...] | None:
    """None for a listener, and where the kernel does not count: every connection begins with a segment."""
    if _listens(one):
        return None
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    if len(info) < _INFO.size:
        return None
    found = _INFO.unpack(info)
    return found if found[4] else None


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a listener, or one that has just gone
        one.shutdown(socket.SHUT_RDWR)


def _open_files() -> int:
    """0 but on Linux."""
    return sum(1 for _ in _FILES.iterdir()) if _FILES.exists() else 0


def _own_sockets(port: int) -> Iterator[socket.socket]:
    """The process's sockets on the port, its listener included, while they are looked at. None but on Linux."""
    for file in list(_FILES.iterdir()) if _FILES.exists() else ():
        with contextlib.suppress(OSError), _socket_of(int(file.name)) as one:
            if one.type is socket.SOCK_STREAM and one.getsockname()[1:2] == (port,):
                yield one


def _socket_of(file: int) -> socket.socket:
    """A socket of its own for what the file is open on: the server may close its own meanwhile. Raises OSError."""
    copy = os.dup(file)
    try:
        return socket.socket(fileno=copy)
    except OSError:  # no socket; the copy is still open
        os.close(copy)
        raise
