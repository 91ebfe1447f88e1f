"""gzip and deflate, incrementally, with a bound on what comes out: a bomb fails instead of filling the memory."""

import zlib

from gateway.values.outcome import AttemptFailed, Outcome

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_STEP = 1024 * 1024
PLAIN = ("", "identity")


class Decompressor:
    """One body. Raises AttemptFailed for an unknown coding, corrupt data, a cut body or too much of it."""

    def __init__(self, coding: str, max_bytes: int) -> None:
        window = _WINDOW.get(coding)
        if window is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"content-encoding {coding!r} was not asked for")
        self._zlib = zlib.decompressobj(window)
        self._left = max_bytes
        self._fed = False

    @property
    def has_more(self) -> bool:
        """True if what was fed has not all come out: feed nothing to get the rest."""
        return bool(self._zlib.unconsumed_tail)

    def feed(self, data: bytes) -> bytes:
        """What `data` becomes, a step at a time, so that a bomb does not hold up the event loop."""
        self._fed = True
        try:
            out = self._zlib.decompress(self._zlib.unconsumed_tail + data, _STEP)
        except zlib.error:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the compressed body is corrupt") from None
        if self._zlib.unused_data:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "bytes follow the end of the compressed body")
        self._left -= len(out)
        if self._left < 0:
            raise AttemptFailed(Outcome.ANSWER_TOO_LARGE, "the decompressed body is larger than allowed")
        return out

    def end(self) -> None:
        """The body ended: was it whole? One without a byte is empty, not cut."""
        if self._fed and not self._zlib.eof:
            raise AttemptFailed(Outcome.TRUNCATED, "the compressed body ended too early")
