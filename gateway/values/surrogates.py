"""Halves of surrogate pairs in JSON: valid by RFC 8259, and no text by themselves."""

import re

# an escape at a time, so that an escaped backslash hides none; a whole pair is one character, and stays
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def without_lone_surrogates(data: bytes) -> bytes:
    """For reading only: some servers and clients tear an emoji into two halves, each an escape of its own."""
    return _ESCAPE.sub(_whole, data)


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]
