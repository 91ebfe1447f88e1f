"""The long strings of a JSON text, put aside: a decoder in C keeps the interpreter's lock until it is done.

What is left, the outline, is the same text with a short name in place of each; the long ones are decoded in slices. An
outline is JSON exactly if the text is, but for what is inside the long strings.
"""

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from gateway.values.pause import Pause, no_pause
from gateway.values.slices import BETWEEN_PAUSES, last_quote, past_quote, quotes, slices

LONG_BYTES = 64 * 1024
_DIGEST_BYTES = 16
_decode = msgspec.json.Decoder(str).decode


class Outline:
    """`text` holds a name for each long string: a digest of all the rest of the text, which no text can hold, and a number."""

    def __init__(self, text: bytes | memoryview, spans: list[tuple[int, int]], of: str, pause: Pause) -> None:
        self._data = data = memoryview(text)
        edges = [0, *(place for span in spans for place in span), len(data)]
        rest = [data[edges[at] : edges[at + 1]] for at in range(0, len(edges), 2)]
        self._digest = _digest(of, rest, pause) if spans else ""
        self._names = [b'"%b.%d"' % (self._digest.encode(), number) for number in range(len(spans))]
        self._spans = {name[1:-1].decode(): span for name, span in zip(self._names, spans, strict=True)}
        parts: list[bytes | memoryview] = [rest[0]]
        for name, part in zip(self._names, rest[1:], strict=True):
            parts += (name, part)
        self.text = b"".join(parts) if spans else bytes(text)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the long strings, in order."""
        return tuple(self._spans)

    def string(self, name: str, pause: Pause = no_pause, decode: Callable[[bytes], str] = _decode) -> str:
        """What the string with this name says. Raises msgspec.DecodeError where it is none."""
        return "".join(self._decoded(name, pause, decode))

    def check(self, pause: Pause = no_pause) -> None:
        """Raises msgspec.DecodeError where a long string is none."""
        for name in self._spans:
            for _ in self._decoded(name, pause, _decode):
                pass

    def as_written(self, value: msgspec.Raw) -> msgspec.Raw:
        """A value of the outline as it stands in the text; it keeps the text in memory."""
        if not self._spans:
            return value
        outlined = bytes(value)
        mark = b'"%b.' % self._digest.encode()
        first = outlined.find(mark)
        if first < 0:
            return value
        last = outlined.rfind(mark)
        start, _ = self._span(outlined, first)
        _, end = self._span(outlined, last)
        after = outlined.index(b'"', last + 1) + 1
        return msgspec.Raw(self._data[start - first : end + len(outlined) - after])

    def _span(self, outlined: bytes, place: int) -> tuple[int, int]:
        return self._spans[outlined[place + 1 : outlined.index(b'"', place + 1)].decode()]

    def _decoded(self, name: str, pause: Pause, decode: Callable[[bytes], str]) -> Iterator[str]:
        start, end = self._spans[name]
        for _, some in slices(self._data[start + 1 : end - 1], pause):
            yield decode(b'"%b"' % some)


def outline(data: bytes | memoryview, pause: Pause = no_pause, of: str = "") -> Outline:
    """Of a JSON text. `of` tells it from others whose names must not be the same."""
    spans: list[tuple[int, int]] = []
    opened: int | None = None  # where the string begins in which the slice does
    for place, some in slices(data, pause, LONG_BYTES // 2):
        count = quotes(some)
        if not count:
            continue
        if opened is not None and (end := place + past_quote(some)) - opened > LONG_BYTES:
            spans.append((opened, end))
        is_inside = (opened is not None) ^ (count % 2 == 1)
        opened = place + last_quote(some) if is_inside else None
    return Outline(data, spans, of, pause)


def _digest(of: str, parts: list[memoryview], pause: Pause) -> str:
    digest = hashlib.blake2b(repr(of).encode(), digest_size=_DIGEST_BYTES)
    for part in parts:
        for start in range(0, len(part), BETWEEN_PAUSES):
            pause()
            digest.update(part[start : start + BETWEEN_PAUSES])
    return digest.hexdigest()
