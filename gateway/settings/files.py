"""Files that operators write."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from gateway.values.problem import InvalidDocument, Problem


def read_text(path: Path) -> str:
    """The file's text; one that is no regular file, as a pipe, may block. Raises InvalidDocument."""
    return _text(path, path.read_bytes)


def read_again(path: Path) -> str:
    """The text of a file that is read again and again, so that it has to be a regular one. Raises InvalidDocument."""
    return _text(path, lambda: _regular(path))


def _regular(path: Path) -> bytes:
    """A pipe is opened without waiting for a writer."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        return file.read()


def _text(path: Path, read: Callable[[], bytes]) -> str:
    try:
        return read().decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, ValueError) as error:  # a name with a null byte, or bytes that are not UTF-8
        is_bytes = isinstance(error, UnicodeDecodeError)
        found = "bytes that are not UTF-8" if is_bytes else getattr(error, "strerror", None) or str(error)
        raise InvalidDocument(
            [Problem(file=str(path), line=None, column=None, path="", expected="a readable UTF-8 file", found=found)]
        ) from None
