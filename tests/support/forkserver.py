"""A process that has imported the gateway and forks one at each request, so that a start costs no second of imports.

A fork of it then runs `python -m gateway ARGUMENTS` as any other process does: with its own files, signals and environment.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

_MOST = 1 << 20  # bytes of a request


def _warm_up() -> None:
    """What every gateway does before it serves, and what comes out the same each time."""
    import litestar.plugins.pydantic  # noqa: F401, PLC0415

    import gateway.cli  # noqa: F401, PLC0415
    from gateway.privacy.detect import Detector  # noqa: PLC0415

    Detector().warm_up()
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork would lack the other threads"
    gc.collect()
    gc.freeze()


def _next_start(channel: socket.socket) -> dict[str, Any]:
    """Answers requests; returns one to start a process in the process that it is about."""
    while True:
        message, files, _, _ = socket.recv_fds(channel, _MOST, 3)
        if not message:
            os._exit(0)  # the tests have ended
        asked = json.loads(message)
        if "reap" in asked:
            channel.send(json.dumps(os.waitpid(asked["reap"], os.WNOHANG)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            for at, file in enumerate(files):
                os.dup2(file, at)
        for file in files:
            os.close(file)
        if pid == 0:
            channel.close()
            return dict(asked)
        channel.send(json.dumps(pid).encode())


def _become(start: dict[str, Any]) -> None:
    """Runs until the program ends, as `python -m` would."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(start["cwd"])
    os.environ.clear()
    os.environ.update(start["env"])
    time.tzset()
    sys.argv = ["gateway", *start["arguments"]]
    runpy.run_module("gateway", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; what was forked ends by itself
    _warm_up()
    _become(_next_start(socket.socket(fileno=int(sys.argv[1]))))
