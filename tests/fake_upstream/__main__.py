"""`python -m tests.fake_upstream [--port N] [--api-key K] [--servers N] [--list]`.

The first line on stdout is `{"port": N, "elsewhere_port": M, "ports": [N, ...]}`; each server has a memory of its own.
They serve until SIGTERM, SIGINT or the end of stdin, so that they do not outlive the test that holds their stdin.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading

from tests.fake_upstream.behaviours import BEHAVIOURS
from tests.fake_upstream.server import FakeUpstream


def main() -> None:
    """Parse the arguments, then list or serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_upstream")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--api-key", help="refuse other bearers")
    parser.add_argument("--servers", type=int, default=1, help="so many, each on a port of its own")
    parser.add_argument("--list", action="store_true", help="print the behaviours, a JSON object a line")
    arguments = parser.parse_args()
    if arguments.list:
        for row in BEHAVIOURS.values():
            print(json.dumps(row.row()))
        return
    asyncio.run(_serve(arguments.port, arguments.api_key, arguments.servers))


async def _serve(port: int, api_key: str | None, servers: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        ups = [FakeUpstream(port=port if first else 0, api_key=api_key) for first in [True] + [False] * (servers - 1)]
        for up in ups:
            await stack.enter_async_context(up)
        ports = [up.port for up in ups]
        print(json.dumps({"port": ports[0], "elsewhere_port": ups[0].elsewhere_port, "ports": ports}), flush=True)
        threading.Thread(target=_until_stdin_ends, args=(loop, stop), daemon=True).start()
        await stop.wait()


def _until_stdin_ends(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """A thread, since stdin may be a file or a terminal; os.read, since a lock held at exit would abort Python."""
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except (OSError, ValueError):
        pass  # no stdin at all is its end
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    main()
