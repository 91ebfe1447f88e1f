"""Starts, watches, restarts and stops the process of the embedded model.

The process is known to be gone the moment it exits. A hung one answers no `/health` and does no work: work tells it from
one so busy that probes wait. Restarts back off, so that a model that cannot live does not burn the machine.
"""

import asyncio
import contextlib
import enum
import logging
import os
import secrets
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx2
import msgspec

from gateway.values.deployment import EmbeddedServer
from gateway.watch.model_server import UNAVAILABLE

Moved = Callable[[str, int, str], None]  # deployment, port on 127.0.0.1, API key; must not raise
Lost = Callable[[str], None]  # deployment; must not raise
_Pipe = TypeVar("_Pipe")

_log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "gateway.watch.model_server")
_PROBES_TO_HUNG = 3
_IDLE_SHARE = 0.05  # of one core: who uses less does no work
_LAST_WORDS, _LONGEST_WORD = 5, 300  # lines, characters


class ProcessState(enum.Enum):
    """Where the process is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"  # it ended, and is started again soon
    STOPPED = "stopped"
    UNAVAILABLE = "unavailable"  # not installed: not tried again


class ProcessTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take, in seconds."""

    start_s: float = 60.0
    first_pause_s: float = 0.2  # before a restart; doubles with each
    longest_pause_s: float = 10.0
    steady_s: float = 30.0  # after so long a life the pauses begin again
    probe_every_s: float = 2.0
    probe_timeout_s: float = 2.0
    stop_s: float = 2.0


class _Ready(msgspec.Struct):
    ports: dict[str, int]


