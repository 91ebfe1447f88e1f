"""Why no connection was made: the provider's address does not take any, or the gateway's own machine has nothing left."""

import errno
import re
import socket

from gateway.values.outcome import AttemptFailed, Outcome

# descriptors, memory, buffers and local ports: they run out here, whatever the provider does
OWN_SHORTAGE = frozenset({
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, socket.EAI_MEMORY,
})  # fmt: skip
_SOON_S = 1.0
_ERRNO = re.compile(r"\[Errno (-?[0-9]+)\]")


def unconnected(error: OSError) -> AttemptFailed:
    """The failure. A host of several addresses is short only if all of them failed so: asyncio tells them in a text."""
    detail = error.strerror or str(error)[:200]
    if is_own_shortage(error):
        return AttemptFailed(Outcome.GATEWAY_BUSY, f"no connection: {detail}", retry_after_s=_SOON_S)
    return AttemptFailed(Outcome.CONNECT_FAILED, detail)


def is_own_shortage(error: OSError) -> bool:
    """Whether this machine has nothing left. A name that is looked up without a descriptor is said to be unknown."""
    codes = {error.errno} if error.errno is not None else set(map(int, _ERRNO.findall(str(error))))
    return bool(codes) and (codes <= OWN_SHORTAGE or (isinstance(error, socket.gaierror) and _no_descriptor_is_left()))


def _no_descriptor_is_left() -> bool:
    try:
        socket.socket().close()
    except OSError as error:
        return error.errno in OWN_SHORTAGE
    return False
