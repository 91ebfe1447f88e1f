"""The lines of a batch's input file, and what is wrong with them.

Source: OpenAI's guide "Batch API" (the form of a line; the codes `empty_file`, `duplicate_custom_id`, `invalid_json_line`,
`url_mismatch`, `too_many_tasks`), as read on 2026-11-29.
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from gateway.values.batch import BatchFault

_BOM = b"\xef\xbb\xbf"
_MOST_FAULTS = 100  # that are told
_MOST_ID = 512  # characters of a `custom_id`
_BLANK = 1_000  # lines without anything that a file may have beside its most lines
_AT_WORK_S, _PAUSE_S = 0.0005, 0.00002  # then the interpreter's lock is given up, so that requests go on


class Line(msgspec.Struct, frozen=True):
    """`number` counts from 1, blank lines too. `body` is the request's, as it was written."""

    number: int
    custom_id: str
    model: str
    body: bytes


class LineWrong(Exception):
    """What a line has wrong."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


class Checked(msgspec.Struct, frozen=True):
    """How many requests a file has, and what is wrong with it; nothing: it can be worked on."""

    total: int
    faults: tuple[BatchFault, ...]


class _Form(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class _Body(msgspec.Struct):
    model: Any = None
    stream: Any = None


_form = msgspec.json.Decoder(_Form).decode
_body = msgspec.json.Decoder(_Body).decode


def parse_line(raw: bytes, number: int, endpoint: str) -> Line:
    """One line as a request. Raises LineWrong."""
    try:
        raw.decode()
        form = _form(raw)
        body = bytes(form.body)
        if not body.startswith(b"{"):
            raise LineWrong("invalid_request", "Invalid 'body': expected an object.", "body")
        shown = _body(body)
    except UnicodeDecodeError:
        raise LineWrong("invalid_json_line", "This line is not text in UTF-8.") from None
    except msgspec.ValidationError as error:
        raise LineWrong(
            "invalid_request", f"Expected an object with custom_id, method, url and body: {error}."
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise LineWrong("invalid_json_line", f"This line is no JSON: {error}.") from None
    if not 0 < len(form.custom_id) <= _MOST_ID:
        raise LineWrong("invalid_request", f"Invalid 'custom_id': expected 1 to {_MOST_ID} characters.", "custom_id")
    if form.method != "POST":
        raise LineWrong("invalid_request", "Invalid 'method': expected 'POST'.", "method")
    if form.url != endpoint:
        raise LineWrong("url_mismatch", f"Invalid 'url': expected {endpoint!r}, the batch's endpoint.", "url")
    if shown.stream is not None and shown.stream is not False:
        raise LineWrong("invalid_request", "Invalid 'body.stream': a batch has no streams.", "body.stream")
    return Line(number, form.custom_id, shown.model if isinstance(shown.model, str) else "", body)


class Input:
    """Reads a file's lines in order; blank ones are passed over. `most_bytes` of one line. Blocks; for one thread at a time."""

    def __init__(self, file: BinaryIO, endpoint: str, most_bytes: int) -> None:
        self._file = file
        self._endpoint = endpoint
        self._most_bytes = most_bytes
        self.number = 0  # of the line that was read last

    def next(self) -> Line | None:
        """The next request, or None at the end. Raises LineWrong; the one after it can be read all the same."""
        raw = self._raw()
        return None if raw is None else parse_line(raw, self.number, self._endpoint)

    def _raw(self) -> bytes | None:
        while raw := self._file.readline(self._most_bytes + 1):
            self.number += 1
            if self.number == 1:
                raw = raw.removeprefix(_BOM)
            if len(raw) > self._most_bytes and not raw.endswith(b"\n"):
                self._pass_over()
                raise LineWrong("line_too_long", f"This line has more than {self._most_bytes} bytes.")
            if line := raw.strip(b" \t\r\n"):
                return line
        return None

    def _pass_over(self) -> None:
        while (piece := self._file.readline(1024 * 1024)) and not piece.endswith(b"\n"):
            pass


class CheckStopped(Exception):
    """Nobody waits for the check any more."""


def check(lines: Input, most_lines: int, stop: threading.Event) -> Checked:
    """The whole file, before any of it is asked. Blocks. Raises CheckStopped."""
    faults: list[BatchFault] = []
    seen: set[bytes] = set()
    total = 0
    for line in _each(lines, faults, stop):
        total += 1
        if total > most_lines or lines.number > 2 * most_lines + _BLANK:
            faults.append(BatchFault(code="too_many_tasks", message=f"A batch has at most {most_lines} lines."))
            break
        digest = hashlib.blake2b(line.custom_id.encode(), digest_size=16).digest()
        if digest in seen:
            message = "This custom_id is that of an earlier line; each line of a batch needs its own."
            faults.append(BatchFault(code="duplicate_custom_id", message=message, param="custom_id", line=line.number))
        seen.add(digest)
    if not total and not faults:
        faults.append(BatchFault(code="empty_file", message="The file has no request in it."))
    return Checked(total, tuple(faults[: _MOST_FAULTS + 1]))


def _each(lines: Input, faults: list[BatchFault], stop: threading.Event) -> Iterator[Line]:
    pause_at = time.perf_counter() + _AT_WORK_S
    while len(faults) < _MOST_FAULTS:
        try:
            line = lines.next()
        except LineWrong as wrong:
            faults.append(BatchFault(code=wrong.code, message=wrong.message, param=wrong.param, line=lines.number))
            line = None
        else:
            if line is None:
                return
            yield line
        if stop.is_set():
            raise CheckStopped
        if time.perf_counter() >= pause_at:
            time.sleep(_PAUSE_S)
            pause_at = time.perf_counter() + _AT_WORK_S
    faults.append(BatchFault(code="too_many_errors", message=f"There are more than {_MOST_FAULTS} errors."))
