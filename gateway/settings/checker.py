"""Checks one policy, in a process of its own: a `PolicyCheck` in JSON comes in, a `Checked` goes out.

A gateway runs it beside itself, so that the work of a proof never slows a request and can be ended.
"""

import sys

import msgspec

from gateway.settings.checking import PolicyCheck
from gateway.watch.checks import limit_work


def main() -> None:
    """From standard input to standard output."""
    limit_work()
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=PolicyCheck)
    sys.stdout.buffer.write(msgspec.json.encode(asked.done()))


if __name__ == "__main__":
    main()
