"""Several fake upstreams in one process of their own: each stands in for a deployment, and is told what to do."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import httpx2 as httpx

from tests.support.gateway import REPOSITORY


class Stand:
    """One fake upstream. Its model names mean nothing until it is told to play something.

    `tell` gives the answer to a POST of this body to this path, and to a GET where the body is None.
    """

    def __init__(self, port: int, tell: Callable[[str, bytes | None], Any]) -> None:
        self.port = port
        self._tell = tell

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def ask(self, path: str) -> Any:
        """What a GET of this path answers."""
        return self._tell(path, None)

    def play(self, *behaviours: str, in_order: bool = False, tokenizer_is_silent: bool = False) -> None:
        """From now on each request draws one of these (`slow@200`) that is for its mode; or plays the next one."""
        told = {"behaviours": behaviours, "in_order": in_order, "tokenizer_is_silent": tokenizer_is_silent}
        self._tell("/_play", json.dumps(told).encode())

    def forget(self) -> None:
        """The requests seen so far."""
        self._tell("/_reset", b"")

    def calls(self, text: str = "") -> dict[str, int]:
        """`chat` and `tokenize` requests since it forgot, and those `holding` this text."""
        counts: dict[str, int] = self._tell("/_calls", text.encode())
        assert counts["forgotten"] == 0, "more requests than are remembered: nothing can be said of them"
        return counts

    def rows(self) -> list[dict[str, Any]]:
        """The chat requests since it forgot, oldest first."""
        return [row for row in self.all_rows() if row["path"] == "/v1/chat/completions"]

    def all_rows(self) -> list[dict[str, Any]]:
        """The same, whatever was asked for."""
        rows: list[dict[str, Any]] = self.ask("/_seen")
        return rows


def _over_http(client: httpx.Client, port: int, path: str, body: bytes | None) -> Any:
    answer = client.request("GET" if body is None else "POST", f"http://127.0.0.1:{port}{path}", content=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Fleet:
    """So many stands, until the block ends."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.stands: list[Stand] = []

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.fake_upstream", "--servers", str(self._size)]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._client = httpx.Client(trust_env=False, timeout=30)
        ports = json.loads(self._process.stdout.readline())["ports"]
        self.stands = [Stand(port, partial(_over_http, self._client, port)) for port in ports]
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._process.terminate()
        self._process.communicate(timeout=15)
