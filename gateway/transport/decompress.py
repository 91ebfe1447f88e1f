"""gzip and deflate, incrementally, with a bound on what comes out: a bomb fails instead of filling the memory."""

import zlib

from gateway.values.outcome import AttemptFailed, Outcome

_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
PLAIN = ("", "identity")


class Decompressor:
    """One body. Raises AttemptFailed for an unknown coding, corrupt data, a cut body or too much of it."""

    def __init__(self, coding: str, max_bytes: int) -> None:
        window = _WINDOW.get(coding)
        if window is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"content-encoding {coding[:40]!r} was not asked for")
        self._zlib = zlib.decompressobj(window)
        self._left = max_bytes

    def feed(self, data: bytes) -> bytes:
        """What `data` becomes."""
        try:
            out = self._zlib.decompress(data, self._left + 1)
        except zlib.error:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the compressed body is corrupt") from None
        self._left -= len(out)
        if self._left < 0:
            raise AttemptFailed(Outcome.ANSWER_TOO_LARGE, "the decompressed body is larger than allowed")
        return out

    def end(self) -> None:
        """The body ended: was it whole?"""
        if not self._zlib.eof:
            raise AttemptFailed(Outcome.TRUNCATED, "the compressed body ended too early")
