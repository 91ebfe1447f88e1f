"""A gateway and its upstreams in this process, on virtual time: the application as it is served, but for the server in front."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx

from gateway.app import Gateway
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from tests.fake_upstream.server import FakeUpstream
from tests.support.fleet import Stand
from tests.support.scripted import Asked
from tests.support.virtual_time import VirtualTime
from tests.transport.raw_server import Peer, serving

READY_S = 20
_KEPT_WITHIN_S = 30  # real: the journal is written by a thread
_LOOK_S = 0.002


@dataclass
class Received:
    """An answer: header names are lower case; when its first byte and its end came, in seconds after the request."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    first_s: float | None = None
    all_s: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)


class InProcessGateway:
    """Serves `config` from its start to its stop. `env` is all of its environment."""

    def __init__(self, virtual: VirtualTime, directory: Path, config: dict[str, Any], env: dict[str, str]) -> None:
        self.directory = directory
        self.virtual = virtual
        self.file = directory / "gateway.yaml"
        self.state = directory / "state"
        self._config = config
        self._env = {**env, "GATEWAY_STATE_DIR": str(self.state)}

    def start(self) -> Self:
        self.file.write_text(json.dumps(self._config))
        self.virtual.run(self._start())
        self.virtual.wait_for(self.app.is_ready, within_s=READY_S)
        return self

    async def _start(self) -> None:
        self.app = Gateway(load(str(self.file), self._env, OFFERS))
        self.app.start()

    def stop(self) -> None:
        self.virtual.run(self.app.stop())

    def reload_policy(self) -> None:
        """As after a SIGHUP."""

        async def reload() -> None:
            self.app.reload_policy()

        self.virtual.run(reload())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def ask(
        self,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        query: str = "",
        leaves: asyncio.Event | None = None,
    ) -> Received:
        """A GET, or with a body, which becomes JSON, a POST. Once `leaves` is set, the caller is gone."""
        content = b"" if body is None else json.dumps(body).encode()
        named = {"host": "localhost", "content-type": "application/json", **(headers or {})}
        return await self.send("GET" if body is None else "POST", path, named, content, query=query, leaves=leaves)

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes,
        *,
        query: str = "",
        leaves: asyncio.Event | None = None,
    ) -> Received:
        """The whole answer to this request, or what came of it until the caller left."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        }  # fmt: skip
        received, parts, since = Received(), [], time.monotonic()
        messages = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await (leaves or asyncio.Event()).wait()  # without it, it stays to the end
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                received.status = message["status"]
                received.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            elif part := message.get("body", b""):
                if received.first_s is None:
                    received.first_s = time.monotonic() - since
                parts.append(part)

        await self.app.asgi(scope, receive, send)  # type: ignore[arg-type]
        received.body, received.all_s = b"".join(parts), time.monotonic() - since
        return received

    def client(self, headers: dict[str, str] | None = None) -> httpx.Client:
        """A caller outside of the loop: each of its requests runs it until the answer is whole."""
        return httpx.Client(base_url="http://localhost", headers=headers, transport=_Served(self))

    def async_client(self) -> httpx.AsyncClient:
        """A caller on the loop."""
        return httpx.AsyncClient(base_url="http://localhost", transport=_Served(self))

    async def chat(self, model: str, headers: dict[str, str] | None = None, **more: Any) -> Received:
        """A chat completion of one short message, if `more` has no other."""
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
        return await self.ask("/v1/chat/completions", body, headers)

    def chats(self, *models: str, headers: dict[str, str] | None = None, **more: Any) -> list[Received]:
        """So many at once; the answers in the order of the questions."""

        async def run() -> list[Received]:
            return await asyncio.gather(*(self.chat(model, headers, **more) for model in models))

        return self.virtual.run(run())

    def metric(self, line: str) -> float:
        """The value of a series, by its name with labels as they are exposed; 0 where there is none."""
        told = self.get("/metrics").body.decode().splitlines()
        return next((float(one.rpartition(" ")[2]) for one in told if one.rpartition(" ")[0] == line), 0.0)

    def states(self) -> dict[str, str]:
        """What `/readyz` says of each deployment."""
        found: dict[str, str] = self.get("/readyz").json()["deployments"]
        return found

    def get(self, path: str, headers: dict[str, str] | None = None) -> Received:
        return self.virtual.run(self.ask(path, headers=headers))

    def decision(self, decision_id: str, key: str | None = None) -> dict[str, Any]:
        """The finished record of a decision, and its sentences; waits for its end. `key` is an operator's."""
        headers = {"authorization": f"Bearer {key}"} if key else {}

        def found() -> dict[str, Any] | None:
            answer = self.get(f"/admin/decisions/{decision_id}", headers)
            ended = answer.status == 200 and not answer.json()["record"].get("in_progress")
            return answer.json() if ended else None

        return _kept(found, f"decision {decision_id} did not end")

    def newest(self, model: str, outcome: str) -> dict[str, Any]:
        """The newest record of a request for this model that ended so."""

        def found() -> dict[str, Any] | None:
            for record in self.get("/admin/decisions").json()["record"]:
                if (record["decision"]["facts"]["model"], record.get("outcome")) == (model, outcome):
                    return dict(record)
            return None

        return _kept(found, f"no request for {model} ended as {outcome}")


