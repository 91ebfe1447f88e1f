"""Work that hangs: it is given up in time, one at a time, and holds up neither the loop, other changes nor the end."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gateway.documents import Document, parse
from gateway.settings import plan_of
from gateway.state.revisions import Revisions
from gateway.values.deployment import Catalogue
from gateway.values.revision import By, Ground, Via
from gateway.watch import policy_changes as room
from gateway.watch.aside import Aside
from gateway.watch.policy import Listeners, PolicyInForce
from gateway.watch.policy_changes import PolicyChanges
from gateway.watch.policy_compiler import PolicyCompiler


async def test_what_hangs_is_given_up_and_not_begun_twice() -> None:
    goes_on, aside = threading.Event(), Aside(0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await aside.run(goes_on.wait)
    assert sum(one.name == "aside" for one in threading.enumerate()) == 1
    goes_on.set()
    while any(one.name == "aside" for one in threading.enumerate()):
        await asyncio.sleep(0.01)
    assert await Aside(20).run(lambda: 7) == 7
    with pytest.raises(ValueError, match="no"):
        await Aside(20).run(lambda: int("no"))


def test_the_end_of_the_process_does_not_wait_for_it() -> None:
    program = """
import asyncio, time
from gateway.watch.aside import Aside
async def main():
    try: await Aside(0.05).run(lambda: time.sleep(600))
    except TimeoutError: print("given up")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("given up\n", "")


async def test_changes_go_on_while_the_file_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system whose server is gone."""
    monkeypatch.setattr(room, "READ_WITHIN_S", 0.5)
    hangs, goes_on = threading.Event(), threading.Event()

    def read() -> Document:
        if hangs.is_set():
            goes_on.wait(60)
        return parse("rules: [{name: a}]", "policy.yaml")

    compiler = PolicyCompiler(plan_of, read, Ground(catalogue=Catalogue(deployments={}, models={}), deadline_s=60.0))
    policy = PolicyInForce(compiler, Revisions(tmp_path / "r.db"), Listeners(*[lambda *_: None] * 3))
    policy.begin(By(Via.START, 0.0))
    changes = PolicyChanges(policy, compiler)
    hangs.set()
    reload = asyncio.create_task(changes.reload(Via.WATCH))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    revision = await changes.put("rules: [{name: b}]", By(Via.ADMIN, 0.0))
    assert not reload.done() or time.monotonic() - began > 0.4
    assert revision.number == 2
    await reload
    assert policy.refused is not None
    assert "could not be read within" in policy.refused.problems[0]
    goes_on.set()
    hangs.clear()
    while any(one.name == "aside" for one in threading.enumerate()):
        await asyncio.sleep(0.01)
    await changes.reload(Via.WATCH)
    assert policy.refused is None
    await changes.stop()
