"""Events in the usual framing, read together with a single parse."""

import re

import msgspec

from gateway.dialects.anthropic.wire import StreamEvent

_HEAD = re.compile(rb"\n\nevent: [a-z_]+\ndata: ?")
_DELTA_HEAD = b"\n\nevent: content_block_delta\ndata: "
_END, _ERROR = b"\n\n", b"event: error"
_decode = msgspec.json.Decoder(list[StreamEvent]).decode


def usual_events(whole: bytes) -> list[StreamEvent] | None:
    """Whole events, where each is a name and one line of data; None if anything about them is unusual."""
    if b"\r" in whole or _ERROR in whole or not whole.endswith(_END):
        return None
    inner = _END + whole[: -len(_END)]
    parts = inner.replace(_DELTA_HEAD, b",")
    if b"\n" in parts:
        parts = _HEAD.sub(b",", parts)
    if not parts.startswith(b","):
        return None
    try:
        events = _decode(b"[" + parts[1:] + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_usual = len(events) == inner.count(_END) and all(event.type for event in events)
    return events if is_usual else None
