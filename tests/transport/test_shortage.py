"""What the gateway's own machine has run out of is never taken for the provider's fault."""

import errno
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.transport.shortage import unconnected
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from tests.transport.raw_server import OK, always, ask, client, outcome_of, serving


@contextmanager
def no_descriptors() -> Iterator[None]:
    """The next socket finds none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as newest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (newest.fileno(), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_descriptors_it_is_the_gateway_that_is_busy() -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        with no_descriptors():
            assert await outcome_of(transport) is Outcome.GATEWAY_BUSY
        await ask(transport)


def test_a_name_that_is_looked_up_without_descriptors() -> None:
    """The C library says that there is no such name, for it cannot open its files."""
    with no_descriptors():
        failure = unconnected(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert failure.outcome is Outcome.GATEWAY_BUSY
    assert unconnected(socket.gaierror(socket.EAI_NONAME, "no such name")).outcome is Outcome.CONNECT_FAILED


@pytest.mark.parametrize("code", ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL"])
def test_each_shortage_is_the_gateways_own(code: str) -> None:
    failure = unconnected(OSError(getattr(errno, code), "no more"))
    assert failure.outcome is Outcome.GATEWAY_BUSY
    assert failure.retry_after_s is not None
    assert CONSEQUENCES[failure.outcome].fault is Fault.GATEWAY


def test_a_name_that_was_not_looked_up_for_want_of_memory() -> None:
    assert unconnected(socket.gaierror(socket.EAI_MEMORY, "no memory")).outcome is Outcome.GATEWAY_BUSY


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        ((errno.EADDRNOTAVAIL, errno.EADDRNOTAVAIL), Outcome.GATEWAY_BUSY),
        ((errno.EADDRNOTAVAIL, errno.ECONNREFUSED), Outcome.CONNECT_FAILED),  # ::1 without IPv6, and a closed port
        ((errno.ECONNREFUSED, errno.ENETUNREACH), Outcome.CONNECT_FAILED),
    ],
)
def test_several_addresses_are_told_in_one_text(codes: tuple[int, ...], outcome: Outcome) -> None:
    """As asyncio does it: without a number of its own."""
    said = ", ".join(str(OSError(code, f"Connect call failed ('{at}', 1)")) for at, code in enumerate(codes))
    assert unconnected(OSError(f"Multiple exceptions: {said}")).outcome is outcome


@pytest.mark.parametrize("code", ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET"])
def test_what_the_network_says_is_no_shortage(code: str) -> None:
    assert unconnected(OSError(getattr(errno, code), "no")).outcome is Outcome.CONNECT_FAILED
