"""A gateway and its upstreams in this process, on virtual time: the application as it is served, but for the server in front."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from gateway.app import Gateway
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from tests.fake_upstream.server import FakeUpstream
from tests.support.fleet import Stand
from tests.support.virtual_time import VirtualTime

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
        self._config = config
        self._env = {**env, "GATEWAY_STATE_DIR": str(directory / "state")}

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

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def ask(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, query: str = ""
    ) -> Received:
        """A GET, or with a body, which becomes JSON, a POST."""
        content = b"" if body is None else json.dumps(body).encode()
        named = {"host": "localhost", "content-type": "application/json", **(headers or {})}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": "GET" if body is None else "POST", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()],
        }  # fmt: skip
        received, parts, since = Received(), [], time.monotonic()
        messages = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await asyncio.get_running_loop().create_future()  # it stays to the end
            raise AssertionError

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

    def get(self, path: str, headers: dict[str, str] | None = None) -> Received:
        return self.virtual.run(self.ask(path, headers=headers))

    def decision(self, decision_id: str, key: str | None = None) -> dict[str, Any]:
        """The finished record of a decision, and its sentences; waits for its end. `key` is an operator's."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        until = time.perf_counter() + _KEPT_WITHIN_S
        while time.perf_counter() < until:
            answer = self.get(f"/admin/decisions/{decision_id}", headers)
            if answer.status == 200 and not answer.json()["record"].get("in_progress"):
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(_LOOK_S)
        raise AssertionError(f"decision {decision_id} did not end")


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
