"""An answer that is not the JSON that was asked for is marked, or where the rule wants it the next candidate is asked."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flow.formats import MOST_DEPTH, MOST_SCHEMA_BYTES, MOST_TEXT, Format, Formats
from gateway.surfaces.table import CHAT, MESSAGES
from gateway.values.caller import Caller
from gateway.values.chat import Finish, Refusal, Reply, Text, ToolCall
from tests.support.client import Seen
from tests.support.gateway import deployment
from tests.support.in_process import InProcessGateway, in_front_of
from tests.support.scripted import delta, events
from tests.support.two_sides import HELLO, SECRETS, TwoSides, configuration
from tests.support.virtual_time import VirtualTime
from tests.transport.raw_server import Peer, serving

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
SCHEMA: dict[str, Any] = {
    "type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"], "additionalProperties": False,
}  # fmt: skip
WANTED = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
POOL = ["o-ok", "o-json_schema"]
RULE = {"name": "kept", "when": {"model": ["kept"]}, "fallback": {"unmet_format": "next", "retries": 0}}
CALL = ToolCall("c", "f", "{}")


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    def config(base_url: str) -> dict[str, Any]:
        made = configuration(base_url)
        models = {**made["models"], "kept": {"deployments": POOL}, "marked": {"deployments": POOL}}
        return {**made, "models": models, "policy": {"rules": [RULE, *made["policy"]["rules"]]}}

    directory = tmp_path_factory.mktemp("formats")
    with in_front_of(1, directory, lambda stands: config(stands[0].base_url), SECRETS) as here:
        yield TwoSides(here.gateway, here.stands[0])


def attempts(sides: TwoSides, seen: Seen) -> list[tuple[str, str, list[str]]]:
    found = sides.record(seen)["attempts"]
    return [(one["deployment"], one["outcome"], one.get("anomalies", [])) for one in found]


@BOTH
def test_it_is_marked(sides: TwoSides, stream: bool) -> None:
    seen = sides.chat("marked", stream=stream, response_format=WANTED)
    assert (seen.status, attempts(sides, seen)) == (200, [("o-ok", "ok", ["format_unmet"])])
    seen = sides.chat("o-json_schema", stream=stream, response_format=WANTED)
    assert (seen.status, attempts(sides, seen)) == (200, [("o-json_schema", "ok", [])])
    assert 'gateway_answer_anomalies_total{anomaly="format_unmet",deployment="o-ok"}' in sides.metrics()


def test_the_next_candidate_is_asked_where_the_rule_wants_it(sides: TwoSides) -> None:
    seen = sides.chat("kept", response_format=WANTED)
    assert (seen.status, seen.headers["x-gateway-deployment"]) == (200, "o-json_schema")
    assert attempts(sides, seen) == [("o-ok", "format_unmet", []), ("o-json_schema", "ok", [])]
    first = sides.record(seen)["attempts"][0]
    assert first["usage"]["completion_tokens"] > 0  # it is paid for
    assert first["cost_usd"] > 0


def test_a_stream_is_only_marked(sides: TwoSides) -> None:
    """Its caller has it by then."""
    seen = sides.chat("kept", stream=True, response_format=WANTED)
    assert attempts(sides, seen) == [("o-ok", "ok", ["format_unmet"])]
    assert seen.looks_finished(stream=True)


@pytest.mark.parametrize(("said", "anomalies"), [('{"answer":"x y z"}', []), ('{"answer":"x y z"', ["format_unmet"])])
def test_a_stream_that_comes_bit_by_bit_is_judged_by_all_of_it(tmp_path: Path, said: str, anomalies: list[str]) -> None:
    """A chunk that comes alone counts as those do that come together."""

    async def bit_by_bit(peer: Peer) -> None:
        await peer.request()
        head, _, body = events(*map(delta, said), delta(finish="stop")).partition(b"\r\n\r\n")
        await peer.send(head + b"\r\n\r\n", *(one + b"\n\n" for one in body.split(b"\n\n")[:-1]), pause_s=0.01)

    with VirtualTime() as virtual:
        upstream = serving(bit_by_bit)
        port = virtual.run(upstream.__aenter__()).port
        config = {"deployments": {"up": deployment(f"http://127.0.0.1:{port}/v1", "any")}}
        with InProcessGateway(virtual, tmp_path, config, {}) as gateway:
            (answer,) = gateway.chats("up", stream=True, response_format=WANTED)
            record = gateway.decision(answer.headers["x-gateway-decision"])["record"]
        virtual.run(upstream.__aexit__(None, None, None))
    assert [(one["outcome"], one.get("anomalies", [])) for one in record["attempts"]] == [("ok", anomalies)]


@BOTH
def test_a_translated_answer_is_judged_too(sides: TwoSides, stream: bool) -> None:
    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    seen = sides.message("o-ok", stream=stream, output_config=form)
    assert attempts(sides, seen) == [("o-ok", "ok", ["format_unmet"])]
    seen = sides.message("o-json_schema", stream=stream, output_config=form)
    assert attempts(sides, seen) == [("o-json_schema", "ok", [])]


def test_json_without_a_schema_is_asked_for_in_words_where_there_is_no_other_way(sides: TwoSides) -> None:
    seen = sides.chat("a-ok", response_format={"type": "json_object"})
    assert (seen.status, seen.headers["x-gateway-adapted"]) == (200, "max_tokens, response_format")
    assert attempts(sides, seen) == [("a-ok", "ok", ["format_unmet"])]
    assert "JSON" in sides.body_of("ok", "/v1/messages")["system"][-1]["text"]


def asked(schema: Any, **more: Any) -> Format | None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, **more}}
    body = {"model": "m", "messages": HELLO, "response_format": form}
    return Formats().of(CHAT.read(json.dumps(body).encode(), {}, Caller.anonymous(), "d"))


def is_kept(schema: Any, value: Any) -> bool:
    found = asked(schema)
    assert found is not None
    text = value if isinstance(value, str) else json.dumps(value)
    return found.is_kept_by(Reply(id="", model="", parts=(Text(text),), finish=Finish.STOP))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"answer": "x"}, True), ({"answer": 1}, False), ({}, False), ([], False), ("", False), ("{", False),
        ('{"answer":"x"} ', True), ('```json\n{"answer":"x"}\n```', False), ({"answer": "x", "more": 1}, False),
    ],
)  # fmt: skip
def test_by_its_schema(value: Any, kept: bool) -> None:
    assert is_kept(SCHEMA, value) is kept


@pytest.mark.parametrize("parts", [(Refusal("No."),), (CALL,), (Text("x"), CALL)])
def test_a_refusal_and_a_call_keep_to_it(parts: Any) -> None:
    found = asked(SCHEMA)
    assert found is not None
    assert found.is_kept_by(Reply(id="", model="", parts=parts, finish=Finish.STOP))
    assert found.is_kept_by(Reply(id="", model="", parts=(Text('{"ans'),), finish=Finish.LENGTH))


def test_who_asks_for_none_is_not_judged() -> None:
    plain = json.dumps({"model": "m", "max_tokens": 9, "messages": HELLO}).encode()
    for row in (CHAT, MESSAGES):
        assert Formats().of(row.read(plain, {}, Caller.anonymous(), "d")) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:1/schema"}, {"$ref": "file:///etc/passwd"}, {"$schema": "http://127.0.0.1:1/meta"},
        {"type": "no such type"}, {"pattern": "(?=a)b"}, {"pattern": "(a{1,1000}){1,1000}"}, {"pattern": "["},
        {"description": "x" * MOST_SCHEMA_BYTES}, {"$ref": "#/nowhere"}, True, [], 1, "x",
        {"properties": {"a": {"$id": "http://127.0.0.1:1/", "$ref": "x"}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_schema_that_cannot_be_used_judges_nothing(schema: Any) -> None:
    """Nothing is fetched, and nothing raised."""
    found = asked(schema)
    assert found is None or found.is_kept_by(Reply(id="", model="", parts=(Text("1"),), finish=Finish.STOP))


def nested(depth: int) -> Any:
    value: Any = {"type": "array"}
    for _ in range(depth):
        value = {"type": "array", "items": value}
    return value


def test_what_could_take_long_is_left_alone() -> None:
    both = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "array"}
    twice = {"items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "type": "array"}
    levels: dict[str, Any] = {"a0": {"type": "string"}}
    for at in range(1, 60):
        levels[f"a{at}"] = {"anyOf": [{"$ref": f"#/$defs/a{at - 1}"}, {"$ref": f"#/$defs/a{at - 1}"}]}
    deep = "[" * 60 + "1" + "]" * 60
    since = time.process_time()
    for schema in (both, twice, {"$defs": levels, "$ref": "#/$defs/a59"}, nested(MOST_DEPTH), {"pattern": "^(a+)+$"}):
        is_kept(schema, deep)
        is_kept(schema, json.dumps("a" * 10_000 + "b"))
    assert is_kept(SCHEMA, "x" * (MOST_TEXT + 1))
    assert is_kept({"type": "string"}, "[" * 200_000 + "]" * 200_000) is not None
    assert time.process_time() - since < 5


def test_one_that_refers_to_itself_is_checked_as_far_as_it_is_short() -> None:
    tree = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["next"],
    }
    assert is_kept(tree, {"next": {"next": None}})
    assert not is_kept(tree, {"next": {"next": 1}})


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=8,
    )
)
def test_it_judges_as_the_library_does(value: Any) -> None:
    schema = {
        "type": ["object", "array"],
        "items": {"type": ["string", "null"]},
        "additionalProperties": {"type": "number"},
    }
    assert is_kept(schema, msgspec.json.encode(value).decode()) == jsonschema_rs.is_valid(schema, value)
