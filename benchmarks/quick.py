"""`make bench-quick`: two commits in one run, in two minutes; appends what it found to benchmarks/history.jsonl.

Both are served at once on CPU 0, with all that `benchmarks/gateway.yaml` has on, and asked in turn by wrk on CPU 1: a busy
machine slows both, so what counts is the ratio of each pair, its median and the half of them in the middle. CPU is of all
threads, in nanoseconds, from the kernel. Needs what `make bench` needs (`benchmarks/run.py`).

    python -m benchmarks.quick BEFORE [NOW]    commits, or folders with a checkout; NOW is the working tree
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import table
from benchmarks.run import HARNESS, REPOSITORY

HISTORY = REPOSITORY / "benchmarks" / "history.jsonl"
MOCK_PORT = 9100  # as benchmarks/gateway.yaml has it
GATEWAY_CPU, LOAD_CPU = "0", "1"
BUDGET_S = 100.0


class Cell(NamedTuple):
    """What is asked: `kilobytes` of prompt, over so many connections; `slow`: of the upstream that takes its time.

    `burst_s`: how long one side is asked at once, in whole seconds.
    """

    stream: bool
    slow: bool
    kilobytes: int
    connections: int
    burst_s: int = 1


CELLS = {
    "json-c32": Cell(stream=False, slow=False, kilobytes=1, connections=32),
    "sse-c32": Cell(stream=True, slow=False, kilobytes=1, connections=32),
    "json64k-c32": Cell(stream=False, slow=False, kilobytes=64, connections=32),
    "sse5ms-c256": Cell(stream=True, slow=True, kilobytes=1, connections=256, burst_s=3),
}


class Side(NamedTuple):
    """One of the two."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def cpu_us(self) -> float:
        """Of its threads, since it started."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("before")
    options.add_argument("now", nargs="?", default=str(REPOSITORY))
    options.add_argument("--cells", default=",".join(CELLS))
    options.add_argument("--rounds", type=int, help="of each cell; as many as fit into two minutes")
    options.add_argument("--no-history", action="store_true")
    given = options.parse_args()
    missing = [tool for tool in ("wrk", "gcc", "taskset", "git") if shutil.which(tool) is None]
    if not HARNESS.is_dir() or missing:
        sys.exit(f"the bench needs {HARNESS} and {', '.join(missing) or 'its tools'}; nothing was measured")
    cells = given.cells.split(",")
    a_round_s = sum(2 * CELLS[cell].burst_s + 0.3 for cell in cells)
    rounds = given.rounds or max(int(BUDGET_S / a_round_s), 3)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(upstream(folder))
        sides = [
            stack.enter_context(served(stack.enter_context(checkout(named, folder / side)), side, folder, port))
            for side, named, port in (("before", given.before, 9280), ("now", given.now, 9281))
        ]
        found = [one for cell in cells if (one := summary(cell, measured(cell, sides, rounds)))]
    names = {"before": commit_of(given.before), "now": commit_of(given.now)}
    header = ["cell", f"{names['before']}, µs", f"{names['now']}, µs", "least", "ratio", "middle half"]
    print("\n".join(table(header, [shown(one) for one in found])))
    if not given.no_history:
        with HISTORY.open("a") as history:
            history.write(json.dumps({"at": time.strftime("%Y-%m-%d %H:%M"), **names, "cells": found}) + "\n")


@contextlib.contextmanager
def checkout(named: str, folder: Path) -> Iterator[Path]:
    """A folder as it is, or a commit in one of its own, for as long as it is needed."""
    if Path(named).is_dir():
        yield Path(named)
        return
    git = ("git", "-C", str(REPOSITORY), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), named], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


@contextlib.contextmanager
def upstream(folder: Path) -> Iterator[None]:
    program = folder / "mock"
    subprocess.run(["gcc", "-O2", "-o", program, HARNESS / "mock.c"], check=True)
    command = ["taskset", "-c", LOAD_CPU, str(program), str(MOCK_PORT)]
    with running(command, MOCK_PORT):
        yield


@contextlib.contextmanager
def served(checkout: Path, name: str, folder: Path, port: int) -> Iterator[Side]:
    environment = {**os.environ, "PORT": str(port), "GATEWAY_STATE_DIR": str(folder / f"state-{name}")}
    config = str(checkout / "benchmarks" / "gateway.yaml")
    command = ["taskset", "-c", GATEWAY_CPU, sys.executable, "-m", "gateway", "serve", "--config", config]
    with running(command, port, cwd=checkout, env=environment) as process:
        yield Side(name, port, process)


@contextlib.contextmanager
def running(command: list[str], port: int, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens there by now."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"{' '.join(command)} does not serve")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


def measured(cell: str, sides: list[Side], rounds: int) -> list[dict[str, float]]:
    """µs of CPU a request, by side, a pair each round."""
    for side in sides:
        asked(CELLS[cell], side)  # the first ones load code
    pairs = []
    for _ in range(rounds):
        pair = {side.name: asked(CELLS[cell], side) for side in random.sample(sides, len(sides))}
        if None not in pair.values():
            pairs.append(pair)
    return pairs


def asked(cell: Cell, side: Side) -> float | None:
    """µs of CPU a request; None where a busy machine let none come to an end."""
    environment = dict(
        os.environ,
        BENCH_MODEL="chat-slow" if cell.slow else "chat",
        BENCH_STREAM=str(int(cell.stream)),
        BENCH_KB=str(cell.kilobytes),
    )
    command = [
        "taskset",
        "-c",
        LOAD_CPU,
        "wrk",
        "-t1",
        f"-c{cell.connections}",
        f"-d{cell.burst_s}s",
        "--timeout",
        "10s",
    ]
    command += ["-s", str(HARNESS / "post.lua"), f"http://127.0.0.1:{side.port}/v1/chat/completions"]
    before = side.cpu_us()
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    spent = side.cpu_us() - before
    result = json.loads(re.search(r"^RESULT (.*)$", said, re.MULTILINE)[1])
    if result["bad_status"] + result["bad_body"]:
        sys.exit(f"{side.name}: {result}")
    return spent / result["requests"] if result["requests"] else None


def summary(cell: str, pairs: list[dict[str, float]]) -> dict[str, object]:
    """Nothing where nothing was measured."""
    if not pairs:
        return {}
    ratios = sorted(pair["now"] / pair["before"] for pair in pairs)
    quarter = len(ratios) // 4
    return {
        "cell": cell,
        **{f"{side}_us": round(statistics.median(pair[side] for pair in pairs), 1) for side in ("before", "now")},
        **{f"{side}_least_us": round(min(pair[side] for pair in pairs), 1) for side in ("before", "now")},
        "ratio": round(statistics.median(ratios), 3),
        "middle": [round(ratios[quarter], 3), round(ratios[-1 - quarter], 3)],
        "rounds": len(pairs),
    }


def shown(one: dict) -> list[str]:
    low, high = one["middle"]
    least = one["now_least_us"] / one["before_least_us"]
    figures = [f"{one['before_us']:,.0f}", f"{one['now_us']:,.0f}", f"{least:.3f}", f"{one['ratio']:.3f}"]
    return [one["cell"], *figures, f"{low:.3f} to {high:.3f}"]


def commit_of(named: str) -> str:
    """Short; `+` is a working tree that differs from it."""
    where = Path(named) if Path(named).is_dir() else REPOSITORY
    what = "HEAD" if Path(named).is_dir() else named
    said = subprocess.run(
        ["git", "-C", str(where), "rev-parse", "--short", what], check=True, capture_output=True, text=True
    )
    changed = (
        Path(named).is_dir()
        and subprocess.run(["git", "-C", str(where), "diff", "--quiet", "HEAD"], check=False).returncode
    )
    return said.stdout.strip() + ("+" if changed else "")


if __name__ == "__main__":
    main()
