"""Halves of surrogate pairs in JSON: valid by RFC 8259, and no text by themselves."""

import re

# after an even number of backslashes; a high half that no low one follows, or a low one that follows no high one
_LONE = re.compile(
    rb"(?<!\\)((?:\\\\)*+)\\u(?:[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})"
)


def without_lone_surrogates(data: bytes) -> bytes:
    """U+FFFD in their place, as encoders of UTF-8 put it there: some servers and clients tear an emoji into two halves."""
    return _LONE.sub(rb"\1\\ufffd", data)
