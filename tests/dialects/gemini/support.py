"""Requests, targets and golden files of Gemini's generateContent."""

import json
from pathlib import Path
from typing import Any

import msgspec

from gateway.dialects.contract import Fields
from gateway.dialects.gemini import GeminiTranslator
from gateway.dialects.gemini.dialect import GEMINI
from gateway.values.answer import Chunk, WholeAnswer
from gateway.values.chat import Reply
from gateway.values.deployment import Deployment, Hosting, Timeouts
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import Sensitivity

FOLDER = Path(__file__).parents[2] / "golden" / "gemini"
ANSWERS = sorted(FOLDER.glob("*.[0-9][0-9][0-9]"))
STREAMS = [path for path in ANSWERS if path.stem.startswith("stream-")]
TRANSLATOR = GeminiTranslator()
PLAIN: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}


def fields_of(body: dict[str, Any]) -> Fields:
    return msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])


def request_of(body: dict[str, Any], *, stream: bool = False) -> Request:
    facts = Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=None, stream=stream,
    )  # fmt: skip
    return Request(id="req-1", fields=fields_of(body), size=1, facts=facts, wants_usage=True)


def target(model: str = "gemini-3.8-flash") -> Deployment:
    return Deployment(
        name="d", provider="gemini", model=model, base_url="http://127.0.0.1:1/v1beta",
        hosting=Hosting.COMMERCIAL, region=None, clearance=Sensitivity.RESTRICTED, capabilities=frozenset(),
        context_tokens=None, max_output_tokens=None, price=None, timeouts=Timeouts(),
    )  # fmt: skip


def asked(path: Path) -> dict[str, Any]:
    file = path.with_suffix(".request.json")
    return json.loads(file.read_text()) if file.exists() else PLAIN


def decode(body: bytes) -> WholeAnswer:
    return TRANSLATOR.decode(body, request_of({}))


def whole(reply: Reply) -> bytes:
    return GEMINI.whole(reply, request_of({}))


def replayed(parts: list[bytes]) -> tuple[list[Chunk], Any]:
    """The chunks of a stream that comes so, and what the decoder says of it."""
    decoder = TRANSLATOR.decoder(request_of(PLAIN, stream=True))
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
