"""What of a request's body is read as it is sent: some of it at a time, on a thread, whatever a file's size."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from gateway.values.upload import Piece

SLICE_BYTES = 256 * 1024


def size_of(one: bytes | Piece) -> int:
    """In bytes."""
    return one.size if isinstance(one, Piece) else len(one)


class Pieces:
    """Read in order, each once. `take` is given each slice, nothing at the end, and None where one cannot be read."""

    def __init__(self, pieces: Sequence[bytes | Piece], take: Callable[[bytes | None], None]) -> None:
        self._left = deque(pieces)
        self._take = take
        self._at = 0  # in the first of them

    def read(self) -> None:
        """The next slice; `take` is called now or later."""
        if not self._left:
            self._take(b"")
            return
        piece = self._left[0]
        if isinstance(piece, bytes):
            self._left.popleft()
            self._take(piece)
            return
        size = min(SLICE_BYTES, piece.size - self._at)
        if size == 0:
            self._next()
            return
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, piece.held.read, piece.at + self._at, size).add_done_callback(self._came)
        self._at += size

    def _next(self) -> None:
        self._left.popleft()
        self._at = 0
        self.read()

    def _came(self, reading: "asyncio.Future[bytes]") -> None:
        if reading.cancelled() or reading.exception() is not None:
            self._take(None)
            return
        piece = self._left[0]
        if self._at == size_of(piece):
            self._left.popleft()
            self._at = 0
        self._take(reading.result() or None)
