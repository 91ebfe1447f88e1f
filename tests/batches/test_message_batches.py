"""Anthropic's batches: its own SDK over real sockets, and on virtual time what else can become of one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.batches.client import ENV, KEYS, Batching, config_of, stored
from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess
from tests.support.in_process import InProcess, Received, in_front_of
from tests.support.waiting import wait_for

PATH = "/v1/messages/batches"
VERSION = {"anthropic-version": "2023-06-01"}


def asked(custom_id: str, text: str = "hi", model: str = "ok", **more: Any) -> Any:
    params = {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": text}], **more}
    return {"custom_id": custom_id, "params": params}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    sections = {"batches": {"at_once": 4, "max_open": 3, "max_lines": 100}}
    with in_front_of(
        1, tmp_path, lambda stands: config_of(stands[0].base_url, {"slow@2000": {}}, **sections), ENV
    ) as one:
        yield one


def make(app: Batching, requests: list[Any], **headers: str) -> Received:
    return app.send("POST", PATH, json.dumps({"requests": requests}).encode(), **VERSION, **headers)


def ended(app: Batching, batch_id: str, within_s: float = 600) -> Any:
    def told() -> Any:
        return app.send("GET", f"{PATH}/{batch_id}", **VERSION).json()

    app.here.virtual.wait_for(lambda: told()["processing_status"] == "ended", within_s=within_s, every_s=0.5)
    return told()


def results(app: Batching, batch_id: str) -> dict[str, Any]:
    got = app.send("GET", f"{PATH}/{batch_id}/results", **VERSION)
    assert got.status == 200, got.body
    rows = [json.loads(one) for one in got.body.splitlines()]
    assert len({row["custom_id"] for row in rows}) == len(rows)
    return {row["custom_id"]: row["result"] for row in rows}


def test_the_official_sdk(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, config_of(upstream.base_url), ENV) as gateway:
        api = anthropic.Anthropic(base_url=gateway.url, api_key=KEYS["app"], max_retries=0)
        made = api.messages.batches.create(
            requests=[asked(f"q-{n}", f"text {n}") for n in range(10)] + [asked("bad", model="none")]
        )
        assert (made.processing_status, made.request_counts.processing) == ("in_progress", 11)
        wait_for(lambda: api.messages.batches.retrieve(made.id).processing_status == "ended", within_s=60)
        batch = api.messages.batches.retrieve(made.id)
        assert (batch.request_counts.succeeded, batch.request_counts.errored) == (10, 1)
        assert batch.ended_at is not None
        found = {one.custom_id: one.result for one in api.messages.batches.results(made.id)}
        for n in range(10):
            result = found[f"q-{n}"]
            assert result.type == "succeeded"
            assert f"text {n}" in result.message.content[0].text  # type: ignore[union-attr]
        bad = found["bad"]
        assert bad.type == "errored"
        assert bad.error.error.type == "not_found_error"
        assert [one.id for one in api.messages.batches.list()] == [made.id]
        assert api.messages.batches.delete(made.id).type == "message_batch_deleted"
        with pytest.raises(anthropic.NotFoundError):
            api.messages.batches.retrieve(made.id)


def test_cancelled_and_expired(here: InProcess) -> None:
    app = Batching(here)
    requests = [asked(f"{n}", model="slow-2000") for n in range(30)]
    made = make(app, requests).json()
    here.virtual.sleep(5)
    early = app.send("GET", f"{PATH}/{made['id']}/results", **VERSION)
    assert (early.status, early.json()["type"]) == (409, "error")
    assert app.send("DELETE", f"{PATH}/{made['id']}", **VERSION).status == 409
    told = app.send("POST", f"{PATH}/{made['id']}/cancel", **VERSION).json()
    assert told["processing_status"] == "canceling"
    batch = ended(app, made["id"])
    kinds = [one["type"] for one in results(app, made["id"]).values()]
    counts = batch["request_counts"]
    assert len(kinds) == 30
    assert (counts["succeeded"], counts["canceled"]) == (kinds.count("succeeded"), kinds.count("canceled"))
    assert counts["succeeded"] >= 8
    assert counts["processing"] == counts["errored"] == counts["expired"] == 0
    late = make(app, requests).json()
    here.virtual.sleep(5)
    here.gateway.stop()
    here.virtual.sleep(90_000)
    here.gateway.start()
    counts = ended(app, late["id"])["request_counts"]
    assert counts["expired"] == 30 - counts["succeeded"]
    assert counts["expired"] > 0
    assert {one["type"] for one in results(app, late["id"]).values()} == {"succeeded", "expired"}


def test_the_two_kinds_do_not_meet_and_other_keys_see_nothing(here: InProcess) -> None:
    app, other = Batching(here), Batching(here, "other")
    ids = [make(app, [asked("a")]).json()["id"] for _ in range(3)]
    for one in ids:
        ended(app, one)
    assert app.send("GET", "/v1/batches").json()["data"] == []
    assert app.send("GET", f"/v1/batches/{ids[0]}").status == 404
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/cancel"), ("DELETE", "")):
        refused = other.send(method, f"{PATH}/{ids[0]}{path}", **VERSION)
        assert (refused.status, refused.json()["error"]["type"]) == (404, "not_found_error")

    def listed(query: str) -> tuple[list[str], bool]:
        page = app.send("GET", PATH, query=query, **VERSION).json()
        return [one["id"] for one in page["data"]], page["has_more"]

    assert listed("") == (ids[::-1], False)
    assert listed("limit=1") == (ids[2:], True)
    assert listed(f"limit=1&after_id={ids[2]}") == ([ids[1]], True)
    assert listed(f"limit=2&before_id={ids[0]}") == (ids[:0:-1], False)
    assert listed(f"limit=1&before_id={ids[0]}") == ([ids[1]], True)
    assert app.send("GET", PATH, query=f"after_id={ids[0]}&before_id={ids[1]}", **VERSION).status == 400
    assert app.send("DELETE", f"{PATH}/{ids[0]}", **VERSION).status == 200
    assert listed("") == (ids[:0:-1], False)
    assert len(stored(here)) == 4


def test_what_is_wrong_is_said_at_once(here: InProcess) -> None:
    app = Batching(here)
    wrong: list[tuple[Any, str | None]] = [
        ({"requests": []}, "requests"),
        ({"requests": None}, None),
        ({}, None),
        ({"requests": [asked("a")] * 101}, None),
        ({"requests": [asked("a"), asked("a")]}, "requests[1].custom_id"),
        ({"requests": [asked("")]}, "requests[0].custom_id"),
        ({"requests": [asked("a"), asked("b", stream=True)]}, "requests[1].params.stream"),
        ({"requests": [{"custom_id": "a", "params": []}]}, "requests[0].params"),
        ({"requests": [{"custom_id": "a"}]}, None),
        ({"requests": [{"custom_id": 1, "params": {}}]}, None),
        ({"requests": [asked("a")], "other": 1}, None),
    ]
    for body, path in wrong:
        refused = app.send("POST", PATH, json.dumps(body).encode(), **VERSION)
        assert (refused.status, refused.json()["error"]["type"]) == (400, "invalid_request_error"), body
        assert path is None or path in refused.json()["error"]["message"]
    for raw in (
        b"",
        b"{",
        b"\xff",
        b"[" * 50_000,
        b'{"requests": [{"custom_id": "a", "params": ' + b"[" * 50_000 + b"}]}",
    ):
        assert app.send("POST", PATH, raw, **VERSION).status == 400
    assert make(app, [asked("a")], **{"x-gateway-sensitivity": "top"}).status == 400
    assert stored(here) == []


def test_line_breaks_in_the_body_and_headers_for_each_line(here: InProcess) -> None:
    app = Batching(here)
    body = json.dumps({"requests": [asked("a", "one\ntwo"), asked("b")]}, indent=2).replace("\n", "\r\n").encode()
    made = app.send("POST", PATH, body, **VERSION, **{"x-gateway-sensitivity": "internal"}).json()
    ended(app, made["id"])
    found = results(app, made["id"])
    assert {one["type"] for one in found.values()} == {"succeeded"}
    assert "one\ntwo" in found["a"]["message"]["content"][0]["text"]
    records = here.gateway.get("/admin/decisions", {"authorization": f"Bearer {KEYS['ops']}"}).json()["record"]
    assert {one["decision"]["facts"]["sensitivity"] for one in records} == {"internal"}
    assert {one["decision"]["facts"]["batch"] for one in records} == {made["id"]}


def test_more_than_may_be_open(here: InProcess) -> None:
    app = Batching(here)
    for _ in range(3):
        assert make(app, [asked("a", model="slow-2000")]).status == 200
    refused = make(app, [asked("a")])
    assert (refused.status, refused.json()["error"]["type"]) == (429, "rate_limit_error")
    assert len(list(stored(here))) <= 9
