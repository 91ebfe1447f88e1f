"""Base64 in a body: images, audio and files are no text and are passed by; text in base64 is read."""

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.privacy.budget import Meter

_DATA_URI = re.compile(r"data:([a-zA-Z0-9.+/_-]{0,100})((?:;[a-zA-Z0-9=._+-]{1,100}){0,5}),", re.ASCII)
# in one alphabet or the other; over lines only as encoders break them, for short lines are lists of something
_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/]*+|[A-Za-z0-9_-]*+|(?:[A-Za-z0-9+/]{48,80}\r?\n)*+[A-Za-z0-9+/]*+)={0,2}\s{0,4}", re.ASCII
)
_SHORTEST = 24  # characters that are taken for base64 without being called so
_RUN = re.compile(rf"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{{{_SHORTEST}}}", re.ASCII)
_LINE = re.compile(r"[A-Za-z0-9+/_-]*+={0,2}", re.ASCII)
_MORE_LINES = re.compile(r"(?:\r?\n[A-Za-z0-9+/_-]{4,}+)*+={0,2}", re.ASCII)
_FULL_LINE = 48  # characters; encoders break lines at 60, 64 or 76
_LONGEST_URI = 1024  # characters before its comma
_UNPADDED = str.maketrans("-_", "+/", "\r\n= ")
_HEAD = 88  # characters that are decoded to see whether a payload is text
_SAMPLE = 256  # characters
_SEPARATORS = re.compile(r"[+/_-]")
_MOST_SEPARATORS = 20  # in a sample; chance gives 8, names and paths have more


def readable(text: str, meter: Meter) -> str:
    """A long string as text: itself; what it says, where it is text in base64; its head, where it is another payload."""
    uri = _DATA_URI.match(text)
    start = uri.end() if uri else 0
    payload = _BASE64.fullmatch(text, start)
    if payload is None:
        return text
    if uri is not None and ";base64" not in uri.group(2):
        return text
    if is_text(decoded(text[start : start + _HEAD])):
        meter.take(len(text))
        return text[:start] + " " + decoded(text[start:]).decode("utf-8", "replace")
    if uri is None and not looks_encoded(text[:_SAMPLE]):
        return text
    return text[: start + _HEAD]  # an OpenSSH key is told by its head


class Payloads(NamedTuple):
    """What some base64 says, where it is text; where the last of it ends; up to where the text is nothing but base64."""

    said: list[str]
    end: int
    opaque_to: int


def payloads(text: str, start: int, end: int, meter: Meter) -> Payloads:
    """Those of the data URIs and the base64 that begin in `start:end` of a text."""
    said = list(_short_ones(text, start, end, meter))
    place, opaque_to = start, 0
    while (run := _RUN.search(text, place, end + _SHORTEST)) and run.start() < end:
        meter.work()
        line = _LINE.match(text, run.start())
        place = line.end() if line else run.end()
        if not is_text(decoded(text[run.start() : min(place, run.start() + _HEAD)])):
            if looks_encoded(text[run.start() : run.start() + _SAMPLE]):
                opaque_to = place
            continue
        if place - run.start() >= _FULL_LINE and (more := _MORE_LINES.match(text, place)):
            place = more.end()
        meter.take(place - run.start())
        said.append(_all_lines(text[run.start() : place]))
    return Payloads(said, place, opaque_to)


def _short_ones(text: str, start: int, end: int, meter: Meter) -> Iterator[str]:
    """What is called base64, and is shorter than what is taken for it."""
    place = start
    while (uri := _DATA_URI.search(text, place, end + _LONGEST_URI)) and uri.start() < end:
        meter.work()
        place = uri.end()
        short = _LINE.match(text, place, place + _SHORTEST) if ";base64" in uri.group(2) else None
        if short and len(short.group()) < _SHORTEST and is_text(decoded(short.group())):
            yield decoded(short.group()).decode("utf-8", "replace")


def decoded(base64: str) -> bytes:
    """The bytes, of either alphabet, padded or not."""
    digits = base64.translate(_UNPADDED)
    whole = len(digits) - (len(digits) % 4 == 1)  # one digit alone is no byte
    return binascii.a2b_base64(digits[:whole] + "=" * (-whole % 4))


def is_text(head: bytes) -> bool:
    """Whether this is how a text in UTF-8 begins."""
    if not head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as wrong:
        if wrong.start < len(head) - 3:  # a letter cut at the end is still a letter
            return False
        text = head[: wrong.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\r\n\t\ufeff" for letter in text)


def _all_lines(run: str) -> str:
    """One payload over lines, or where its lines are not whole, one a line."""
    lines = run.split()
    whole = all(len(line) % 4 == 0 for line in lines[:-1])
    parts = [decoded(run)] if whole else map(decoded, lines)
    return "\n".join(part.decode("utf-8", "replace") for part in parts)


def looks_encoded(sample: str) -> bool:
    """Whether it is base64 by its letters. Lists of numbers, names with hyphens and paths are written with the same letters."""
    both_cases = sample.lower() != sample and sample.upper() != sample
    return both_cases and len(_SEPARATORS.findall(sample)) <= _MOST_SEPARATORS
