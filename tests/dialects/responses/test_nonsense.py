"""Whatever comes from a caller or a provider, nothing but AttemptFailed is raised."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.contract import Translator
from gateway.dialects.openai import OpenAITranslator
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.responses.dialect import RESPONSES
from gateway.dialects.translated import translated
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from tests.dialects.responses.support import FOLDER, TRANSLATOR, asked, decode, replayed, request_of, target
from tests.dialects.sending import sent

ODD = st.sampled_from(
    [None, True, -1, 1e400, 2**70, "", "x", [], {}, [None], [5], [[]], [{}], {"type": "x"}, {"type": None}, "\ud83d"]
)
TURNS = json.loads((FOLDER / "turns.request.json").read_text())
WHOLE = [FOLDER / f"{name}.200" for name in ("tools", "thinking", "web-search", "functions")]
STREAMS = [FOLDER / f"{name}.200" for name in ("stream-tools", "stream-thinking", "stream-search")]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for name, one in inner for found in places(one, (*path, name)))]


def put(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with this in that place."""
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = put(node[path[0]], path[1:], value)
    return copy


def refusal(translator: Translator, request: Request) -> AttemptFailed | None:
    try:
        sent(translator, request, target())
    except AttemptFailed as failed:
        return failed
    return None


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_of_a_caller(data: st.DataObject) -> None:
    body = put(TURNS, data.draw(st.sampled_from(places(TURNS)[1:])), data.draw(ODD))
    fields = {name: msgspec.Raw(encoded(value)) for name, value in body.items()}
    request = msgspec.structs.replace(request_of({}), fields=fields)
    for translator in (TRANSLATOR, translated(RESPONSES, OPENAI, OpenAITranslator(usage_in_streams=True))):
        failed = refusal(translator, request)
        assert failed is None or failed.outcome in (Outcome.BAD_REQUEST, Outcome.FIELD_REFUSED)
        assert failed is None or failed.message


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_of_a_provider_whole(data: st.DataObject) -> None:
    body = json.loads(data.draw(st.sampled_from(WHOLE)).read_bytes())
    odd = encoded(put(body, data.draw(st.sampled_from(places(body))), data.draw(ODD)))
    try:
        answer = decode(odd)
        RESPONSES.reply(answer.body)
    except AttemptFailed:
        pass
    replayed([odd])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_of_a_provider_streamed(data: st.DataObject) -> None:
    events = data.draw(st.sampled_from(STREAMS)).read_bytes().split(b"\n\n")[:-1]
    at = data.draw(st.integers(0, len(events) - 1))
    head, _, said = events[at].partition(b"\ndata: ")
    event = json.loads(said)
    odd = encoded(put(event, data.draw(st.sampled_from(places(event))), data.draw(ODD)))
    events[at] = head + b"\ndata: " + odd
    chunks, _ = replayed([b"\n\n".join(events) + b"\n\n"])
    reader = RESPONSES.reader()
    try:
        for chunk in chunks:
            reader.read(chunk.forward)
    except AttemptFailed:
        pass


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"null", b"[]", b"\xff\xfe", b"data: \xff\n\n", b"event: x\n\n", b"[" * 100_000]
)
def test_junk(junk: bytes) -> None:
    with pytest.raises(AttemptFailed):
        decode(junk)
    chunks, _ = replayed([junk])
    assert chunks[-1].failure is not None


@pytest.mark.parametrize("path", [FOLDER / "plain.200"], ids=["plain"])
def test_a_thought_of_another_account_is_dropped_and_named(path: Path) -> None:
    """And of the items after it the ids, which would ask for it."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gw1.r.another00000.rs_1.gAAAA"}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    body = {**asked(path), "input": [{"role": "user", "content": "x"}, thought, call]}
    told, lost = sent(TRANSLATOR, request_of(body), target())
    assert lost == ("input[1]",)
    assert [item.get("id") for item in json.loads(told.body)["input"]] == [None, None]
