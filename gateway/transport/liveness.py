"""Whether the other end of a connection is still there, as far as its kernel tells (tcp(7)). Elsewhere than on Linux only
what the platform knows.
"""

import asyncio
import contextlib
import socket
import struct

DROPPED_AFTER_S = 10  # without an acknowledgement of what was sent
_ASK_AFTER_S, _ASK_AGAIN_S = 15, 5  # of silence, before the other end is asked whether it is there
_UNACKED, _LAST_ACK_MS = (
    24,
    56,
)  # offsets in struct tcp_info, of the segments in flight and of the time since the last ack
_OPTIONS = (
    ("TCP_USER_TIMEOUT", DROPPED_AFTER_S * 1000), ("TCP_KEEPIDLE", _ASK_AFTER_S), ("TCP_KEEPINTVL", _ASK_AGAIN_S),
)  # fmt: skip


def watch(transport: asyncio.BaseTransport) -> None:
    """From now on the kernel ends the connection of a peer that has gone without a word."""
    one = transport.get_extra_info("socket")
    if one is None or one.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):  # it was reset meanwhile, and says so itself
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            if (option := getattr(socket, name, None)) is not None:
                one.setsockopt(socket.IPPROTO_TCP, option, value)


def is_unacknowledged(transport: asyncio.BaseTransport, since_s: float) -> bool:
    """True if something that was sent has waited so long, and nothing was acknowledged meanwhile. False if nobody knows."""
    one, option = transport.get_extra_info("socket"), getattr(socket, "TCP_INFO", None)
    if one is None or option is None:
        return False
    try:
        told = one.getsockopt(socket.IPPROTO_TCP, option, _LAST_ACK_MS + 4)
    except OSError:
        return False
    if len(told) < _LAST_ACK_MS + 4:
        return False
    (unacked,), (last_ack_ms,) = struct.unpack_from("=I", told, _UNACKED), struct.unpack_from("=I", told, _LAST_ACK_MS)
    return bool(unacked) and last_ack_ms >= since_s * 1e3
