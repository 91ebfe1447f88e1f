"""The events of a stream that differ in their text alone: most of them. One that was checked shows what the others look like.

What stands before and after the text is the same, byte for byte, so that such an event says the same of everything else, and
is JSON where the text is the inside of a JSON string. A run of them is found by one search, and need not be parsed.
"""

import contextlib
import re

import msgspec

from gateway.dialects.openai.chunk import ChatChunk, parse

_FRAME, _END = b"data: ", b"\n\n"
_TEXT = re.compile(
    rb'(?:[^"\\\x00-\x1f]+|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})*+'
)  # halves of pairs apart
_BETWEEN = b" "  # joins texts, so that neither an escape nor a character goes on from one to the next
_OTHER = "another text"
_MOST_MISSES = 3  # in a row: the others differ in more
_encode = msgspec.json.Encoder().encode


class Pattern:
    """`before` and `after` frame the text, the event's own framing included."""

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before, self._after = before, after
        self._seam = after + before
        self._misses = 0

    @property
    def is_of_use(self) -> bool:
        """False once the next events were other ones, as those after a first one with a role are."""
        return self._misses < _MOST_MISSES

    def is_one(self, data: bytes) -> bool:
        """Whether `data` is one event of this kind with text: what a model says token by token."""
        if not (data.startswith(self._before) and data.endswith(self._after)):
            return False
        text = data[len(self._before) : -len(self._after)]
        return text != b"" and _TEXT.fullmatch(text) is not None and _is_utf8(text)

    def run(self, data: bytes, at: int, end: int) -> tuple[int, int]:
        """How many events from `at` to `end` are of this kind and hold text, one after the other, and where the next begins."""
        found = self._run(data, at, end) if data.startswith(self._before, at, end) else (0, at)
        self._misses = 0 if found[0] else self._misses + 1
        return found

    def _run(self, data: bytes, at: int, end: int) -> tuple[int, int]:
        find, goes_on, seam, after = data.find, data.startswith, self._seam, self._after
        texts: list[bytes] = []
        first = at + len(self._before)
        while (quote := find(b'"', first, end)) > first:
            if not goes_on(seam, quote, end):
                break
            texts.append(data[first:quote])
            first = quote + len(seam)
        past = first - len(self._before)
        if quote > first and goes_on(after, quote, end):
            texts.append(data[first:quote])
            past = quote + len(after)
        every = texts[0] if len(texts) == 1 else _BETWEEN.join(texts)
        if _TEXT.fullmatch(every) is None or not _is_utf8(every):
            return 0, at
        return len(texts), past


def pattern_of(data: bytes, chunk: ChatChunk) -> Pattern | None:
    """What others like this event look like: `data` is its data, which `chunk` was parsed from, and which has nothing but text
    to say. None where its text cannot be found in it.
    """
    choices = chunk.choices or ()
    delta = choices[0].delta if len(choices) == 1 else None
    if delta is None or not isinstance(delta.content, str):
        return None
    written = _encode(delta.content)
    at = data.find(written)
    if at < 0 or data.find(written, at + 1) >= 0:
        return None
    before, after = data[: at + 1], data[at + len(written) - 1 :]
    other = parse(before + _OTHER.encode() + after)
    delta.content, said = _OTHER, delta.content
    is_alike = other == chunk
    delta.content = said
    return Pattern(_FRAME + before, after + _END) if is_alike else None


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    with contextlib.suppress(UnicodeDecodeError):
        text.decode()
        return True
    return False
