"""Documented traffic, both directions: what is sent, what is made of the answer, and what it says as a reply and as events."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import botocore.eventstream
import msgspec
import pytest

from gateway.dialects.bedrock.dialect import BEDROCK
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.translated import translated
from gateway.values.chat import Reply, ToolCall
from gateway.values.outcome import AttemptFailed
from tests.dialects.anthropic.support import request_of
from tests.dialects.anthropic.test_golden import plain, told
from tests.dialects.bedrock.shapes import answer_of, request_problems
from tests.dialects.bedrock.support import ANSWERS, FOLDER, PLAIN, STREAMS, TRANSLATOR, meaning, target, told_frames
from tests.dialects.folding import folded

IDS = [path.stem for path in ANSWERS]
STREAM_IDS = [path.stem for path in STREAMS]
WHOLE = [path for path in ANSWERS if path not in STREAMS and path.suffix == ".200"]
PAIR = translated(OPENAI, BEDROCK, TRANSLATOR)


def decoded(path: Path) -> dict[str, Any]:
    body, status = path.read_bytes(), int(path.suffix[1:])
    if status >= 300:
        return told(TRANSLATOR.failure(status, {}, body, 0.0))
    if path in STREAMS:
        found = meaning([body])
        found["events"] = plain(BEDROCK.reader().read(found.pop("forwarded")))
        return found
    try:
        answer = TRANSLATOR.decode(body, request_of(PLAIN))
    except AttemptFailed as failure:
        return told(failure)
    assert answer.body == body
    summary = {key: value for key, value in msgspec.to_builtins(answer).items() if key != "body"}
    return {"outcome": "ok", **summary, "reply": plain(BEDROCK.reply(body))}


def compact(reply: Reply) -> Reply:
    """Arguments without space between their members."""
    parts = (
        msgspec.structs.replace(one, arguments=json.dumps(json.loads(one.arguments)))
        if isinstance(one, ToolCall)
        else one
        for one in reply.parts
    )
    return msgspec.structs.replace(reply, parts=tuple(parts))


def sent(path: Path) -> dict[str, Any]:
    request = request_of(json.loads(path.read_text()))
    ready = PAIR.prepare(request)  # type: ignore[attr-defined]
    call = PAIR.encode(ready.request, target())
    body = json.loads(call.body)
    assert request_problems("ConverseStream" if request.facts.stream else "Converse", body) == []
    return {
        "path": call.path, "headers": dict(call.headers), "body": body, "lost": list(ready.lost),
        "adapted": list(ready.adapted),
    }  # fmt: skip


@pytest.mark.parametrize("path", ANSWERS, ids=IDS)
def test_golden(path: Path) -> None:
    request = path.with_suffix(".request.json")
    found: dict[str, Any] = {"sent": sent(request)} if request.exists() else {}
    found = json.loads(json.dumps(found | {"answer": decoded(path)}))
    file = path.with_suffix(".expected.json")
    if os.environ.get("GOLDEN_WRITE"):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(file.read_text())


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_streams_mean_the_same_wherever_they_are_cut(path: Path) -> None:
    body = path.read_bytes()
    all_of_it = meaning([body])
    assert meaning([bytes([byte]) for byte in body]) == all_of_it
    for at in range(1, len(body), 3):
        assert meaning([body[:at], body[at:]]) == all_of_it, at


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_a_stream_that_is_cut_anywhere_never_looks_finished(path: Path) -> None:
    """Law 3: without its end it is done only where nothing of it was missing but what was used."""
    body = path.read_bytes()
    all_of_it = meaning([body])
    for at in range(len(body)):
        cut = meaning([body[:at]])
        if cut["outcome"] == "ok":
            assert all_of_it["output"] == cut["output"]
            assert b"messageStop" in cut["forwarded"] or path.stem == "stream-not-streamed"


@pytest.mark.parametrize("path", WHOLE, ids=[path.stem for path in WHOLE])
def test_a_whole_answer_and_the_stream_made_of_it_agree(path: Path) -> None:
    body = path.read_bytes()
    found = meaning([body])
    try:
        answer = TRANSLATOR.decode(body, request_of(PLAIN))
    except AttemptFailed as failed:
        expected = "malformed_answer" if path.stem == "not-json" else failed.outcome.value
    else:
        expected = "ok"
    assert found["outcome"] == expected
    if expected != "ok":
        return
    assert "not_streamed" in found["anomalies"]
    assert found["usage"] == msgspec.to_builtins(answer.usage)
    assert compact(folded(BEDROCK.reader().read(found["forwarded"]))) == compact(BEDROCK.reply(body))


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_botocore_reads_the_same_messages(path: Path) -> None:
    if path.stem in (
        "stream-bad-checksum",
        "stream-not-streamed",
        "stream-not-frames",
        "stream-cut-in-message",
        "stream-error-frame",
    ):
        return
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(path.read_bytes())
    read = [json.loads(one.payload) for one in buffer if one.payload]
    assert read == [payload for _, payload in told_frames(path.read_bytes())]


@pytest.mark.parametrize("path", [path for path in WHOLE if '"output"' in path.read_text()], ids=lambda path: path.stem)
def test_botocore_takes_the_whole_answers(path: Path) -> None:
    """So they are of the shape that AWS publishes."""
    if path.stem in ("no-content", "no-reason", "odd-usage"):
        return
    found = answer_of("Converse", path.read_bytes())
    told_here = BEDROCK.reply(path.read_bytes())
    words = "".join(block.get("text", "") for block in found["output"]["message"]["content"])
    assert words in "".join(getattr(part, "text", "") for part in told_here.parts)
    assert found["stopReason"]


def test_every_golden_answer_has_its_expectation() -> None:
    assert {path.with_suffix(".expected.json") for path in ANSWERS} == set(FOLDER.glob("*.expected.json"))
    assert base64.b64decode("aGk=") == b"hi"
