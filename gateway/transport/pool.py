"""Pooled HTTP/1.1 connections, one pool for each address, so that a dead backend cannot hold up another (FAULTS F11).

It has no retries of its own but one: a pooled connection that was lost at once, before the peer can have worked on the
request, or on which nothing of it arrived, is replaced once, and the record says so. A credential is bound to its
deployment's addresses (law 8): all are placed together, and a redirect is an answer like any other.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Sequence

from gateway import __version__
from gateway.transport.connection import Connection
from gateway.transport.credential import Signing
from gateway.transport.exchange import Exchange
from gateway.transport.limits import TransportLimits
from gateway.transport.origin import Origin
from gateway.transport.redaction import Redactor
from gateway.transport.sending import size_of
from gateway.transport.shortage import unconnected
from gateway.transport.signers import UNSIGNED, Signature
from gateway.transport.sigv4 import Unsigned
from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed, Outcome

_LARGE_BODY = 1024 * 1024  # whose digest takes milliseconds


class _Place:
    """One address of a deployment, its credential and connections. `signature`: the same for every call, or of each anew."""

    def __init__(self, origin: Origin, signature: Signature | Signing, tls: ssl.SSLContext | None) -> None:
        self.origin = origin
        self.tls = tls
        self.idle: list[Connection] = []  # the last used is at the end, and is used next
        self.open: set[Connection] = set()
        self.pending = 0
        self.gone = False
        fixed = {"host": origin.authority, "user-agent": f"gateway/{__version__}", "accept-encoding": "identity"}
        if isinstance(signature, Signature):
            fixed |= signature.headers
            self._query = f"?{signature.query}" if signature.query else ""
            self.signing: Signing | None = None
            self.redact = Redactor(signature.secrets).redact
        else:
            self._query, self.signing, self.redact = "", signature, signature.redact
        self._fixed = "".join(_line(name, value) for name, value in fixed.items())

    def request(self, call: Call, digest: str = "") -> bytes:
        """The request but for what of its body is read when it is sent; the credential is among the headers that are added
        here, last. `digest`: of the body, where it is signed. Raises AttemptFailed where it cannot be signed.
        """
        if not call.path.isascii() or not call.path.isprintable() or " " in call.path:
            raise ValueError("a call's path is printable ASCII without spaces")
        lines = "".join(_line(name, value) for name, value in call.headers)
        root = self.origin.path.removesuffix("/v1") if call.beside_api else self.origin.path
        target = f"{root}{call.path}{self._query}"
        if self.signing is not None:
            named = {**dict(call.headers), "host": self.origin.authority}
            signed = self.signing.headers(Unsigned(call.method, target, named, digest))
            lines += "".join(_line(name, value) for name, value in signed.items())
        head = f"{call.method} {target} HTTP/1.1\r\n{lines}{self._fixed}"
        length = len(call.body) + sum(size_of(one) for one in call.more)
        return f"{head}content-length: {length}\r\n\r\n".encode("latin-1") + call.body

    def close_idle(self) -> None:
        """None of them is used again."""
        for connection in tuple(self.idle):
            connection.abort()

    def forget(self, connection: Connection) -> None:
        """It cannot be used any more."""
        self.open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)


async def _digest(call: Call) -> str:
    """SHA-256 of the body, in hex; a large one's beside the event loop."""
    if call.more:
        raise ValueError("a body that is read while it is sent cannot be signed")
    body = call.body
    made = hashlib.sha256(body) if len(body) <= _LARGE_BODY else await asyncio.to_thread(hashlib.sha256, body)
    return made.hexdigest()


def _line(name: str, value: str) -> str:
    line = f"{name}: {value}"
    if "\r" in line or "\n" in line or "\0" in line:
        raise ValueError(f"header {name!r} holds a line break")
    return f"{line}\r\n"


