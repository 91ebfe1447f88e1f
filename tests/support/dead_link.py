"""A link that has gone without a word: the kernel drops all that comes in on a socket, unacknowledged. Linux only."""

import ctypes
import socket
import struct

_SO_ATTACH_FILTER = 26
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # classic BPF: return 0 bytes of the packet


def cut(one: socket.socket) -> None:
    """From now on this end hears nothing, and acknowledges nothing; the other end is not told."""
    program = ctypes.create_string_buffer(_DROP)
    one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
