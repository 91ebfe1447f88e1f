"""How a large request is written: some of it in a turn of the event loop, so that a peer that reads as fast as is written does
not hold it; and what of its body is in files is read as it is sent, on a thread.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from gateway.values.upload import Piece

SLICE_BYTES = 256 * 1024  # that are written in one turn of the event loop, or read at once


def size_of(one: bytes | Piece) -> int:
    """In bytes."""
    return one.size if isinstance(one, Piece) else len(one)


class Sending:
    """One request, in order. `sent` is called when all of it is written, `failed` where a piece can no longer be read."""

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        parts: Sequence[bytes | Piece],
        sent: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._left = deque(one for one in parts if size_of(one))
        self._sent = sent
        self._failed = failed
        self._at = 0  # in the first that is left
        self._is_reading = self._stopped = False
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Nothing more is written, and nobody is told."""
        self._stopped = True
        self._left.clear()

    def go_on(self) -> None:
        """All that was handed over is written: write the next slice now, or once it is read."""
        if self._stopped or self._is_reading:
            return
        if not self._left:
            self._sent()
            return
        one = self._left[0]
        size = min(SLICE_BYTES, size_of(one) - self._at)
        if isinstance(one, Piece):
            self._is_reading = True
            reading = self._loop.run_in_executor(None, one.held.read, one.at + self._at, size)
            reading.add_done_callback(self._was_read)
        else:
            self._write(memoryview(one)[self._at : self._at + size])

    def _was_read(self, reading: "asyncio.Future[bytes]") -> None:
        self._is_reading = False
        is_lost = reading.cancelled() or reading.exception() is not None
        if self._stopped:
            return
        if is_lost or not (data := reading.result()):
            self.stop()
            self._failed()
        else:
            self._write(data)

    def _write(self, data: bytes | memoryview) -> None:
        self._at += len(data)
        if self._at == size_of(self._left[0]):
            self._left.popleft()
            self._at = 0
        self._transport.write(data)
        if self._transport.get_write_buffer_size():
            return  # `resume_writing` goes on
        if self._left:
            self._loop.call_soon(self.go_on)
        else:
            self._sent()
