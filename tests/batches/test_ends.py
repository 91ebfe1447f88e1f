"""How batches end before their lines do: cancelled, expired, stopped with the gateway; and how they go on. On virtual time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batches.client import ENV, KEYS, Batching, config_of, jsonl, line, stored
from tests.support.disk import fill, small_disk
from tests.support.in_process import InProcess, in_front_of

SLOW = {"slow@2000": {}}


def started(folder: Path, **more: Any) -> Any:
    sections = {"batches": {"at_once": 4}, **more}
    return in_front_of(1, folder, lambda stands: config_of(stands[0].base_url, SLOW, **sections), ENV)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    with started(tmp_path) as one:
        yield one


def slow(count: int) -> list[dict[str, Any]]:
    return [line(f"{n}", model="slow-2000") for n in range(count)]


def each_once(app: Batching, batch: Any, total: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every line is in one of the two files, once."""
    rows, errors = app.results(batch)
    assert sorted(int(row["custom_id"]) for row in [*rows, *errors]) == list(range(total))
    assert batch["request_counts"] == {"total": total, "completed": len(rows), "failed": len(errors)}
    return rows, errors


def test_cancelled_in_the_middle(here: InProcess) -> None:
    app = Batching(here)
    made = app.create(slow(30))
    here.virtual.sleep(5)
    told = app.send("POST", f"/v1/batches/{made['id']}/cancel").json()
    assert told["status"] == "cancelling"
    assert told["cancelling_at"] is not None
    assert app.send("POST", f"/v1/batches/{made['id']}/cancel").json()["status"] == "cancelling"
    asked = len(here.stands[0].rows())
    batch = app.ended(made["id"])
    assert batch["status"] == "cancelled"
    rows, errors = each_once(app, batch, 30)
    assert len(rows) == asked == len(here.stands[0].rows()), "what was under way has ended, nothing was begun"
    assert {row["error"]["code"] for row in errors} == {"batch_cancelled"}
    again = app.send("POST", f"/v1/batches/{made['id']}/cancel")
    assert (again.status, again.json()["error"]["code"]) == (409, "batch_ended")


def test_nobody_cancels_another_keys_batch(here: InProcess) -> None:
    app, other = Batching(here), Batching(here, "other")
    made = app.create(slow(4))
    for method, path in (("GET", ""), ("POST", "/cancel")):
        assert other.send(method, f"/v1/batches/{made['id']}{path}").status == 404
    assert other.send("GET", "/v1/batches").json()["data"] == []
    assert other.send("GET", "/v1/batches", query=f"after={made['id']}").status == 404
    batch = app.ended(made["id"])
    assert batch["status"] == "completed"
    assert other.send("GET", f"/v1/files/{batch['output_file_id']}/content").status == 404


def test_the_window_closes(here: InProcess) -> None:
    """4 at once, 2 s each: a minute has time for about 120 lines."""
    app = Batching(here)
    made = app.create(slow(200), completion_window="1m")
    assert made["expires_at"] == made["created_at"] + 60
    batch = app.ended(made["id"])
    assert batch["status"] == "expired"
    assert 60 <= batch["expired_at"] - batch["created_at"] <= 65
    rows, errors = each_once(app, batch, 200)
    assert 90 <= len(rows) <= 130
    assert {row["error"]["code"] for row in errors} == {"batch_expired"}


def test_an_input_in_use_is_not_deleted_and_then_is(here: InProcess) -> None:
    app = Batching(here)
    made = app.create(slow(4))
    refused = app.send("DELETE", f"/v1/files/{made['input_file_id']}")
    assert (refused.status, refused.json()["error"]["code"]) == (409, "file_in_use")
    batch = app.ended(made["id"])
    for file in (batch["input_file_id"], batch["output_file_id"]):
        assert app.send("DELETE", f"/v1/files/{file}").status == 200
    assert stored(here) == []


def test_it_goes_on_after_a_restart(here: InProcess) -> None:
    app = Batching(here)
    made = app.create(slow(40))
    here.virtual.sleep(7)
    done = app.get(made["id"])["request_counts"]["completed"]
    here.gateway.stop()
    asked = len(here.stands[0].rows())
    assert 8 <= done <= asked < 40
    here.virtual.sleep(100)
    here.gateway.start()
    assert app.get(made["id"])["status"] == "in_progress"
    batch = app.ended(made["id"])
    assert batch["status"] == "completed"
    each_once(app, batch, 40)
    assert len(here.stands[0].rows()) == 40, "what was under way at the stop had its time to end"


def test_it_expires_while_the_gateway_is_down(here: InProcess) -> None:
    app = Batching(here)
    made = app.create(slow(20), completion_window="1m")
    here.virtual.sleep(5)
    here.gateway.stop()
    asked = len(here.stands[0].rows())
    here.virtual.sleep(100)
    here.gateway.start()
    batch = app.ended(made["id"])
    assert batch["status"] == "expired"
    rows, _ = each_once(app, batch, 20)
    assert len(rows) == asked == len(here.stands[0].rows())


def test_a_line_cut_off_by_a_crash_is_asked_again(here: InProcess) -> None:
    """What a machine that lost its power may leave at the end of a file: half a line, or nothing but zeros."""
    app = Batching(here)
    made = app.create(slow(20))
    here.virtual.sleep(5)
    here.gateway.stop()
    directory = here.gateway.state / "files"
    [results] = [one for one in directory.iterdir() if one.name != made["input_file_id"] and one.stat().st_size]
    whole = results.read_bytes()
    lines = whole.splitlines(keepends=True)
    results.write_bytes(b"".join(lines[:3]) + lines[3][:-20] + b"\x00" * 4096)
    here.gateway.start()
    each_once(app, app.ended(made["id"]), 20)


