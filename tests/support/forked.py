"""Gateway processes that cost no imports: each is forked off a process that has them (`tests/support/forkserver.py`)."""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, Self

REPOSITORY = Path(__file__).parents[2]
_LOOK_S = 0.005


class _Server:
    """The process that forks; the first who needs it waits for its start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.support.forkserver", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, cwd=REPOSITORY, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        atexit.register(self._end)

    def ask(self, question: dict[str, Any], files: tuple[int, ...] = ()) -> Any:
        with self._lock:
            socket.send_fds(self._channel, [json.dumps(question).encode()], files)
            answer = self._channel.recv(1 << 10)
        assert answer, "the process that forks gateways has ended"
        return json.loads(answer)

    def _end(self) -> None:
        self._channel.close()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    return _Server()


class Forked:
    """`python -m gateway ARGUMENTS`, with as much of subprocess.Popen as tests need."""

    def __init__(
        self, *arguments: str, env: dict[str, str], stdin: IO[Any], stdout: IO[Any] | int, stderr: IO[Any], cwd: Path
    ) -> None:
        files = tuple(one if isinstance(one, int) else one.fileno() for one in (stdin, stdout, stderr))
        start = {"arguments": arguments, "env": env, "cwd": str(cwd)}
        self.pid: int = _server().ask(start, files)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = _server().ask({"reap": self.pid})
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, within_s: float | None = None) -> int:
        until = None if within_s is None else time.monotonic() + within_s
        while (status := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("gateway", within_s or 0.0)
            time.sleep(_LOOK_S)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()


def gateway_command(
    *arguments: str, cwd: Path = REPOSITORY, env: dict[str, str] | None = None, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """`gateway ARGUMENTS`, until it ends; `text` is its input."""
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        given.write(text)
        given.seek(0)
        environment = dict(os.environ) if env is None else env
        with Forked(*arguments, env=environment, stdin=given, stdout=out, stderr=err, cwd=cwd) as process:
            status = process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["gateway", *arguments], status, out.read(), err.read())
