"""Ports that stay one's own while nobody listens on them."""

import itertools
import os
import socket

# below those that Linux hands out, so that no connection and no server of another test is given one of them by chance
_FIRST, _EACH, _PROCESSES = 20_000, 1_000, 12
_mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
_ports = itertools.cycle(_FIRST + _mine * _EACH + (os.getpid() + number) % _EACH for number in range(_EACH))


def own_port() -> int:
    """One on which nobody listens now, and which this process of tests gives to nobody else soon."""
    for port in itertools.islice(_ports, _EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError(f"all ports from {_FIRST} on are taken")
