"""The server: two ports on 127.0.0.1, the second only to see who follows a redirect."""

import asyncio
import json
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from tests.fake_upstream import control
from tests.fake_upstream.connection import Connection, State
from tests.fake_upstream.http1 import Request, WatchedReader


class FakeUpstream:
    """An OpenAI-style server whose model names are behaviours. `async with FakeUpstream() as up: up.base_url`.

    `port` 0 takes a free one. `api_key`: other bearers are refused. `max_hold_s` bounds what hangs for ever.
    """

    def __init__(self, *, port: int = 0, api_key: str | None = None, max_hold_s: float = 600.0) -> None:
        self._wanted_port = port
        self._state = State(api_key, max_hold_s)
        self._servers: list[asyncio.Server] = []
        self.port = port

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def elsewhere_port(self) -> int:
        """Where redirects point to."""
        return self._state.elsewhere_port

    def seen(self) -> list[dict[str, Any]]:
        """The requests so far, as `GET /_seen` has them."""
        return self._state.seen.rows()

    def open(self) -> dict[str, int]:
        """What is open now, as `GET /_open` has it."""
        return control.counts(self._state)

    def reset(self) -> None:
        """Forget the requests seen, as `POST /_reset` does."""
        self._state.seen.clear()

    def control(self, path: str, body: bytes | None) -> Any:
        """What a POST of this body to `/_...` answers, and a GET where it is None. Raises ValueError if it is refused."""
        content = body or b""
        request = Request("GET" if body is None else "POST", path, "HTTP/1.1", (), content, len(content), "")
        status, answer = control.inspect(self._state, request, besides=0)
        if status != HTTPStatus.OK:
            raise ValueError(answer)
        return json.loads(answer)

    async def start(self) -> None:
        """Listen."""
        self.port = await self._listen(self._wanted_port)
        self._state.elsewhere_port = await self._listen(0)

    async def stop(self) -> None:
        """Close the ports and every connection, whatever is in progress."""
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            await connection.stop()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _listen(self, port: int) -> int:
        server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", port, backlog=4096)
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = WatchedReader()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            Connection(self._state, reader, writer).start()

        return asyncio.StreamReaderProtocol(reader, connected)
