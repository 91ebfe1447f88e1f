"""Recorded and documented completions and embeddings, both directions, and their streams wherever they are cut."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.dialects.contract import Translator
from gateway.providers.vendors import VENDORS
from gateway.surfaces.row import SurfaceRow
from gateway.surfaces.table import COMPLETIONS, EMBEDDINGS
from gateway.values.caller import Caller
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request
from gateway.values.surface import SERVES
from tests.providers.test_golden import target, told
from tests.support.openai_spec import check, schemas

FOLDER = Path(__file__).parents[2] / "golden"
ROWS = {"completions": COMPLETIONS, "embeddings": EMBEDDINGS}
CASES = sorted(path for name in ROWS for path in (FOLDER / name).glob("*/*.[0-9][0-9][0-9]"))
IDS = [f"{path.parents[1].name}-{path.parent.name}-{path.stem}" for path in CASES]
STREAMS = [path for path in CASES if path.read_bytes().startswith(b"data:")]


def row_of(path: Path) -> SurfaceRow:
    return ROWS[path.parents[1].name]


def request_of(path: Path) -> Request:
    asked = {"model": "m", **json.loads(path.with_suffix(".request.json").read_text())}  # llama.cpp was asked without
    return row_of(path).read(json.dumps(asked).encode(), {}, Caller.anonymous(), "req-1")


def translator_of(path: Path) -> Translator:
    return VENDORS[path.parent.name].translators[SERVES[row_of(path).surface]]


def streamed(path: Path, parts: list[bytes]) -> dict[str, Any]:
    decoder = translator_of(path).decoder(request_of(path))
    chunks = [chunk for part in parts for chunk in decoder.feed(part)]
    if not any(chunk.done or chunk.failure for chunk in chunks):
        chunks.append(decoder.end())
    last = chunks[-1]
    return {
        "outcome": last.failure.outcome.value if last.failure else "ok",
        "forwarded": b"".join(chunk.forward for chunk in chunks).decode(),
        **msgspec.to_builtins(decoder.summary()),
    }


def decoded(path: Path) -> dict[str, Any]:
    body, status = path.read_bytes(), int(path.suffix[1:])
    if status >= 300:
        return told(translator_of(path).failure(status, {}, body, 0.0))
    if path in STREAMS:
        return streamed(path, [body])
    try:
        answer = translator_of(path).decode(body, request_of(path))
    except AttemptFailed as failure:
        return told(failure)
    found = {key: value for key, value in msgspec.to_builtins(answer).items() if key != "body"}
    put_in_order = {} if answer.body == body else {"body": json.loads(answer.body)}
    return {"outcome": "ok", **found, **put_in_order}


def sent(path: Path) -> dict[str, Any]:
    call = translator_of(path).encode(request_of(path), target(path.parent.name))
    return {"path": call.path, "headers": dict(call.headers), "body": json.loads(call.body)}


@pytest.mark.parametrize("path", CASES, ids=IDS)
def test_golden(path: Path) -> None:
    found = {"sent": sent(path), "answer": decoded(path)}
    file = path.with_suffix(".expected.json")
    if os.environ.get("GOLDEN_WRITE"):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(file.read_text())


@pytest.mark.parametrize("path", STREAMS, ids=[path.parent.name for path in STREAMS])
def test_streams_mean_the_same_wherever_they_are_cut(path: Path) -> None:
    body = path.read_bytes()
    whole = streamed(path, [body])
    assert streamed(path, [body[at : at + 1] for at in range(len(body))]) == whole
    for at in range(len(body)):
        assert streamed(path, [body[:at], body[at:]]) == whole


@pytest.mark.parametrize("path", STREAMS, ids=[path.parent.name for path in STREAMS])
def test_a_stream_that_is_cut_never_looks_finished(path: Path) -> None:
    """Law 3."""
    body = path.read_bytes()
    finish = body.index(b'"finish_reason":"length"')
    for at in range(finish):
        found = streamed(path, [body[:at]])
        assert found["outcome"] != "ok"
        assert "[DONE]" not in found["forwarded"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/openai/*.200")), ids=lambda path: path.parents[1].name)
def test_openais_own_fit_its_published_schema(path: Path) -> None:
    name = path.parents[1].name.removesuffix("s").title()
    body = {**sent(path)["body"], "model": json.loads(path.read_text())["model"]}
    check(schemas(), f"Create{name}Request", body)
    check(schemas(), f"Create{name}Response", json.loads(path.read_text()))
