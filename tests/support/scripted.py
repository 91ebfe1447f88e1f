"""An upstream that answers with exactly the bytes a test says, and keeps what it was asked. A thread per connection."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """What the last message says."""
        return str(json.loads(self.body)["messages"][-1]["content"])


Reply = Callable[[Asked], bytes | None]


class Scripted:
    """`with Scripted(reply) as upstream`: `reply` gives a whole HTTP response, or None to close the connection."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def paths(self) -> list[str]:
        """Of all that was asked."""
        return [one.path for one in self.asked]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as lines:
            while line := lines.readline():
                path = line.decode().split(" ")[1]
                headers: dict[str, str] = {}
                while field := lines.readline().decode("latin-1").strip():
                    name, _, value = field.partition(":")
                    headers[name.lower()] = value.strip()
                asked = Asked(path, headers, lines.read(int(headers.get("content-length", 0))))
                self.asked.append(asked)
                answer = self.reply(asked)
                if answer is None:
                    return
                connection.sendall(answer)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def response(body: Any, status: int = 200, *, content_type: str = "application/json", **headers: str) -> bytes:
    """`body` is bytes, or data that becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": content_type, "content-length": str(len(content)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode("latin-1") + content


def completion(content: str | None = "hello", *, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A chat completion; `usage=None` leaves it out."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return {name: value for name, value in {**body, **more}.items() if value is not None}


def events(*payloads: Any, done: bool = True) -> bytes:
    """A whole response that is a stream of these."""
    data = [payload if isinstance(payload, bytes) else json.dumps(payload).encode() for payload in payloads]
    stream = b"".join(b"data: " + one + b"\n\n" for one in [*data, *([b"[DONE]"] if done else [])])
    return response(stream, content_type="text/event-stream")


def delta(content: str | None = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a stream."""
    said = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
