"""Documented traffic, both directions: what is sent, what is made of the answer, and what it says as a reply and as events."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.responses.dialect import RESPONSES
from gateway.values.outcome import AttemptFailed
from tests.dialects import sending
from tests.dialects.folding import folded
from tests.dialects.responses.support import (
    ANSWERS,
    FOLDER,
    STREAMS,
    TRANSLATOR,
    asked,
    decode,
    meaning,
    replayed,
    request_of,
    target,
)

IDS = [path.stem for path in ANSWERS]
STREAM_IDS = [path.stem for path in STREAMS]
WHOLE = [path for path in ANSWERS if path not in STREAMS and path.suffix == ".200"]
# the bytes that the gateway changes: encrypted thoughts, events without a name, [DONE], what has no end
CHANGED = {
    "stream-thinking", "stream-nameless", "stream-done", "stream-failed", "stream-failed-only",
}  # fmt: skip
SEALED = {"thinking"}


def plain(value: Any) -> Any:
    """With the name of its type, as several have the same members."""
    if isinstance(value, msgspec.Struct):
        members = {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"is": type(value).__name__, **{name: one for name, one in members.items() if one not in (None, [])}}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else value.value


def told(failure: AttemptFailed) -> dict[str, Any]:
    return {
        "outcome": failure.outcome.value, "message": failure.message, "param": failure.param, "code": failure.code,
        "detail": failure.detail,
    }  # fmt: skip


def decoded(path: Path) -> dict[str, Any]:
    body, status = path.read_bytes(), int(path.suffix[1:])
    if status >= 300:
        return told(TRANSLATOR.failure(status, {}, body, 0.0))
    if path in STREAMS:
        found = meaning([body])
        if found["outcome"] == "ok":
            found["events"] = plain(RESPONSES.reader().read(found["forwarded"].encode()))
        return found
    try:
        answer = decode(body)
    except AttemptFailed as failure:
        return told(failure)
    assert (answer.body == body) is (path.stem not in SEALED)
    summary = {key: value for key, value in msgspec.to_builtins(answer).items() if key != "body"}
    return {"outcome": "ok", **summary, "reply": plain(RESPONSES.reply(answer.body))}


def sent(path: Path) -> dict[str, Any]:
    call, lost = sending.sent(TRANSLATOR, request_of(asked(path)), target())
    return {"path": call.path, "headers": dict(call.headers), "body": json.loads(call.body), "lost": list(lost)}


@pytest.mark.parametrize("path", ANSWERS, ids=IDS)
def test_golden(path: Path) -> None:
    found: dict[str, Any] = {"answer": decoded(path)}
    if path.with_suffix(".request.json").exists():
        found = {"sent": sent(path), "chat": plain(RESPONSES.chat(request_of(asked(path)).fields)), **found}
    found = json.loads(json.dumps(found))
    file = path.with_suffix(".expected.json")
    if os.environ.get("GOLDEN_WRITE"):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(file.read_text())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.request.json")), ids=lambda path: path.name.split(".")[0])
def test_what_is_sent_is_what_the_application_sent(path: Path) -> None:
    """But for what the provider is to keep; thoughts are asked for, encrypted, where it is to keep nothing."""
    body = json.loads(path.read_text())
    call, lost = sending.sent(TRANSLATOR, request_of(body), target())
    told = json.loads(call.body)
    expected = {**body, "model": "upstream-model", "store": False}
    if body.get("store") is not False:
        expected["include"] = ["reasoning.encrypted_content"]
    if lost:
        assert lost == ("input[1]",)  # another dialect's thought
        del expected["input"][1]
        expected["input"] = [
            {name: one for name, one in item.items() if not is_forgotten(name, item)} for item in expected["input"]
        ]
    assert told == expected
    assert call.path == "/responses"


def is_forgotten(name: str, item: dict[str, Any]) -> bool:
    return name == "id" and item.get("type") in ("message", "function_call")


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_streams_are_forwarded_as_they_came(path: Path) -> None:
    body = path.read_bytes()
    forwarded = meaning([body])["forwarded"].encode()
    assert (forwarded == body) is (path.stem not in CHANGED)


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_streams_mean_the_same_byte_by_byte(path: Path) -> None:
    body = path.read_bytes()
    assert meaning([bytes([byte]) for byte in body]) == meaning([body])


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_streams_mean_the_same_at_every_cut(path: Path) -> None:
    body = path.read_bytes()
    all_of_it = meaning([body])
    for at in range(1, len(body)):
        assert meaning([body[:at], body[at:]]) == all_of_it, at


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_streams_mean_the_same_wherever_they_are_cut(path: Path, data: st.DataObject) -> None:
    body = path.read_bytes()
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6))), len(body)]
    parts = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert meaning(parts) == meaning([body])


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_the_reader_says_the_same_chunk_by_chunk(path: Path) -> None:
    body = path.read_bytes()
    chunks, _ = replayed([bytes([byte]) for byte in body])
    reader = RESPONSES.reader()
    events = [event for chunk in chunks for event in reader.read(chunk.forward)]
    assert events == RESPONSES.reader().read(b"".join(chunk.forward for chunk in chunks))


@pytest.mark.parametrize("path", WHOLE, ids=[path.stem for path in WHOLE])
def test_a_whole_answer_and_the_stream_made_of_it_agree(path: Path) -> None:
    body = path.read_bytes()
    found = meaning([body])
    if path.with_suffix(".expected.json").read_text().find('"outcome": "ok"') < 0:
        with pytest.raises(AttemptFailed) as failed:
            decode(body)
        assert found["outcome"] == failed.value.outcome.value
        return
    answer = decode(body)
    assert found["outcome"] == "ok"
    assert "not_streamed" in found["anomalies"]
    assert found["usage"] == msgspec.to_builtins(answer.usage)
    assert folded(RESPONSES.reader().read(found["forwarded"].encode())) == RESPONSES.reply(answer.body)


@pytest.mark.parametrize("path", STREAMS, ids=STREAM_IDS)
def test_a_stream_that_is_cut_anywhere_never_looks_finished(path: Path) -> None:
    """Law 3: without its end it is done only where nothing of it was missing."""
    body = path.read_bytes()
    all_of_it = meaning([body])
    for at in range(len(body)):
        cut = meaning([body[:at]])
        if cut["outcome"] == "ok":
            assert all_of_it["outcome"] == "ok"
            assert cut["usage"] == all_of_it["usage"]
            assert "event: response." in cut["forwarded"].rstrip().rsplit("\n", 2)[-2]
