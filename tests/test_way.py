"""The way of a request from surface to socket, as a real gateway goes it: few modules, those that docs/contributing.md lists.

A module is on the way if it is handed the request (the body, or the `Request` or the `Call` that it becomes), or if it waits
on the call stack when the call is written to the socket. What only looks at parts of the request stands beside the way.
"""

import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2 as httpx
import pytest

from gateway.app import Gateway
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from gateway.transport.connection import Connection
from gateway.values.call import Call
from gateway.values.request import Request
from tests.fake_upstream import FakeUpstream
from tests.support.gateway import REPOSITORY, deployment

MOST = 15
HELLO = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 20}
_LINE = re.compile(r"^    (gateway/\S+\.py) +\S", re.MULTILINE)


def listed() -> list[str]:
    """The modules in docs/contributing.md."""
    _, _, after = (REPOSITORY / "docs" / "contributing.md").read_text().partition("## The way of a request\n")
    section, _, _ = after.partition("\n## ")
    return _LINE.findall(section)


class Way:
    """`modules`: files of the repository, in the order in which the request comes to them."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._entered: list[str] = []  # in the order of their first call
        self._on_it: set[str] = set()
        self.is_at_the_socket = False

    @property
    def modules(self) -> list[str]:
        return [file for file in self._entered if file in self._on_it]

    def see(self, frame: FrameType, event: str, _: Any) -> None:
        """For `sys.setprofile`."""
        file = _file(frame)
        if event != "call" or file is None or self.is_at_the_socket:
            return
        if file not in self._entered:
            self._entered.append(file)
        if file not in self._on_it and self._is_handed(frame):
            self._on_it.add(file)
        if frame.f_code is Connection.write.__code__:
            self._on_it.update(_stack(frame))
            self.is_at_the_socket = True

    def _is_handed(self, frame: FrameType) -> bool:
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        given = [frame.f_locals.get(name) for name in names]
        return any(isinstance(one, Request | Call) or (isinstance(one, bytes) and one == self._body) for one in given)


def _stack(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        if (file := _file(frame)) is not None:
            yield file
        frame = frame.f_back


def _file(frame: FrameType) -> str | None:
    """None outside of the house's rooms; `asgi.py` before them is the framework's doorstep."""
    file = Path(frame.f_code.co_filename)
    house = REPOSITORY / "gateway"
    if not file.is_relative_to(house) or file.parent == house:
        return None
    return file.relative_to(REPOSITORY).as_posix()


@contextmanager
def watched(body: bytes) -> Iterator[Way]:
    way = Way(body)
    sys.setprofile(way.see)
    try:
        yield way
    finally:
        sys.setprofile(None)


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway in this process, with one deployment `m` that speaks OpenAI's dialect."""
    async with FakeUpstream() as upstream:
        surfaces = ["chat", "completions", "embeddings"]
        config = {"deployments": {"m": deployment(upstream.base_url, "ok", surfaces=surfaces)}}
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps(config))
        gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, OFFERS))
        transport = httpx.ASGITransport(app=gateway.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client
        await gateway.stop()


async def way_of(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[str]:
    content = json.dumps(body).encode()
    with watched(content) as way:
        answer = await client.post(path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert way.is_at_the_socket
    return way.modules


@pytest.mark.parametrize("stream", [False, True])
async def test_it_is_the_list_in_the_docs(tmp_path: Path, stream: bool) -> None:
    async with serving(tmp_path) as client:
        way = await way_of(client, "/v1/chat/completions", {**HELLO, "stream": stream})
    assert way == listed(), "docs/contributing.md should list:\n" + "\n".join(f"    {file}" for file in way)


def test_the_list_is_short() -> None:
    assert 5 < len(listed()) <= MOST


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "m", "prompt": "Say hello."}),
        ("/v1/embeddings", {"model": "m", "input": "Say hello."}),
        ("/v1/messages", HELLO),
    ],
)
async def test_other_surfaces_and_translations_take_no_longer(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    async with serving(tmp_path) as client:
        assert len(await way_of(client, path, body)) <= MOST
