"""The files of one form, held until its request has ended: small ones in memory, larger ones in a file without a name, in the
directory for temporary files (`TMPDIR`).
"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar

MEMORY_BYTES = 1024 * 1024  # that are held in memory; of more, as many at once on their way to the file
T = TypeVar("T")


class Spool:
    """`gateway.values.upload.Held`. What is written goes to the file on a thread; one writes, any number read."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._in_parts = 0
        self._memory = b""
        self._file: Any = None  # tempfile's type is private
        self.size = 0

    @property
    def in_memory(self) -> bool:
        """Whether there is no file."""
        return self._file is None

    async def write(self, data: bytes) -> None:
        """Some more. Raises OSError where it cannot be written."""
        self._parts.append(data)
        self._in_parts += len(data)
        self.size += len(data)
        if self._in_parts > MEMORY_BYTES:
            await self._to_the_file()

    async def finish(self) -> None:
        """From now on it can be read. Raises OSError."""
        if self._file is None:
            self._memory = b"".join(self._parts)
            self._parts.clear()
        else:
            await self._to_the_file()

    def read(self, at: int, size: int) -> bytes:
        """So many bytes from there; on a thread, unless it is `in_memory`. Raises ValueError once it is closed, OSError."""
        if self._file is None:
            return self._memory[at : at + size]
        return os.pread(self._file.fileno(), size, at)

    def close(self) -> None:
        """It is no longer needed."""
        self._parts.clear()
        self._memory = b""
        if self._file is not None:
            self._file.close()

    async def _to_the_file(self) -> None:
        if self._file is None:
            self._file = await _on_a_thread(_nameless_file)
        data, file = b"".join(self._parts), self._file
        self._parts.clear()
        self._in_parts = 0
        if data:
            await _on_a_thread(lambda: _write_all(file, data))


def _nameless_file() -> Any:
    return tempfile.TemporaryFile(buffering=0, prefix="gateway-upload-")


def _write_all(file: Any, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


async def _on_a_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
