"""Fake vLLM workers, each a process of its own on a port that stays its own, so that it can be killed and come back."""

import json
import signal
import subprocess
import sys
import time
from typing import Any, Self

import httpx2 as httpx

from tests.support.gateway import REPOSITORY
from tests.support.ports import own_port


class FakeWorker:
    """`with FakeWorker() as worker`: runs until the block ends, whatever was done to it."""

    def __init__(self) -> None:
        self.port = own_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.fake_upstream", "--port", str(self.port)]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["port"] == self.port

    def send_signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """At once, as by the kernel."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None

    def pause(self) -> None:
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.send_signal(signal.SIGCONT)

    def says(self, **values: Any) -> dict[str, Any]:
        """Set what it says of itself; all that it says now."""
        return self._ask("POST", "/_vllm", values)

    def chats(self) -> list[dict[str, Any]]:
        """The chat completions that it has seen."""
        return [row for row in self._ask("GET", "/_seen") if row["path"].endswith("/chat/completions")]

    def reset(self) -> None:
        """Forget what was seen."""
        self._ask("POST", "/_reset")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return httpx.request(
            method, f"http://127.0.0.1:{self.port}{path}", json=body, trust_env=False, timeout=5
        ).json()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def eventually(what: Any, within_s: float) -> float:
    """Wait until `what()` is true; after how many seconds it was."""
    since = time.monotonic()
    while not what():
        assert time.monotonic() - since < within_s, "it did not come to be"
        time.sleep(0.02)
    return time.monotonic() - since
