"""The plan in force, and its replacement: a policy that changed is compiled whole before it counts, or not at all (law 7).

A request takes the plan once, so it ends on the one that it began with.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from gateway.routing.plan import Plan
from gateway.values.problem import InvalidDocument

_log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
Compile = Callable[[int], Plan]  # the plan of this number, from the document as it is now; raises InvalidDocument


class PolicyInForce:
    """`told` hears of each try to replace the plan, True if it was taken; `gone` of rules that are no more.

    `refused` lists what is wrong with the newest document.
    """

    def __init__(
        self,
        compile_now: Compile,
        file: Path | None,
        told: Callable[[bool], None],
        gone: Callable[[frozenset[str]], None],
    ) -> None:
        self.refused: tuple[str, ...] = ()
        self._compile, self._file, self._told, self._gone = compile_now, file, told, gone
        self._number = 1
        self._plan = compile_now(1)
        self._stamp = self._read_stamp()
        self._task: asyncio.Task[None] | None = None

    def plan(self) -> Plan:
        """The plan in force."""
        return self._plan

    def reload(self) -> None:
        """Take the document as it is now, if it is valid; else the last good one goes on."""
        self._stamp = self._read_stamp()
        try:
            plan = self._compile(self._number + 1)
        except InvalidDocument as invalid:
            self.refused = tuple(map(str, invalid.problems))
            self._told(False)
            _log.error("the policy is refused, revision %s goes on:\n%s", self._plan.revision, invalid)
            return
        self.refused = ()
        if plan.content != self._plan.content:
            self._number += 1
            self._gone(frozenset(self._plan.by_name) - frozenset(plan.by_name))
            self._plan = plan
            _log.info("policy revision %s is in force", plan.revision)
        self._told(True)

    def start(self) -> None:
        """Look for changes of the file from now on, until `stop`."""
        if self._file is not None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Stop; leaves no task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._read_stamp() != self._stamp:
                self.reload()

    def _read_stamp(self) -> tuple[int, int, int] | None:
        """What tells that the file is another one: replaced, grown or touched."""
        try:
            found = self._file.stat() if self._file else None
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
