"""A short soak: clients that leave at random leave nothing behind. `make soak` is the long one."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.soak import leaks, soak


@pytest.mark.long
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before, after, _ = asyncio.run(soak(1_000, seed=7, folder=tmp_path))
    assert leaks(before, after) == []
