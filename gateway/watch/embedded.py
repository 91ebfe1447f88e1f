"""Starts, watches, restarts and stops the process of the embedded model.

The process is known to be gone the moment it exits; a hung one is found by `/health`, which the engine answers while it
computes. Restarts back off, so that a model that cannot live does not burn the machine.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import httpx2

from gateway.values.deployment import EmbeddedServer
from gateway.watch.model_server import UNAVAILABLE

Moved = Callable[[str, int, str], None]  # deployment, port on 127.0.0.1, API key
Lost = Callable[[str], None]

_log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "gateway.watch.model_server")
START_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
STEADY_S = 30.0  # after so long a life the next restart is at once again
PROBE_EVERY_S, PROBE_TIMEOUT_S, PROBES_TO_HUNG = 2.0, 5.0, 3
_STOP_S = 2.0


class EmbeddedModels:
    """`moved` hears where a deployment is each time the process has started, `lost` when it is gone."""

    def __init__(
        self,
        servers: Mapping[str, EmbeddedServer],
        moved: Moved,
        lost: Lost,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.restarts = 0
        self.pid: int | None = None
        self._servers = servers
        self._moved, self._lost = moved, lost
        self._command = command
        self._task: asyncio.Task[None] | None = None
        self._last_words: deque[str] = deque(maxlen=20)

    def start(self) -> None:
        """Start, and keep it alive until `stop`. Returns at once; `moved` tells when it can be asked."""
        for name in self._servers:
            self._lost(name)
        if self._servers:
            self._task = asyncio.get_running_loop().create_task(self._keep_alive())

    async def stop(self) -> None:
        """End the process; leaves neither process nor task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_alive(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            born = time.monotonic()
            status = await self._live()
            if status == UNAVAILABLE:
                _log.error("the embedded model cannot run: %s", " ".join(self._last_words))
                return
            pause = FIRST_PAUSE_S if time.monotonic() - born > STEADY_S else min(pause * 2, LONGEST_PAUSE_S)
            last = self._last_words[-1] if self._last_words else ""
            _log.warning("the embedded model ended with status %s; again in %.1f s. %s", status, pause, last)
            await asyncio.sleep(pause)
            self.restarts += 1

    async def _live(self) -> int:
        """One life of the process, from its start to its end; its exit status."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, stderr=pipe)
        self.pid = process.pid
        words = asyncio.create_task(self._listen(process))
        life = asyncio.create_task(self._serve(process))
        try:
            status = await process.wait()
        finally:
            life.cancel()
            for name in self._servers:
                self._lost(name)
            await self._end(process)
            await asyncio.gather(life, words, return_exceptions=True)
            self.pid = None
        return status

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is not None:
            while line := await process.stderr.readline():
                self._last_words.append(line.decode("utf-8", "replace").strip()[:300])

    async def _serve(self, process: asyncio.subprocess.Process) -> None:
        """Set it up, tell where it is, then watch it; a process that hangs is killed."""
        api_key = secrets.token_urlsafe(32)
        try:
            async with asyncio.timeout(START_S):
                ports = await self._set_up(process, api_key)
        except (TimeoutError, ValueError, OSError):
            process.kill()
            return
        for name, port in ports.items():
            self._moved(name, port, api_key)
        await self._until_hung(list(ports.values()))
        _log.error("the embedded model hangs; it is killed")
        process.kill()

    async def _set_up(self, process: asyncio.subprocess.Process, api_key: str) -> dict[str, int]:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process has no pipes")
        servers = {
            name: {"context_tokens": server.context_tokens, "slots": server.slots}
            for name, server in self._servers.items()
        }
        process.stdin.write(json.dumps({"api_key": api_key, "servers": servers}).encode() + b"\n")
        await process.stdin.drain()
        reply = json.loads(await process.stdout.readline())
        return {str(name): int(port) for name, port in reply["ports"].items()}

    async def _until_hung(self, ports: Sequence[int]) -> None:
        failures = 0
        async with httpx2.AsyncClient(timeout=PROBE_TIMEOUT_S, trust_env=False, verify=False) as client:
            while failures < PROBES_TO_HUNG:
                await asyncio.sleep(PROBE_EVERY_S)
                try:
                    for port in ports:
                        await client.get(f"http://127.0.0.1:{port}/health")
                    failures = 0
                except httpx2.HTTPError:
                    failures += 1

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Close its stdin, which ends it; kill it if that does not."""
        if process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
