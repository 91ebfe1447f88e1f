"""The `gateway` command, and `python -m gateway`."""

import signal
import sys
from types import FrameType

_BY_SIGNAL = 128  # as shells tell that a signal ended a command


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(_BY_SIGNAL + number)


def main() -> None:
    """From its first moment on SIGTERM ends it: the kernel keeps from a container's first process what it does not handle."""
    signal.signal(signal.SIGTERM, _end)
    from gateway.cli import main as command  # noqa: PLC0415 - takes most of a start

    command()


if __name__ == "__main__":
    main()