def _kept(found: Callable[[], dict[str, Any] | None], otherwise: str) -> dict[str, Any]:
    """What the journal's thread, which the clock does not wait for, has written by and by."""
    until = time.perf_counter() + _KEPT_WITHIN_S
    while time.perf_counter() < until:
        if (one := found()) is not None:
            return one
        time.sleep(_LOOK_S)
    raise AssertionError(otherwise)


class _Served(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """What carries a client's requests to the application."""

    def __init__(self, gateway: InProcessGateway) -> None:
        self._gateway = gateway

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._gateway.virtual.run(self._served(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return await self._served(request)

    async def _served(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        got = await self._gateway.send(
            request.method, url.path, request.headers, request.content, query=url.query.decode()
        )
        return httpx.Response(got.status, headers=got.headers, content=got.body)


class InProcessFleet:
    """So many fake upstreams on the same loop, until the block ends."""

    def __init__(self, virtual: VirtualTime, size: int) -> None:
        self._virtual = virtual
        self._upstreams = [FakeUpstream() for _ in range(size)]
        self.stands: list[Stand] = []

    def __enter__(self) -> Self:
        for one in self._upstreams:
            self._virtual.run(one.start())
        self.stands = [Stand(one.port, one.control) for one in self._upstreams]
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._upstreams:
            self._virtual.run(one.stop())


class InProcessScripted:
    """As `Scripted`, on the same loop: `reply` gives a whole HTTP response, or None to close the connection."""

    def __init__(self, virtual: VirtualTime, reply: Callable[[Asked], Awaitable[bytes | None]]) -> None:
        self.asked: list[Asked] = []
        self._virtual, self._reply = virtual, reply
        self._serving = serving(self._script)
        self._port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def paths(self) -> list[str]:
        """Of all that was asked."""
        return [one.path for one in self.asked]

    async def _script(self, peer: Peer) -> None:
        while True:
            head, _, body = (await peer.request()).partition(b"\r\n\r\n")
            line, *fields = head.decode("latin-1").split("\r\n")
            named = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            self.asked.append(Asked(line.split(" ")[1], named, body))
            answer = await self._reply(self.asked[-1])
            if answer is None:
                return
            await peer.send(answer)
            if b"\r\nconnection: close\r\n" in answer:
                return

    def __enter__(self) -> Self:
        self._port = self._virtual.run(self._serving.__aenter__()).port
        return self

    def __exit__(self, *_: object) -> None:
        self._virtual.run(self._serving.__aexit__(None, None, None))


@dataclass
class InProcess:
    """A gateway, the stands behind it, and the time that both have."""

    virtual: VirtualTime
    stands: list[Stand]
    gateway: InProcessGateway


@contextmanager
def in_front_of(
    size: int,
    directory: Path,
    config: Callable[[list[Stand]], dict[str, Any]],
    env: dict[str, str] | None = None,
    *,
    play: str | None = None,
) -> Iterator[InProcess]:
    """A gateway in front of so many fake upstreams, with the configuration for them. Without `play`, names of models are
    behaviours.
    """
    with VirtualTime() as virtual, InProcessFleet(virtual, size) as fleet:
        for stand in fleet.stands if play else ():
            stand.play(str(play))
        with InProcessGateway(virtual, directory, config(fleet.stands), env or {}) as gateway:
            yield InProcess(virtual, fleet.stands, gateway)
