"""Responses that are stored: who may go on from them, with whom, for how long, and what is never stored."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import APP_KEY, NARROW_KEY, OPERATOR_KEY
from tests.support.client import Seen
from tests.support.in_process import InProcessGateway, Received, in_front_of
from tests.support.two_sides import MESSAGES, SECRETS, TwoSides, configuration
from tests.surfaces.test_open_responses import events_of

PATH = "/v1/responses"
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    """With little room for what is stored."""
    directory = tmp_path_factory.mktemp("stored")

    def settings(base_url: str) -> dict[str, Any]:
        return {**configuration(base_url), "responses": {"keep_s": 50, "most_bytes_per_key": 60_000}}

    with in_front_of(1, directory, lambda stands: settings(stands[0].base_url), SECRETS) as here:
        yield TwoSides(here.gateway, here.stands[0])


def gateway_of(sides: TwoSides) -> InProcessGateway:
    assert isinstance(sides.gateway, InProcessGateway)
    return sides.gateway


def respond(sides: TwoSides, model: str, given: Any = "Say hello.", **more: Any) -> tuple[Seen, dict[str, Any]]:
    """The answer, and the response that it comes to."""
    key = more.pop("key", APP_KEY)
    seen = sides.ask(PATH, {"model": model, "input": given, **more}, x_api_key=key, **more.pop("headers", {}))
    return seen, events_of(seen)[-1].get("response", {}) if more.get("stream") else json.loads(seen.body)


def got(sides: TwoSides, method: str, path: str, key: str = APP_KEY, query: str = "") -> Received:
    headers = {"host": "localhost", "x-api-key": key}
    gateway = gateway_of(sides)
    return gateway.virtual.run(gateway.send(method, f"{PATH}/{path}", headers, b"", query=query))


@BOTH
def test_a_conversation_goes_on_with_providers_of_any_dialect(sides: TwoSides, stream: bool) -> None:
    """Thoughts go back to who had them, and to no other: each of these servers refuses those of others."""
    _, first = respond(sides, "a-thinking", "One.", stream=stream)
    _, second = respond(sides, "r-thinking", "Two.", stream=stream, previous_response_id=first["id"], reasoning={})
    seen, third = respond(sides, "l-ok", "Three.", stream=stream, previous_response_id=second["id"])
    assert seen.status == 200
    assert "input" in seen.headers["x-gateway-lost"]
    for model, path, thought in (("a-ok", MESSAGES, '"signature"'), ("r-ok", PATH, "gAAAAA")):
        seen, fourth = respond(sides, model, "Four.", stream=stream, previous_response_id=third["id"])
        assert (seen.status, fourth["previous_response_id"]) == (200, third["id"])
        sent = json.dumps(sides.body_of("ok", path))
        assert [sent.count(word) for word in ("One.", "Two.", "Three.", "Four.")] == [2, 2, 2, 1]
        assert sent.count(thought) == 1
        assert seen.headers["x-gateway-lost"]  # the other one's


@BOTH
def test_what_is_stored_is_what_was_answered(sides: TwoSides, stream: bool) -> None:
    _, response = respond(sides, "r-tools", stream=stream, metadata={"a": "b"})
    assert response["id"].startswith("resp_")
    assert response["store"] is True
    found = got(sides, "GET", response["id"])
    assert (found.status, found.json()) == (200, response)
    assert sides.body_of("tools", PATH)["store"] is False  # the provider is to keep nothing


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_another_key_finds_nothing(sides: TwoSides, method: str) -> None:
    _, response = respond(sides, "a-ok")
    path = f"{response['id']}/cancel" if method == "POST" else response["id"]
    assert got(sides, method, path, key=NARROW_KEY).status == 404
    seen, error = respond(sides, "a-ok", previous_response_id=response["id"], key=NARROW_KEY)
    assert (seen.status, error["error"]["code"]) == (400, "previous_response_not_found")
    assert got(sides, "GET", response["id"], key="sk-unknown-0123456789").status == 401
    assert got(sides, "GET", response["id"]).status == 200


def test_what_is_deleted_is_gone_and_what_followed_it_cannot_be_gone_on_with(sides: TwoSides) -> None:
    _, first = respond(sides, "a-ok", "secret-of-the-first")
    _, second = respond(sides, "a-ok", "And?", previous_response_id=first["id"])
    assert got(sides, "DELETE", first["id"]).json() == {"id": first["id"], "object": "response", "deleted": True}
    assert got(sides, "GET", first["id"]).status == 404
    assert got(sides, "DELETE", first["id"]).status == 404
    assert got(sides, "GET", second["id"]).status == 200
    seen, error = respond(sides, "a-ok", previous_response_id=second["id"])
    assert (seen.status, error["error"]["param"]) == (400, "previous_response_id")


def test_a_conversation_is_as_sensitive_as_it_ever_was(sides: TwoSides) -> None:
    """Law 1: what is not said again is sent again."""
    _, first = respond(sides, "a-ok", headers={"x_gateway_sensitivity": "confidential"})
    seen, second = respond(sides, "a-ok", previous_response_id=first["id"])
    assert sides.record(seen)["decision"]["facts"]["sensitivity"] == "confidential"
    seen, error = respond(sides, "a-plain", previous_response_id=second["id"])
    assert (seen.status, error["error"]["code"]) == (403, "sensitivity_not_cleared")
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    seen, error = respond(sides, "a-plain", [reference, {"role": "user", "content": "And?"}])
    assert (seen.status, error["error"]["code"]) == (403, "sensitivity_not_cleared")


def test_items_are_named_by_their_ids(sides: TwoSides) -> None:
    """As the Vercel AI SDK does."""
    _, first = respond(sides, "a-thinking", "Hi.")
    references = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    items = [{"role": "user", "content": "Hi."}, *references, {"role": "user", "content": "Go on."}]
    seen, _ = respond(sides, "a-ok", items)
    assert seen.status == 200
    turns = sides.body_of("ok", MESSAGES)["messages"]
    assert [block["type"] for block in turns[1]["content"]] == ["thinking", "text"]
    seen, error = respond(sides, "a-ok", [{"type": "item_reference", "id": "msg_none"}])
    assert (seen.status, error["error"]["code"], error["error"]["param"]) == (404, "item_not_found", "input[0].id")


def test_input_items_by_pages(sides: TwoSides) -> None:
    _, first = respond(sides, "a-ok", "One.")
    given = [{"role": "user", "content": f"{number}."} for number in range(3)]
    _, second = respond(sides, "a-ok", given, previous_response_id=first["id"])
    path = f"{second['id']}/input_items"
    whole = got(sides, "GET", path, query="order=asc").json()
    texts = [item["content"][0]["text"] for item in whole["data"]]
    assert texts == ["One.", "You said: One.", "0.", "1.", "2."]
    assert [item["type"] for item in whole["data"]] == ["message"] * 5
    page = got(sides, "GET", path, query="limit=2").json()
    assert [item["content"][0]["text"] for item in page["data"]] == ["2.", "1."]
    assert (page["has_more"], page["last_id"]) == (True, page["data"][-1]["id"])
    rest = got(sides, "GET", path, query=f"limit=100&after={page['last_id']}").json()
    assert [item["id"] for item in (*page["data"], *rest["data"])] == [item["id"] for item in whole["data"]][::-1]
    assert rest["has_more"] is False
    for query in ("limit=0", "limit=101", "order=up", "after=msg_none"):
        assert got(sides, "GET", path, query=query).status == 400


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"store": "yes"}, "store"),
        ({"previous_response_id": 5}, "previous_response_id"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [5]}, "input[0]"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"tools": [5]}, "tools[0]"),
        ({"metadata": "x"}, "metadata"),
        ({"text": {"format": 5}}, "text.format"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(sides: TwoSides, body: dict[str, Any], param: str) -> None:
    seen, error = respond(sides, "a-ok", **{"given": "x", **body} if "input" not in body else {"given": body["input"]})
    assert (seen.status, error["error"]["param"]) == (400, param)


def test_cancelling_is_refused(sides: TwoSides) -> None:
    _, response = respond(sides, "a-ok")
    answer = got(sides, "POST", f"{response['id']}/cancel")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "unsupported_feature")
    assert got(sides, "GET", response["id"], query="stream=true").status == 400


@BOTH
def test_nothing_is_stored_unasked(sides: TwoSides, stream: bool) -> None:
    """And a provider of the same dialect is passed through: its id is told, which means nothing here."""
    seen, response = respond(sides, "r-ok", stream=stream, store=False)
    assert response["store"] is False
    assert response["id"] != f"resp_{seen.headers['x-gateway-decision']}"
    assert got(sides, "GET", response["id"]).status == 404
    seen, response = respond(sides, "a-ok", stream=stream, store=False)
    assert got(sides, "GET", response["id"]).status == 404


@pytest.mark.parametrize("model", ["a-cut_after", "r-failed_after", "l-cut_after"])
def test_what_failed_is_not_stored(sides: TwoSides, model: str) -> None:
    _, response = respond(sides, model, stream=True)
    assert (response["status"], response["store"]) == ("failed", False)
    assert got(sides, "GET", response["id"]).status == 404


@pytest.mark.parametrize("model", ["a-endless", "r-endless"])
def test_what_its_caller_left_is_not_stored(sides: TwoSides, model: str) -> None:
    gateway = gateway_of(sides)
    headers = {"host": "localhost", "x-api-key": APP_KEY}

    async def leave() -> Received:
        leaves = asyncio.Event()
        asyncio.get_running_loop().call_later(1, leaves.set)
        body = json.dumps({"model": model, "input": "Hi.", "stream": True}).encode()
        return await gateway.send("POST", PATH, {**headers, "content-length": str(len(body))}, body, leaves=leaves)

    left = gateway.virtual.run(leave())
    assert b"response.created" in left.body
    decision = left.headers["x-gateway-decision"]
    assert gateway.decision(decision, OPERATOR_KEY)["record"]["outcome"] == "caller_left"
    assert got(sides, "GET", f"resp_{decision}").status == 404


def test_what_is_not_gone_on_with_runs_out(sides: TwoSides) -> None:
    _, first = respond(sides, "a-ok")
    _, idle = respond(sides, "a-ok")
    gateway_of(sides).virtual.sleep(45)
    _, second = respond(sides, "a-ok", previous_response_id=first["id"])
    gateway_of(sides).virtual.sleep(45)
    assert got(sides, "GET", first["id"]).status == 200  # the conversation was gone on with
    assert got(sides, "GET", idle["id"]).status == 404
    gateway_of(sides).virtual.sleep(55)
    assert [got(sides, "GET", one["id"]).status for one in (first, second)] == [404, 404]


def test_a_key_has_its_share(sides: TwoSides) -> None:
    """The conversation that rests longest goes first; of another key nothing goes."""
    _, narrow = respond(sides, "a-ok", key=NARROW_KEY)
    made = [respond(sides, "a-ok", "x" * 5_000)[1]["id"] for _ in range(5)]
    _, last = respond(sides, "a-ok", "More.", previous_response_id=made[0])
    respond(sides, "a-ok", "x" * 5_000)
    assert [got(sides, "GET", one).status for one in (made[0], made[1], last["id"])] == [200, 404, 200]
    assert got(sides, "GET", narrow["id"], key=NARROW_KEY).status == 200
    _, long = respond(sides, "a-ok", "x" * 50_000)
    assert long["store"] is False  # it cannot be
    assert got(sides, "GET", long["id"]).status == 404


def test_they_survive_a_restart_and_a_file_that_is_broken(tmp_path: Path) -> None:
    def settings(base_url: str) -> dict[str, Any]:
        every = configuration(base_url)
        keys = {"app": {"secret": "${env:APP_KEY}"}}
        return {"deployments": {"a-ok": every["deployments"]["a-ok"]}, "keys": keys}

    with in_front_of(1, tmp_path, lambda stands: settings(stands[0].base_url), SECRETS) as here:
        sides = TwoSides(here.gateway, here.stands[0])
        _, first = respond(sides, "a-ok", "One.")
        here.gateway.stop()
        file = here.gateway.state / "responses.db"
        assert file.stat().st_mode & 0o077 == 0
        here.gateway.start()
        seen, second = respond(sides, "a-ok", "Two.", previous_response_id=first["id"])
        assert seen.status == 200
        here.gateway.stop()
        file.write_bytes(b"no database" * 1000)
        here.gateway.start()
        seen, unkept = respond(sides, "a-ok", "Three.")
        assert (seen.status, unkept["store"]) == (200, False)  # it is noticed then
        seen, kept = respond(sides, "a-ok", "Four.")
        assert (seen.status, kept["store"]) == (200, True)
        assert list(file.parent.glob("responses.db.broken-*"))
        assert got(sides, "GET", second["id"]).status == 404
