"""One server for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fake_upstream import FakeUpstream


@pytest_asyncio.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A running server; a fresh one, so that what it has seen is the test's own."""
    async with FakeUpstream() as server:
        yield server