class Transport:
    """Sends calls to deployments. One per process, for one event loop."""

    def __init__(self, limits: TransportLimits) -> None:
        self._limits = limits
        self._places: dict[str, tuple[_Place, ...]] = {}  # by deployment, then by address
        self._left: list[_Place] = []  # removed, with exchanges in progress
        self._closed = False
        self._sweeper: asyncio.TimerHandle | None = None

    def place(
        self,
        deployment: str,
        origins: Origin | Sequence[Origin],
        signature: Signature | Signing = UNSIGNED,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Bind a deployment to its addresses and credential. Again: move it; connections to the old ones close."""
        self.remove(deployment)
        all_origins = (origins,) if isinstance(origins, Origin) else origins
        if tls is None and any(origin.scheme == "https" for origin in all_origins):
            tls = ssl.create_default_context()
        self._places[deployment] = tuple(
            _Place(origin, signature, tls if origin.scheme == "https" else None) for origin in all_origins
        )

    def redact(self, deployment: str, text: str) -> str:
        """The text without the deployment's credential."""
        places = self._places.get(deployment)
        return places[0].redact(text) if places else text

    def remove(self, deployment: str) -> None:
        """Forget a deployment. Exchanges in progress go on."""
        places = self._places.pop(deployment, ())
        for place in places:
            place.gone = True
            place.close_idle()
        self._left = [left for left in (*self._left, *places) if left.open or left.pending]

    async def send(self, deployment: str, call: Call, *, connect_s: float, address: int = 0) -> Exchange:
        """Write the call on a connection to one of the deployment's addresses, by its position among them.

        Raises AttemptFailed if there is none to be had within `connect_s` seconds, or the call cannot be signed.
        """
        places = self._places.get(deployment)
        if not places:
            raise AttemptFailed(Outcome.CONNECT_FAILED, "the deployment has no address yet")
        place = places[address]
        signing = place.signing
        data = place.request(call, await _digest(call) if signing is not None and signing.of_body else "")
        connection = self._pooled(place) or await self._connect(place, connect_s)
        connection.write(data, call.more)

        async def again() -> Connection:
            fresh = await self._connect(place, connect_s)
            fresh.write(data, call.more)
            return fresh

        return Exchange(connection, self._limits, again, lambda used: self._release(place, used), place.close_idle)

    def stats(self) -> dict[str, tuple[int, int]]:
        """By deployment: open connections, and how many of them are idle."""
        return {
            name: (sum(len(place.open) for place in places), sum(len(place.idle) for place in places))
            for name, places in self._places.items()
        }

    async def close(self) -> None:
        """Close all connections, those in use too; who waits for a response is told. Nothing can be sent any more."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for place in (*self._all(), *self._left):
            place.gone = True
            for connection in tuple(place.open):
                connection.abort()
        self._places.clear()
        self._left.clear()
        await asyncio.sleep(0)

    def _all(self) -> list[_Place]:
        return [place for places in self._places.values() for place in places]

    def _pooled(self, place: _Place) -> Connection | None:
        """The one used last; if that has been idle too long, so have all."""
        if not place.idle:
            return None
        if place.idle[-1].idle_s >= self._limits.max_idle_s:
            place.close_idle()
            return None
        connection = place.idle.pop()
        connection.begin()
        return connection

    async def _connect(self, place: _Place, connect_s: float) -> Connection:
        if self._closed:
            raise AttemptFailed(Outcome.CONNECT_FAILED, "the gateway closes its connections")
        if len(place.open) + place.pending >= self._limits.max_connections:
            raise AttemptFailed(Outcome.OVERLOADED, f"{self._limits.max_connections} connections are in use")
        loop = asyncio.get_running_loop()
        origin = place.origin
        place.pending += 1
        try:
            async with asyncio.timeout(connect_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._limits, place.forget), origin.host, origin.port, ssl=place.tls
                )
        except TimeoutError:
            raise AttemptFailed(Outcome.CONNECT_TIMEOUT, f"no connection within {connect_s:.1f} s") from None
        except ssl.SSLError as error:
            raise AttemptFailed(Outcome.TLS_FAILED, error.reason or type(error).__name__) from None
        except OSError as error:
            raise unconnected(error) from None
        except UnicodeError:
            raise AttemptFailed(Outcome.CONNECT_FAILED, "the host's name is not one") from None
        finally:
            place.pending -= 1
        if self._closed:
            connection.abort()
        if connection.is_open:
            place.open.add(connection)
        return connection

    def _release(self, place: _Place, connection: Connection) -> None:
        if place.gone:
            connection.abort()
            return
        connection.rest()
        place.idle.append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._limits.max_idle_s, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle too long; look again while anything is idle."""
        for place in self._all():
            for connection in [idle for idle in place.idle if idle.idle_s >= self._limits.max_idle_s]:
                connection.abort()
        any_idle = any(place.idle for place in self._all())
        again_s = self._limits.max_idle_s / 2
        self._sweeper = asyncio.get_running_loop().call_later(again_s, self._sweep) if any_idle else None
