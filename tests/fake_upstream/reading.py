"""A client for the tests of the fake upstream: it keeps every byte, and knows HTTP and event streams on its own.

It shares no code with the server or with the gateway, so that a mistake there cannot hide itself here.
"""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

TEXT = "hi there"
_PROBE = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
_PROBED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Got:
    """An answer as it came. `end`: kept, extra (bytes after the answer), closed, cut, reset, or open (no end came).

    `reads` has what each read gave and when, in seconds after the request.
    """

    raw: bytes = b""
    end: str = "open"
    reads: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def head(self) -> bytes:
        """The head of the final answer; empty if there is none."""
        return self._parts()[0]

    @property
    def status(self) -> int:
        """0 where there is no status line."""
        found = re.match(rb"HTTP/1\.[01] (\d{3})", self.head)
        return int(found[1]) if found else 0

    @property
    def body(self) -> bytes:
        """Without the transfer coding, as far as it came."""
        return self._body()[0]

    @property
    def framed(self) -> bool:
        """Is the HTTP body complete by its own framing?"""
        return self._body()[1]

    def header(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        found = re.search(rb"(?im)^" + re.escape(name.encode()) + rb":[ \t]*(.*?)[ \t]*\r$", self.head)
        return found[1].decode("latin-1") if found else ""

    def _parts(self) -> tuple[bytes, bytes]:
        rest = self.raw
        while True:
            head, blank, rest = rest.partition(b"\r\n\r\n")
            if not blank or not head.startswith(b"HTTP/"):
                return b"", b""
            if not re.match(rb"HTTP/1\.1 10[03]", head):
                return head + b"\r\n", rest

    def _body(self) -> tuple[bytes, bool]:
        head, rest = self._parts()
        if "chunked" in self.header("transfer-encoding").lower():
            return _unchunk(rest)
        length = self.header("content-length")
        if length.isdigit():
            return rest[: int(length)], len(rest) >= int(length)
        bodiless = self.status in (101, 204, 304)
        return rest, bool(head) and (bodiless or self.end == "closed")

    def after(self) -> bytes:
        """The bytes after a complete answer."""
        _, rest = self._parts()
        if "chunked" in self.header("transfer-encoding").lower():
            return re.split(rb"(?:^|\r\n)0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n", rest, maxsplit=1)[-1]
        return rest[int(self.header("content-length") or 0) :]


def _unchunk(rest: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        line, found, rest = rest.partition(b"\r\n")
        size = line.partition(b";")[0]
        if not found or not re.fullmatch(rb"[0-9a-fA-F]+", size):
            return body, False
        count = int(size, 16)
        if not count:
            return body, rest.startswith(b"\r\n") or b"\r\n\r\n" in rest
        body, rest = body + rest[:count], rest[count + 2 :]


def request(model: str, *, stream: bool, path: str = "/v1/chat/completions", key: str = "", **fields: Any) -> bytes:
    """The bytes of a chat completion request."""
    body = {"model": model, "messages": [{"role": "user", "content": TEXT}], "stream": stream, **fields}
    data = json.dumps(body).encode()
    auth = f"authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{auth}content-length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def ask(port: int, model: str, *, stream: bool, hangs: bool = False, **fields: Any) -> Got:
    """The whole answer. One that hangs is left after 0.25 s, or 8 MiB."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = Got()
    try:
        writer.write(request(model, stream=stream, **fields))
        async with asyncio.timeout(0.25 if hangs else 20):
            await _read(reader, writer, got)
    except TimeoutError:
        assert hangs, f"{model} did not end: {got.raw[-200:]!r}"
    finally:
        writer.transport.abort()
    return got


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, got: Got) -> None:
    start = time.monotonic()
    while len(got.raw) < 8 * 2**20:
        try:
            data = await reader.read(2**20)
        except ConnectionResetError:
            got.end = "reset"
            return
        got.raw += data
        got.reads.append((time.monotonic() - start, data))
        if not data:
            got.end = "closed"  # which by itself completes a body without length or chunks
            got.end = "closed" if got.framed else "cut"
            return
        if got.framed:
            got.end = await _probe(reader, writer, got)
            return


async def _probe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, got: Got) -> str:
    """Can the connection be used again?"""
    try:
        writer.write(_PROBE)
        more = b""
        while not more.endswith(_PROBED):
            data = await reader.read(65_536)
            if not data:
                return "closed"
            more += data
    except ConnectionResetError:
        return "reset"
    return "extra" if more != _PROBED or got.after() else "kept"


async def raw_answer(port: int, data: bytes, *, eof: bool = False) -> bytes:
    """All that comes back for these bytes until the server closes, or for 0.3 s."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        writer.write(data)
        if eof:
            writer.write_eof()
        async with asyncio.timeout(0.3):
            while more := await reader.read(65_536):
                got += more
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return got


def events(body: bytes) -> list[tuple[str, bytes]]:
    """The events (name, data) of an event stream, by the WHATWG rules; an unfinished one is dropped but for [DONE]."""
    *lines, rest = re.split(rb"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf"))
    found: list[tuple[str, bytes]] = []
    name = ""
    data: list[bytes] = []
    for line in lines:
        if not line and data:
            found.append((name, b"\n".join(data)))
        if not line:
            name, data = "", []
        key, _, value = line.partition(b":")
        if key == b"data":
            data.append(value.removeprefix(b" "))
        elif key == b"event":
            name = value.decode().strip()
    return [*found, ("", b"[DONE]")] if data == [b"[DONE]"] or rest == b"data: [DONE]" else found


def signature(body: bytes) -> str:
    """A letter for each event.

    R role, c content, r reasoning, t tool call, f refusal, _ empty delta, F finish, L finish with content, U usage,
    0 no choices, E error, D [DONE], X anything else.
    """
    return "".join(_letter(name, data) for name, data in events(body))


def _letter(name: str, data: bytes) -> str:
    if data.strip() == b"[DONE]":
        return "D"
    if name == "error":
        return "E"
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return "X"
    if not isinstance(value, dict) or value.get("error"):
        return "E" if isinstance(value, dict) else "X"
    if not isinstance(value.get("choices"), list):
        return "X"
    if not value["choices"]:
        return "U" if value.get("usage") else "0"
    return _choice(value["choices"][0])


def _choice(choice: dict[str, Any]) -> str:
    delta = choice["delta"]
    kinds = (("content", "c"), ("reasoning", "r"), ("reasoning_content", "r"), ("tool_calls", "t"), ("refusal", "f"))
    said = next((letter for key, letter in kinds if delta.get(key)), "")
    if choice["finish_reason"]:
        return "L" if said else "F"
    return said or ("R" if delta.get("role") else "_")


def text_of(body: bytes) -> str:
    """All content of a stream's first choice."""
    payloads = [json.loads(data) for _, data in events(body) if data.strip() != b"[DONE]"]
    choices = [choice for payload in payloads for choice in payload["choices"] if choice["index"] == 0]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