class EmbeddedModels:
    """`moved` hears where a deployment is each time the process has started, `lost` when it is gone.

    `restarts` counts them; `pid` is None while there is no process; `last_error` says how the last one ended.
    """

    def __init__(
        self,
        servers: Mapping[str, EmbeddedServer],
        moved: Moved,
        lost: Lost,
        *,
        command: Sequence[str] = COMMAND,
        pace: ProcessTimeouts | None = None,
    ) -> None:
        self.state = ProcessState.STOPPED
        self.restarts = 0
        self.pid: int | None = None
        self.last_error: str | None = None
        self._servers = dict(servers)
        self._moved, self._lost = moved, lost
        self._command, self._pace = command, pace or ProcessTimeouts()
        self._task: asyncio.Task[None] | None = None
        self._being_born = asyncio.Lock()  # a start that is cancelled half-way leaves tasks of asyncio behind
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)

    def __repr__(self) -> str:
        return f"<EmbeddedModels {self.state.value} pid={self.pid} restarts={self.restarts}>"

    def start(self) -> None:
        """Start, and keep it alive until `stop`. Returns at once; `moved` tells when it can be asked."""
        self._lose_all()
        if self._servers:
            self.state = ProcessState.STARTING
            self._task = asyncio.get_running_loop().create_task(self._keep_alive())

    async def stop(self) -> None:
        """End the process; leaves neither process nor task."""
        task, self._task = self._task, None
        if task is not None:
            async with self._being_born:
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.state = ProcessState.STOPPED

    async def _keep_alive(self) -> None:
        pause = self._pace.first_pause_s
        while True:
            born = time.monotonic()
            status = await self._live()
            words = " / ".join(self._last_words)
            self.last_error = f"status {status}: {words}" if words else f"status {status}"
            if status == UNAVAILABLE:
                self.state = ProcessState.UNAVAILABLE
                _log.error("the embedded model cannot run: %s", words)
                return
            if time.monotonic() - born >= self._pace.steady_s:
                pause = self._pace.first_pause_s
            self.state = ProcessState.BACKOFF
            _log.warning("the embedded model ended (%s); again in %.1f s", self.last_error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._pace.longest_pause_s)
            self.restarts += 1

    async def _live(self) -> int | None:
        """One life of the process, from its start to its end; its exit status, None if it could not be started."""
        self.state = ProcessState.STARTING
        self._last_words.clear()
        try:
            async with self._being_born:
                process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        except OSError as problem:
            self._last_words.append(str(problem))
            return None
        self.pid = process.pid
        words = asyncio.create_task(self._listen(_pipe(process.stderr)))
        care = asyncio.create_task(self._care(process))
        try:
            return await process.wait()
        finally:
            care.cancel()  # first: nothing may be said to have moved once it is lost
            self._lose_all()
            await self._end(process)
            await asyncio.gather(care, words, return_exceptions=True)
            self.pid = None

    def _lose_all(self) -> None:
        for name in self._servers:
            self._lost(name)

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        rest = b""
        while some := await stderr.read(2**16):  # lines may be longer than any limit
            *lines, rest = (rest + some).split(b"\n")
            for line in lines:
                word = line.decode("utf-8", "replace").strip()[:_LONGEST_WORD]
                _log.debug("%s", word)
                self._last_words.append(word)
            rest = rest[:_LONGEST_WORD]

    async def _care(self, process: Process) -> None:
        """Set it up, tell where it is, then watch it. However this ends, the process does not live unwatched."""
        try:
            async with asyncio.timeout(self._pace.start_s):
                ready, api_key = await self._set_up(process)
            self.state = ProcessState.RUNNING
            for name, port in ready.ports.items():
                self._moved(name, port, api_key)
            await self._until_hung(process.pid, ready.ports.values())
            self._last_words.append("it hung and was killed")
        except Exception as problem:  # noqa: BLE001 - the reason is kept, and the process ends
            if process.returncode is None:
                self._last_words.append(f"it was killed: {problem!r}")
        _kill(process)

    async def _set_up(self, process: Process) -> tuple[_Ready, str]:
        stdin, stdout = process.stdin, _pipe(process.stdout)
        api_key = secrets.token_urlsafe(32)
        setup = {"api_key": api_key, "verbose": _log.isEnabledFor(logging.DEBUG), "servers": self._servers}
        with contextlib.suppress(OSError):  # it may have ended already; then its status says why
            _pipe(stdin).write(msgspec.json.encode(setup) + b"\n")
            await _pipe(stdin).drain()
        reply = await stdout.readline()
        if not reply:
            await process.wait()
        return msgspec.json.decode(reply, type=_Ready), api_key

    async def _until_hung(self, pid: int, ports: Collection[int]) -> None:
        silent = 0
        pace = self._pace
        # a TLS context would cost time and memory for nothing
        async with httpx2.AsyncClient(timeout=pace.probe_timeout_s, trust_env=False, verify=False) as client:
            while silent < _PROBES_TO_HUNG:
                since, used_s = time.monotonic(), _processor_s(pid)
                await asyncio.sleep(pace.probe_every_s)
                answered = await _all_answer(client, ports)
                works = _processor_s(pid) - used_s > _IDLE_SHARE * (time.monotonic() - since)
                silent = 0 if answered or works else silent + 1

    async def _end(self, process: Process) -> None:
        """Close its stdin, which ends it; kill it if that does not."""
        _pipe(process.stdin).close()
        try:
            async with asyncio.timeout(self._pace.stop_s):
                await process.wait()
        except TimeoutError:
            _kill(process)
            await process.wait()


async def _all_answer(client: httpx2.AsyncClient, ports: Collection[int]) -> bool:
    probes = (client.get(f"http://127.0.0.1:{port}/health") for port in ports)
    answers = await asyncio.gather(*probes, return_exceptions=True)
    return not any(isinstance(answer, httpx2.HTTPError) for answer in answers)


def _processor_s(pid: int) -> float:
    """Seconds of processor time used since it began; always 0 where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0.0
    user, system = stat.rpartition(b")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _pipe(pipe: _Pipe | None) -> _Pipe:
    if pipe is None:
        raise RuntimeError("the process was started without this pipe")
    return pipe