def test_the_disk_is_full_for_a_while(tmp_path: Path) -> None:
    """Nothing is lost, nothing is there twice; who asks for an answer gets one meanwhile."""
    with small_disk(tmp_path / "state"), started(tmp_path) as here:
        app = Batching(here)
        made = app.create(slow(24))
        here.virtual.sleep(5)
        full = fill(tmp_path / "state")
        here.virtual.sleep(20)
        [answer] = here.gateway.chats("ok", headers=app.headers)
        assert answer.status == 200
        full.unlink()
        batch = app.ended(made["id"])
        assert batch["status"] == "completed"
        each_once(app, batch, 24)


def test_the_key_is_gone_after_a_restart(here: InProcess) -> None:
    app = Batching(here)
    made = app.create(slow(20))
    here.virtual.sleep(3)
    here.gateway.stop()
    del here.gateway._config["keys"]["app"]
    here.gateway.start()
    here.virtual.sleep(30)
    here.gateway.stop()
    here.gateway._config["keys"]["app"] = {"secret": "${env:APP}"}
    here.gateway.start()
    rows, errors = each_once(app, app.ended(made["id"]), 20)
    assert rows
    assert {row["response"]["status_code"] for row in errors} == {401}


def test_results_last_as_long_as_was_said(here: InProcess) -> None:
    app = Batching(here)
    made = app.create([line("0")], output_expires_after={"anchor": "created_at", "seconds": 3600})
    batch = app.ended(made["id"])
    file = app.send("GET", f"/v1/files/{batch['output_file_id']}").json()
    assert file["expires_at"] == file["created_at"] + 3600
    here.virtual.sleep(4300)
    assert app.send("GET", f"/v1/files/{batch['output_file_id']}/content").status == 404
    assert stored(here) == [batch["input_file_id"]]
    assert app.get(made["id"])["status"] == "completed"


def test_pages_and_how_many_may_be_open(tmp_path: Path) -> None:
    with started(tmp_path, batches={"at_once": 1, "max_open": 3}) as here:
        app = Batching(here)
        ids = [app.create(slow(20))["id"] for _ in range(3)]
        file = app.upload(jsonl(slow(1))).json()["id"]
        asked = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        refused = app.send("POST", "/v1/batches", json.dumps(asked).encode())
        assert (refused.status, refused.json()["error"]["code"]) == (429, "too_many_batches")
        page = app.send("GET", "/v1/batches", query="limit=2").json()
        assert ([one["id"] for one in page["data"]], page["has_more"]) == (ids[:0:-1], True)
        rest = app.send("GET", "/v1/batches", query=f"limit=2&after={page['last_id']}").json()
        assert ([one["id"] for one in rest["data"]], rest["has_more"]) == ([ids[0]], False)
        assert here.gateway.metric('gateway_batches{state="in_progress"}') == 3
        for one in ids:
            app.send("POST", f"/v1/batches/{one}/cancel")
            assert app.ended(one)["status"] == "cancelled"
        assert here.gateway.metric('gateway_batches{state="in_progress"}') == 0
        assert app.send("POST", "/v1/batches", json.dumps(asked).encode()).status == 200


def test_what_the_key_and_the_policy_say_holds_for_every_line(tmp_path: Path) -> None:
    """Sensitivity declared for the batch, what detection finds in a line, and a rule for batches."""

    def config(stands: Any) -> dict[str, Any]:
        made = config_of(
            stands[0].base_url, {"ok-low": {"model": "ok", "clearance": "public"}, "ok-batch": {"model": "ok"}}
        )
        made["models"]["pool"] = {"deployments": ["ok-low"]}
        made["policy"] = {
            "detection": {"mode": "enforce"},
            "rules": [
                {
                    "name": "batches",
                    "when": {"batch": True, "model": ["chat"]},
                    "require": {"deployments": ["ok-batch"]},
                },
                {"name": "rest", "when": {}},
            ],
        }
        made["models"]["chat"] = {"deployments": ["ok", "ok-batch"]}
        return made

    with in_front_of(1, tmp_path, config, ENV) as here:
        app = Batching(here)
        lines = [
            line("plain", model="pool"),
            line("card", "my card is 4111 1111 1111 1111", model="pool"),
            line("ruled", model="chat"),
        ]
        batch = app.ended(app.create(lines)["id"])
        rows, errors = app.results(batch)
        assert {row["custom_id"] for row in rows} == {"plain", "ruled"}
        [card] = errors
        assert (card["response"]["status_code"], card["response"]["body"]["error"]["code"]) == (
            403,
            "sensitivity_not_cleared",
        )
        [ruled] = [row for row in rows if row["custom_id"] == "ruled"]
        record = here.gateway.decision(ruled["response"]["request_id"], KEYS["ops"])["record"]
        assert (record["decision"]["rule"], record["answered_by"]) == ("batches", "ok-batch")
        [alone] = here.gateway.chats("chat", headers=app.headers)
        assert alone.headers["x-gateway-deployment"] == "ok"
        secret = app.ended(
            app.create([line("plain", model="pool")], headers={"x-gateway-sensitivity": "confidential"})["id"]
        )
        assert secret["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
