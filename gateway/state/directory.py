"""The directory that a process keeps its state in: held by one process at a time, by a lock that ends with it."""

import fcntl
import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)
_LOCK = "gateway.lock"


class InUse(Exception):
    """Another process holds the directory."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        by = "another process" if pid is None else f"pid {pid}"
        advice = "give each gateway a directory of its own (GATEWAY_STATE_DIR, or journal.path)"
        super().__init__(f"the state directory {directory} is in use by {by}: {advice}")


class StateDirectory:
    """Held from the start on, until `release` or the end of the process, however that comes.

    Made if it is not there, for its owner only. One that cannot be written is not held: nothing is kept in it either.
    """

    def __init__(self, directory: Path) -> None:
        """Raises InUse."""
        self._file: int | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._hold(directory)
        except OSError as error:
            _log.warning("nothing can be kept in %s (%s): serving goes on without", directory, error.strerror)

    def release(self) -> None:
        """Another process may hold it now."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _hold(self, directory: Path) -> None:
        file = self._file
        if file is None:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(file, 20, 0).strip()
            self.release()
            raise InUse(directory, int(said) if said.isdigit() else None) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
