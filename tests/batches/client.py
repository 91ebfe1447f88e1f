"""What tests do with files and batches: forms, lines, and waiting for an end."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.conftest import configuration
from tests.support.gateway import deployment
from tests.support.in_process import InProcess, Received

BOUNDARY = "form-boundary-of-tests"
KEYS = {name: f"a-long-enough-secret-of-{name}" for name in ("app", "other", "ops")}
ENV = {name.upper(): secret for name, secret in KEYS.items()}
CHAT = "/v1/chat/completions"
ENDED = {"completed", "failed", "expired", "cancelled"}


def config_of(base_url: str, models: dict[str, dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """Models named by behaviours, three keys; `more` are sections of the file."""
    config = configuration(base_url, **more)
    config["keys"] = {
        "app": {"secret": "${env:APP}"},
        "other": {"secret": "${env:OTHER}"},
        "ops": {"secret": "${env:OPS}", "role": "operator"},
    }
    for name, extra in (models or {}).items():
        config["deployments"][name.replace("@", "-")] = deployment(**{"base_url": base_url, "model": name, **extra})
    return config


def line(custom_id: str, text: str = "hi", model: str = "ok", **body: Any) -> dict[str, Any]:
    message = {"role": "user", "content": text}
    return {
        "custom_id": custom_id, "method": "POST", "url": CHAT, "body": {"model": model, "messages": [message], **body},
    }  # fmt: skip


def jsonl(lines: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def form(content: bytes, name: str = "input.jsonl", **fields: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return b"".join([*parts, head, content, f"\r\n--{BOUNDARY}--\r\n".encode()])


class Batching:
    """A key's files and batches at a gateway in this process."""

    def __init__(self, here: InProcess, key: str = "app") -> None:
        self.here = here
        self.headers = {"authorization": f"Bearer {KEYS[key]}", "host": "localhost"}

    def send(self, method: str, path: str, content: bytes = b"", query: str = "", **headers: str) -> Received:
        named = {**self.headers, **headers}
        return self.here.virtual.run(self.here.gateway.send(method, path, named, content, query=query))

    def upload(self, content: bytes, name: str = "input.jsonl", **fields: str) -> Received:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.send(
            "POST", "/v1/files", form(content, name, **{"purpose": "batch", **fields}), **{"content-type": kind}
        )

    def create(self, content: bytes | list[dict[str, Any]], headers: dict[str, str] | None = None, **more: Any) -> Any:
        """The new batch."""
        file = self.upload(content if isinstance(content, bytes) else jsonl(content))
        assert file.status == 200, file.body
        asked = {"input_file_id": file.json()["id"], "endpoint": CHAT, "completion_window": "24h", **more}
        made = self.send("POST", "/v1/batches", json.dumps(asked).encode(), **(headers or {}))
        assert made.status == 200, made.body
        return made.json()

    def get(self, batch_id: str) -> Any:
        return self.send("GET", f"/v1/batches/{batch_id}").json()

    def ended(self, batch_id: str, within_s: float = 600, every_s: float = 0.5) -> Any:
        self.here.virtual.wait_for(lambda: self.get(batch_id)["status"] in ENDED, within_s=within_s, every_s=every_s)
        return self.get(batch_id)

    def rows(self, file_id: str | None) -> list[dict[str, Any]]:
        """The lines of a result; nothing of none."""
        if file_id is None:
            return []
        content = self.send("GET", f"/v1/files/{file_id}/content")
        assert content.status == 200, content.body
        assert content.body.endswith(b"\n")
        return [json.loads(one) for one in content.body.splitlines()]

    def results(self, batch: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return self.rows(batch["output_file_id"]), self.rows(batch["error_file_id"])


def stored(here: InProcess) -> list[str]:
    """The names of what lies on the disk."""
    directory: Path = here.gateway.state / "files"
    return sorted(one.name for one in directory.iterdir()) if directory.is_dir() else []
