"""What the transport allows an upstream."""

import msgspec


class TransportLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes. A body is bounded as it comes over the wire and again once it is decompressed."""

    max_connections: int = 1024  # per address
    max_idle_s: float = 30.0  # how long an unused connection is kept
    max_head_bytes: int = 64 * 1024
    max_body_bytes: int = 64 * 1024 * 1024
    high_water_bytes: int = 256 * 1024  # unread bytes at which reading is paused
