"""Halves of surrogate pairs in JSON: valid by RFC 8259, and no text by themselves."""

import re

from gateway.values.pause import Pause, no_pause
from gateway.values.slices import slices

_SLICE_BYTES = 16 * 1024
# after an even number of backslashes; a high half that no low one follows, or a low one that follows no high one
_LONE = re.compile(
    rb"(?<!\\)((?:\\\\)*+)\\u(?:[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})"
)


def without_lone_surrogates(data: bytes, pause: Pause = no_pause) -> bytes:
    """U+FFFD in their place, as encoders of UTF-8 put it there: some servers and clients tear an emoji into two halves."""
    return b"".join([_mended(some) for _, some in slices(data, pause, _SLICE_BYTES)])


def _mended(some: bytes) -> bytes:
    return _LONE.sub(rb"\1\\ufffd", some) if b"\\ud" in some or b"\\uD" in some else some
