"""Checks of policies on demand, each in a process of its own, one at a time.

The work is bounded by the processor's time, which is the same on a busy machine, and the wait for it by the clock.
"""

import asyncio
import resource
import signal
from collections.abc import Sequence

WORK_S = 30  # of the processor
WITHIN_S = 300.0


class CheckRefused(Exception):
    """Not now, or not within the time that is allowed; its text says which."""


def limit_work(seconds: int = WORK_S) -> None:
    """End this process, with SIGXCPU, when it has worked for so long."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


class PolicyChecks:
    """`command` reads what is asked from its standard input, and answers on its standard output."""

    def __init__(self, command: Sequence[str], within_s: float = WITHIN_S) -> None:
        self._command, self._within_s = command, within_s
        self._is_busy = False

    async def check(self, asked: bytes) -> bytes:
        """The answer. Raises CheckRefused. The process has ended when this has, cancelled or not."""
        if self._is_busy:
            raise CheckRefused("another policy is being checked")
        self._is_busy = True
        try:
            return await self._answer(asked)
        finally:
            self._is_busy = False

    async def _answer(self, asked: bytes) -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        try:
            async with asyncio.timeout(self._within_s):
                answer, _ = await process.communicate(asked)
        except TimeoutError:
            raise CheckRefused(f"the check took longer than {self._within_s:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == -signal.SIGXCPU:
            raise CheckRefused("the check took more work than is done for one")
        if process.returncode != 0:
            raise CheckRefused(f"the check ended with status {process.returncode}; the log has the cause")
        return answer
