"""Requests, targets, frames and golden files of Amazon Bedrock."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec

from gateway.dialects.amazon_frames import FrameSplitter, frame_bytes
from gateway.providers.bedrock import BedrockTranslator
from gateway.values.answer import Chunk
from gateway.values.deployment import Deployment, Hosting, Timeouts
from gateway.values.sensitivity import Sensitivity
from tests.dialects.anthropic.support import request_of

FOLDER = Path(__file__).parents[2] / "golden" / "bedrock"
ANSWERS = sorted(FOLDER.glob("*.[0-9][0-9][0-9]"))
STREAMS = [path for path in ANSWERS if path.stem.startswith("stream-")]
TRANSLATOR = BedrockTranslator()
PLAIN: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def target(model: str = CLAUDE) -> Deployment:
    return msgspec.structs.replace(_TARGET, model=model)


_TARGET = Deployment(
    name="d", provider="bedrock", model=CLAUDE, base_url="https://bedrock-runtime.us-east-1.amazonaws.com",
    hosting=Hosting.COMMERCIAL, region="us", clearance=Sensitivity.RESTRICTED, capabilities=frozenset(), context_tokens=None,
    max_output_tokens=None, price=None, timeouts=Timeouts(),
)  # fmt: skip


def frame(name: str, payload: Any, kind: str = "event") -> bytes:
    """One message of a stream; `kind` is event or exception."""
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    return frame_bytes(headers, json.dumps(payload, separators=(",", ":")).encode())


def chunk(event: bytes) -> bytes:
    """One of Anthropic's events, as InvokeModelWithResponseStream has it."""
    return frame("chunk", {"bytes": base64.b64encode(event).decode(), "p": "abc"})


def told_frames(body: bytes) -> list[Any]:
    """What is in a stream, to be read."""
    found = FrameSplitter().feed(body)
    return [[one.text(":event-type") or one.text(":exception-type"), json.loads(one.payload)] for one in found]


def replayed(parts: list[bytes], translator: Any = TRANSLATOR) -> tuple[list[Chunk], Any]:
    """The chunks of a stream that comes so, and what the decoder says of it."""
    decoder = translator.decoder(request_of({**PLAIN, "stream": True}))
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    return chunks, msgspec.to_builtins(decoder.summary())


def meaning(parts: list[bytes], translator: Any = TRANSLATOR) -> dict[str, Any]:
    """All that must not depend on where a stream is cut."""
    chunks, summary = replayed(parts, translator)
    last = chunks[-1]
    return {
        "outcome": last.failure.outcome.value if last.failure else "ok",
        "detail": last.failure.detail if last.failure else None,
        "output": any(chunk.output for chunk in chunks),
        "forwarded": b"".join(chunk.forward for chunk in chunks),
        **summary,
    }
