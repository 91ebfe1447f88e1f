"""Base64 in a body: images, audio and files are no text and are passed by; text in base64 is read."""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

from gateway.privacy.budget import Meter

_DATA_URI = re.compile(r"data:([a-zA-Z0-9.+/_-]{0,100})((?:;[a-zA-Z0-9=._+-]{1,100}){0,5}),", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\r\n-]*+={0,2}\s{0,4}", re.ASCII)
_UNPADDED = str.maketrans("-_", "+/", "\r\n= ")
_HEAD = 88  # characters that are decoded to see whether a payload is text
_UNBROKEN = re.compile(r"[A-Za-z0-9+/_-]*+")
_QUOTED = re.compile(r"[^\s\"'<>]{0,65536}+")


def readable(text: str, meter: Meter) -> str:
    """A long string as text: itself; what it says, where it is text in base64; its head, where it is another payload."""
    uri = _DATA_URI.match(text)
    start = uri.end() if uri else 0
    payload = _BASE64.fullmatch(text, start)
    if payload is None:
        return text
    if uri is not None and ";base64" not in uri.group(2):
        return text
    decoded = _decode(text[start : start + _HEAD])
    if not _is_text(decoded):
        return text[: start + _HEAD]  # an OpenSSH key is told by its head
    meter.take(len(text))
    return text[:start] + " " + _decode(text[start:]).decode("utf-8", "replace")


def data_uris(text: str, start: int, end: int, meter: Meter) -> Iterator[str]:
    """What the data URIs that begin in `start:end` of a text say, where it is text."""
    place = start
    while (uri := _DATA_URI.search(text, place)) and uri.start() < end:
        in_base64 = ";base64" in uri.group(2)
        payload = (_UNBROKEN if in_base64 else _QUOTED).match(text, uri.end())
        said, place = (payload.group(), payload.end()) if payload else ("", uri.end())
        if in_base64 and _is_text(_decode(said[:_HEAD])):
            meter.take(len(said))
            yield _decode(said).decode("utf-8", "replace")
        elif "%" in said and not in_base64:
            meter.take(len(said))
            yield unquote(said)


def _decode(base64: str) -> bytes:
    digits = base64.translate(_UNPADDED)
    whole = len(digits) - (len(digits) % 4 == 1)  # one digit alone is no byte
    return binascii.a2b_base64(digits[:whole] + "=" * (-whole % 4))


def _is_text(head: bytes) -> bool:
    if not head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as wrong:
        if wrong.start < len(head) - 3:  # a letter cut at the end is still a letter
            return False
        text = head[: wrong.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\r\n\t\ufeff" for letter in text)
