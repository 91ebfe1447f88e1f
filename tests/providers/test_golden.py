"""Recorded and documented traffic of each vendor, both directions: what is sent upstream, and what is made of the answer."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.providers.vendors import VENDORS
from gateway.surfaces.table import CHAT
from gateway.values.caller import Caller
from gateway.values.deployment import Deployment, Hosting, Timeouts
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Serves
from tests.support.openai_spec import check, schemas

FOLDER = Path(__file__).parents[1] / "golden"
SPEAKS = {name: vendor.chat.name for name, vendor in VENDORS.items()}
# of vendors of another dialect: its folder in tests/dialects
ANSWERS = sorted(path for path in FOLDER.glob("*/*.[0-9][0-9][0-9]") if SPEAKS.get(path.parent.name) == "openai")
IDS = [f"{path.parent.name}-{path.stem}" for path in ANSWERS]
STREAMS = [path for path in ANSWERS if path.read_bytes().startswith((b"data:", b":"))]
OLDER = {"functions", "logprobs"}  # examples without `refusal`, which the schema has come to require
PLAIN: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def request_of(path: Path) -> Request | None:
    """The application's request of a case; None where the case is about one that the gateway itself refuses."""
    file = path.with_suffix(".request.json")
    sent = json.loads(file.read_text()) if file.exists() else PLAIN
    if isinstance(sent, dict):
        sent.setdefault("model", "m")  # llama.cpp was asked without one
    try:
        return CHAT.read(json.dumps(sent).encode(), {}, Caller.anonymous(), "req-1")
    except Exception:
        return None


def target(vendor: str) -> Deployment:
    return Deployment(
        name="d", provider=vendor, model="upstream-model", base_url="http://127.0.0.1:1/v1",
        hosting=Hosting.SELF_HOSTED, region=None, clearance=Sensitivity.RESTRICTED, capabilities=frozenset(),
        context_tokens=None, max_output_tokens=None, price=None, timeouts=Timeouts(),
        api_version=VENDORS[vendor].api_version,
    )  # fmt: skip


def told(failure: AttemptFailed) -> dict[str, Any]:
    return {"outcome": failure.outcome.value, "message": failure.message, "param": failure.param, "code": failure.code}


def streamed(path: Path, parts: list[bytes]) -> dict[str, Any]:
    request = request_of(path)
    assert request is not None
    decoder = VENDORS[path.parent.name].translators[Serves.CHAT].decoder(request)
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
    translator = VENDORS[path.parent.name].translators[Serves.CHAT]
    body, status = path.read_bytes(), int(path.suffix[1:])
    if status >= 300:
        return told(translator.failure(status, {}, body, 0.0))
    if path in STREAMS:
        return streamed(path, [body])
    try:
        answer = translator.decode(body, request_of(path) or request_of(FOLDER / "none"))
    except AttemptFailed as failure:
        return told(failure)
    assert answer.body == body
    return {"outcome": "ok", **{key: value for key, value in msgspec.to_builtins(answer).items() if key != "body"}}


def sent(path: Path) -> dict[str, Any] | None:
    request = request_of(path)
    if request is None:
        return None
    call = VENDORS[path.parent.name].translators[Serves.CHAT].encode(request, target(path.parent.name))
    return {"path": call.path, "headers": dict(call.headers), "body": json.loads(call.body)}


@pytest.mark.parametrize("path", ANSWERS, ids=IDS)
def test_golden(path: Path) -> None:
    found = json.loads(msgspec.json.encode({"sent": sent(path), "answer": decoded(path)}))
    file = path.with_suffix(".expected.json")
    if os.environ.get("GOLDEN_WRITE"):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(file.read_text())


def named(member: str, path: Path) -> str:
    """As the vendor calls it."""
    return VENDORS[path.parent.name].renames.get(member, member)


SENT = [path for path in ANSWERS if path.with_suffix(".request.json").exists() and request_of(path) is not None]


@pytest.mark.parametrize("path", SENT, ids=[f"{path.parent.name}-{path.stem}" for path in SENT])
def test_what_is_sent_is_what_the_application_sent(path: Path) -> None:
    asked, found = json.loads(path.with_suffix(".request.json").read_text()), sent(path)
    assert found is not None
    added = {"model", "stream_options"} if asked.get("stream") else {"model"}
    assert {k: v for k, v in found["body"].items() if k not in added} == {
        named(k, path): v for k, v in asked.items() if k not in added
    }
    assert found["body"]["model"] == "upstream-model"
    if asked.get("stream") and "stream_options" in found["body"]:  # not every vendor is asked: the golden file says who
        assert found["body"]["stream_options"]["include_usage"] is True


@pytest.mark.parametrize("path", STREAMS, ids=[path.parent.name + "-" + path.stem for path in STREAMS])
def test_streams_mean_the_same_byte_by_byte(path: Path) -> None:
    body = path.read_bytes()
    assert streamed(path, [bytes([one]) for one in body]) == streamed(path, [body])


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("path", STREAMS, ids=[path.parent.name + "-" + path.stem for path in STREAMS])
def test_streams_mean_the_same_wherever_they_are_cut(path: Path, data: st.DataObject) -> None:
    body = path.read_bytes()
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6))), len(body)]
    parts = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert streamed(path, parts) == streamed(path, [body])


@pytest.mark.parametrize("path", sorted((FOLDER / "openai").glob("*.200")), ids=lambda path: path.stem)
def test_openais_own_fit_its_published_schema(path: Path) -> None:
    spec = schemas()
    found = sent(path)
    assert found is not None
    check(spec, "CreateChatCompletionRequest", {**found["body"], "model": "gpt-4o-mini"})
    name = "CreateChatCompletionStreamResponse" if path in STREAMS else "CreateChatCompletionResponse"
    text = path.read_text()
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    for body in [] if path.stem in OLDER else events or [text]:
        check(spec, name, json.loads(body))
