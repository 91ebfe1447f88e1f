"""The clock of tests: it jumps over waits, and stands still while something works."""

import asyncio
import sys
import threading
import time

from tests.support.virtual_time import VirtualTime, on_virtual_time


@on_virtual_time
async def test_an_hour_passes_at_once_and_in_order() -> None:
    since, order = time.monotonic(), []

    async def after(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    await asyncio.gather(*(after(seconds) for seconds in (3600, 60, 1)))
    assert order == [1, 60, 3600]
    assert 3600 <= time.monotonic() - since < 3601


@on_virtual_time
async def test_it_stands_still_while_a_thread_or_a_process_works() -> None:
    since = time.monotonic()
    async with asyncio.timeout(1):
        await asyncio.to_thread(time.sleep, 1.2)
        command = (sys.executable, "-c", "import time; time.sleep(1.2); print('done')")
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
    assert said == b"done\n"
    assert time.monotonic() - since < 0.1


def test_afterwards_time_is_real_again() -> None:
    before = time.monotonic, time.time
    with VirtualTime() as virtual:
        virtual.sleep(100)
        assert (time.monotonic, time.time) != before
    assert (time.monotonic, time.time) == before
    assert not [one for one in threading.enumerate() if one.name.startswith("asyncio_")]
