"""HTTP/1.1 and event-stream bytes, as values. Nothing here writes to a socket, so a behaviour can cut anywhere."""

import json
from http import HTTPStatus
from typing import Any

Header = tuple[str, str]
Headers = tuple[Header, ...]

JSON: Header = ("content-type", "application/json")
HTML: Header = ("content-type", "text/html; charset=utf-8")
EVENTS: Header = ("content-type", "text/event-stream; charset=utf-8")
CHUNKED: Header = ("transfer-encoding", "chunked")
LAST_CHUNK = b"0\r\n\r\n"
DONE = b"[DONE]"
MEBI = 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


def reason(status: int) -> str:
    """The reason phrase of a status line."""
    return _REASONS.get(status, "Unknown")


def head(status: int, headers: Headers, version: str = "1.1") -> bytes:
    """Status line, headers and the blank line."""
    lines = [f"HTTP/{version} {status} {reason(status)}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def length(body: bytes | int) -> Header:
    """The content-length header of a body, or of a number of bytes."""
    return ("content-length", str(body if isinstance(body, int) else len(body)))


def chunk(data: bytes) -> bytes:
    """One HTTP chunk (RFC 9112 section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def as_json(value: Any) -> bytes:
    """Compact JSON, characters as UTF-8 and not as escapes; a lone surrogate, which has no UTF-8, becomes `?`."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def event(payload: bytes) -> bytes:
    """An event in the framing that OpenAI uses: one data line, LF, a blank line."""
    return b"data: " + payload + b"\n\n"


def error_body(message: str, kind: str, param: str | None = None, code: str | int | None = None) -> bytes:
    """OpenAI's error object. `code` is a number at vLLM and llama.cpp."""
    return as_json({"error": {"message": message, "type": kind, "param": param, "code": code}})


def html_page(status: int) -> bytes:
    """What a proxy in front of a provider says."""
    title = f"{status} {reason(status)}"
    return f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>\r\n".encode()
