"""The body of a refusal: it says why, and is worth a short wait and little memory."""

from collections.abc import Awaitable, Callable

from gateway.values.outcome import AttemptFailed

WITHIN_S = 5.0
_MOST_BYTES = 64 * 1024


async def refusal_body(read: Callable[[], Awaitable[bytes]]) -> bytes:
    """What of it comes. `read` gives what has arrived, nothing at the end, and raises AttemptFailed."""
    parts: list[bytes] = []
    try:
        while (size := sum(map(len, parts))) < _MOST_BYTES and (data := await read()):
            parts.append(data[: _MOST_BYTES - size])
    except AttemptFailed:
        pass  # the status alone says enough; what came of the body is read
    return b"".join(parts)
