"""Requests, targets and golden files of OpenAI's Responses."""

import json
from pathlib import Path
from typing import Any

import msgspec

from gateway.dialects.responses import ResponsesTranslator
from gateway.values.answer import Chunk, WholeAnswer
from gateway.values.request import Request
from tests.dialects.anthropic.support import request_of, target

__all__ = [
    "ANSWERS",
    "FOLDER",
    "OWNER",
    "STREAMS",
    "TRANSLATOR",
    "asked",
    "decode",
    "meaning",
    "replayed",
    "request_of",
    "target",
]
FOLDER = Path(__file__).parents[2] / "golden" / "open_responses"
ANSWERS = sorted(FOLDER.glob("*.[0-9][0-9][0-9]"))
STREAMS = [path for path in ANSWERS if path.stem.startswith("stream")]
OWNER = "0a1b2c3d4e5f"
TRANSLATOR = ResponsesTranslator(OWNER, ("gpt-5", "o3", "upstream"))
PLAIN: dict[str, Any] = {"model": "m", "store": False, "input": "x"}


def asked(path: Path) -> dict[str, Any]:
    file = path.with_suffix(".request.json")
    return json.loads(file.read_text()) if file.exists() else {**PLAIN, "stream": path in STREAMS}


def decode(body: bytes) -> WholeAnswer:
    return TRANSLATOR.decode(body, request_of({}))


def plain_request() -> Request:
    return request_of({**PLAIN, "stream": True})


def replayed(parts: list[bytes]) -> tuple[list[Chunk], Any]:
    """The chunks of a stream that comes so, and what the decoder says of it."""
    decoder = TRANSLATOR.decoder(plain_request())
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    return chunks, msgspec.to_builtins(decoder.summary())


def meaning(parts: list[bytes]) -> dict[str, Any]:
    """All that must not depend on where a stream is cut."""
    chunks, summary = replayed(parts)
    last = chunks[-1]
    return {
        "outcome": last.failure.outcome.value if last.failure else "ok",
        "detail": last.failure.detail if last.failure else None,
        "output": any(chunk.output for chunk in chunks),
        "forwarded": b"".join(chunk.forward for chunk in chunks).decode(),
        **summary,
    }
