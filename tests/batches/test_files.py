"""`/v1/files`: whose they are, how long, how large, how many; and what a caller may send in their place."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batches.client import ENV, Batching, config_of, form, stored
from tests.support.disk import fill, small_disk
from tests.support.in_process import InProcess, in_front_of


def started(folder: Path, **files: Any) -> Any:
    return in_front_of(1, folder, lambda stands: config_of(stands[0].base_url, files=files), ENV)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    with started(tmp_path, max_file_bytes=100_000, max_total_bytes=300_000) as one:
        yield one


def test_what_was_uploaded_is_given_back_byte_for_byte(here: InProcess) -> None:
    app, content = Batching(here), bytes(range(256)) * 300
    made = app.upload(content, 'né"w\n/../../x.bin', purpose="user_data")
    assert made.status == 200, made.body
    file = made.json()
    assert (file["object"], file["bytes"], file["purpose"], file["status"]) == (
        "file",
        len(content),
        "user_data",
        "processed",
    )
    assert file["expires_at"] - file["created_at"] == 30 * 86_400
    assert app.send("GET", f"/v1/files/{file['id']}").json() == file
    got = app.send("GET", f"/v1/files/{file['id']}/content")
    assert (got.status, got.body, got.headers["content-length"]) == (200, content, str(len(content)))
    head = app.send("HEAD", f"/v1/files/{file['id']}/content")
    assert head.status == 200
    assert stored(here) == [file["id"]]  # the caller's name is on no path
    gone = app.send("DELETE", f"/v1/files/{file['id']}")
    assert gone.json() == {"id": file["id"], "object": "file", "deleted": True}
    assert stored(here) == []
    for path in (f"/v1/files/{file['id']}", f"/v1/files/{file['id']}/content"):
        assert app.send("GET", path).status == 404
    assert app.send("DELETE", f"/v1/files/{file['id']}").status == 404


def test_another_keys_file_is_as_if_it_never_was(here: InProcess) -> None:
    app, other, ops = Batching(here), Batching(here, "other"), Batching(here, "ops")
    mine = app.upload(b"secret of mine").json()["id"]
    never = f"file-{'0' * 32}"
    for who in (other, ops):
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            theirs = who.send(method, f"/v1/files/{mine}{path}")
            none = who.send(method, f"/v1/files/{never}{path}")
            assert (theirs.status, theirs.body.replace(mine.encode(), never.encode())) == (404, none.body)
        assert who.send("GET", "/v1/files").json()["data"] == []
        assert who.send("GET", "/v1/files", query=f"after={mine}").status == 404
        asked = {"input_file_id": mine, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        assert who.send("POST", "/v1/batches", json.dumps(asked).encode()).status == 404
    assert app.send("GET", f"/v1/files/{mine}/content").body == b"secret of mine"
    assert app.send("GET", "/v1/files", authorization="Bearer no-key-at-all").status == 401


def test_ids_that_are_paths_or_worse_find_nothing(here: InProcess) -> None:
    app = Batching(here)
    app.upload(b"x")
    hostile = (
        "..",
        "../files.db",
        "%2e%2e%2fjournal.db",
        "..%2f..%2f",
        "file-",
        "file-%00",
        "file-" + "0" * 5000,
        "*",
        "' or 1=1 --",
        "~",
    )
    for name in hostile:
        for path in (
            f"/v1/files/{name}",
            f"/v1/files/{name}/content",
            f"/v1/batches/{name}",
            f"/v1/batches/{name}/cancel",
        ):
            answer = app.send("GET", path)
            assert answer.status in {404, 405}, (path, answer.body)
            assert len(answer.body) < 6000
        assert app.send("DELETE", f"/v1/files/{name}").status in {404, 405}
    assert len(stored(here)) == 1


def test_pages(here: InProcess) -> None:
    app = Batching(here)
    ids = [app.upload(b"x", f"{n}", purpose=("batch", "evals")[n % 2]).json()["id"] for n in range(7)]

    def listed(query: str) -> tuple[list[str], bool]:
        page = app.send("GET", "/v1/files", query=query).json()
        assert page["object"] == "list"
        assert (page["first_id"], page["last_id"]) == (
            (page["data"][0]["id"], page["data"][-1]["id"]) if page["data"] else (None, None)
        )
        return [one["id"] for one in page["data"]], page["has_more"]

    assert listed("") == (ids[::-1], False)
    assert listed("order=asc&limit=3") == (ids[:3], True)
    assert listed(f"order=asc&limit=4&after={ids[2]}") == (ids[3:], False)
    assert listed(f"limit=2&after={ids[6]}") == (ids[5:3:-1], True)
    assert listed("purpose=evals&order=asc") == (ids[1::2], False)
    assert listed("purpose=none") == ([], False)
    for query, param in (
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("order=up", "order"),
        ("after=file-none", "after"),
    ):
        refused = app.send("GET", "/v1/files", query=query)
        assert (refused.status, refused.json()["error"]["param"]) == (404 if param == "after" else 400, param)


def test_what_is_wrong_with_an_upload_is_said_and_nothing_stays(here: InProcess) -> None:
    app = Batching(here)
    wrong: list[tuple[dict[str, str], str]] = [
        ({"purpose": "nothing"}, "purpose"),
        ({"other": "x"}, "other"),
        ({"expires_after[anchor]": "last_active_at", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
        ({"expires_after[anchor]": "created_at"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "60"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "1e9"}, "expires_after[seconds]"),
    ]
    for fields, param in wrong:
        refused = app.upload(b"x", **fields)
        assert (refused.status, refused.json()["error"]["param"]) == (400, param)
    kind = {"content-type": "multipart/form-data; boundary=form-boundary-of-tests"}
    two = form(b"x").replace(b"--form-boundary-of-tests--\r\n", form(b"y", purpose="batch"))
    assert app.send("POST", "/v1/files", two, **kind).json()["error"]["param"] == "file"
    cut = form(b"x" * 1000, purpose="batch")[:-30]
    assert app.send("POST", "/v1/files", cut, **kind).json()["error"]["code"] == "invalid_multipart"
    assert app.send("POST", "/v1/files", b"{}", **{"content-type": "application/json"}).status == 415
    assert stored(here) == []


def test_a_file_that_is_too_large(here: InProcess) -> None:
    app = Batching(here)
    assert app.upload(b"x" * 100_000).status == 200
    refused = app.upload(b"x" * 100_001)
    assert (refused.status, refused.json()["error"]["code"]) == (413, "file_too_large")
    assert len(stored(here)) == 1


def test_all_files_together_are_bounded_and_deleting_makes_room(here: InProcess) -> None:
    app = Batching(here)
    ids = [app.upload(b"x" * 90_000).json()["id"] for _ in range(3)]
    refused = app.upload(b"x" * 90_000)
    assert (refused.status, refused.json()["error"]["code"]) == (507, "storage_full")
    assert app.send("DELETE", f"/v1/files/{ids[0]}").status == 200
    assert app.upload(b"x" * 90_000).status == 200
    assert len(stored(here)) == 3


def test_a_file_lasts_as_long_as_was_said(here: InProcess) -> None:
    app = Batching(here)
    short = app.upload(b"x", **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}).json()
    long = app.upload(b"y").json()
    assert short["expires_at"] == short["created_at"] + 3600
    here.virtual.sleep(3500)
    assert app.send("GET", f"/v1/files/{short['id']}/content").status == 200
    here.virtual.sleep(200)
    assert app.send("GET", f"/v1/files/{short['id']}").status == 404
    assert [one["id"] for one in app.send("GET", "/v1/files").json()["data"]] == [long["id"]]
    here.virtual.sleep(700)
    assert stored(here) == [long["id"]]


def test_what_a_crash_left_is_deleted_at_the_next_start(here: InProcess) -> None:
    kept = Batching(here).upload(b"x").json()["id"]
    here.gateway.stop()
    directory = here.gateway.state / "files"
    for name in (f"file-{'1' * 32}.part", f"file-{'2' * 32}"):
        (directory / name).write_bytes(b"half")
    (directory / "of-somebody-else").write_bytes(b"stays")
    here.gateway.start()
    here.virtual.sleep(1)
    assert stored(here) == sorted([kept, "of-somebody-else"])
    assert Batching(here).send("GET", f"/v1/files/{kept}/content").body == b"x"


def test_a_disk_that_is_full_is_said_and_harms_nothing_else(tmp_path: Path) -> None:
    with small_disk(tmp_path / "state"), started(tmp_path) as here:
        app = Batching(here)
        small = app.upload(b"x" * 1000).json()["id"]
        full = fill(tmp_path / "state")
        refused = app.upload(b"x" * 200_000)
        assert (refused.status, refused.json()["error"]["code"]) == (507, "storage_full")
        assert app.send("GET", f"/v1/files/{small}/content").body == b"x" * 1000
        [answer] = here.gateway.chats("ok", headers=app.headers)
        assert answer.status == 200
        full.unlink()
        assert app.upload(b"x" * 200_000).status == 200


def test_a_state_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    with started(tmp_path) as here:
        app = Batching(here)
        refused = app.upload(b"x")
        assert (refused.status, refused.json()["error"]["code"]) == (503, "storage_unavailable")
        assert app.send("GET", "/v1/files").status == 503
        assert app.send("GET", "/v1/batches").status == 503
        [answer] = here.gateway.chats("ok", headers=app.headers)
        assert answer.status == 200
