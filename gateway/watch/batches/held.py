"""How many bytes of lines are in memory at once, of all batches together."""

import asyncio


class HeldBytes:
    """On an event loop. One line that is larger than `most` may be there, if it is alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._less = asyncio.Event()
        self.reading = asyncio.Lock()  # one batch reads at a time: what it reads is counted afterwards

    async def take(self, size: int) -> None:
        """So many more are there; waits for room."""
        while self._held and self._held + size > self._most:
            self._less.clear()
            await self._less.wait()
        self._held += size

    def give(self, size: int) -> None:
        """So many are gone."""
        self._held -= size
        self._less.set()
