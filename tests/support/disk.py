"""Disks as they are met: full, and read-only. Real mounts, which only root may make."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(at: Path, size: str = "1m") -> Iterator[Path]:
    """An empty file system of this size until the block ends."""
    at.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "none", str(at))
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=False)


@contextmanager
def read_only(at: Path) -> Iterator[Path]:
    """The folder, not to be written until the block ends, by nobody."""
    _mount("--bind", str(at), str(at))
    try:
        _mount("-o", "remount,bind,ro", str(at))
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=False)


def fill(disk: Path) -> Path:
    """Until nothing fits any more. The file to delete to make room."""
    file = disk / "full"
    with file.open("wb", buffering=0) as out:
        for size in (65_536, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                pass
    return file


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no right to mount: {done.stderr.strip()}")
