"""What came in, and what became of it: the server's memory, for tests to read. Bounded in records and in bytes."""

import base64
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.fake_upstream.http1 import Request

MAX_RECORDS = 20_000
MAX_BODY = 1024 * 1024  # of one record; the digest is always of the whole
MAX_HELD = 64 * 1024 * 1024  # bodies and headers of all records
MAX_NAME = 256  # characters of a model's name


@dataclass
class Record:
    """One request. Times are in ms after it had arrived in full; None: it has not happened."""

    number: int
    connection: int
    port: int
    request: Request
    path: str | None = None  # where it holds more than the place: what stands for it
    model: str | None = None
    stream: bool = False
    arrived_unix_s: float = field(default_factory=time.time)
    answered_bytes: int = 0
    ended_ms: float | None = None  # the behaviour had done all it does
    left_ms: float | None = None  # the client closed before that
    problem: str | None = None  # a defect of this server

    def row(self) -> dict[str, Any]:
        """The record as JSON. `body` is null where it is not UTF-8; both bodies are cut to 1 MiB."""
        kept = self.request.body[:MAX_BODY]
        rest = {name: value for name, value in vars(self).items() if name != "request"}
        return {
            **rest,
            "method": self.request.method,
            "path": self.path or self.request.path,
            "headers": dict(self.request.headers),
            "body": _as_text(kept),
            "body_base64": base64.b64encode(kept).decode(),
            "body_bytes": self.request.body_bytes,
            "body_sha256": self.request.body_sha256,
        }


class Seen:
    """The records, oldest first; the oldest go when there are too many, or they are too large together."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        self._held = 0
        self.total = 0
        self.forgotten = 0

    def add(self, connection: int, port: int, request: Request) -> Record:
        """Remember a request."""
        self.total += 1
        record = Record(self.total, connection, port, request.remembered(MAX_BODY))
        self.records.append(record)
        self._held += record.request.weight()
        while len(self.records) > MAX_RECORDS or self._held > MAX_HELD:
            self._held -= self.records.popleft().request.weight()
            self.forgotten += 1
        return record

    def rows(self) -> list[dict[str, Any]]:
        """All records as JSON."""
        return [record.row() for record in self.records]

    def clear(self) -> None:
        """Forget all."""
        self.records.clear()
        self._held = self.forgotten = 0


def _as_text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
