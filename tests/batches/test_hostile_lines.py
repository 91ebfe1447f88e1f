"""What is wrong with an input file is said line by line, before anything is asked; what is only odd is taken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batches.client import CHAT, ENV, Batching, config_of, jsonl, line, stored
from tests.support.in_process import InProcess, in_front_of

GOOD = json.dumps(line("good")).encode()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    sections = {"batches": {"max_lines": 200}, "server": {"max_body_bytes": 100_000}}
    with in_front_of(1, tmp_path, lambda stands: config_of(stands[0].base_url, **sections), ENV) as one:
        yield one


def _with(**members: Any) -> bytes:
    return json.dumps({**line("x"), **members}).encode()


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in line("x").items() if key != name}).encode()


WRONG: dict[str, tuple[bytes, str, str | None]] = {
    "no JSON": (b"{", "invalid_json_line", None),
    "not UTF-8": (GOOD.replace(b"hi", b"\xff\xfe"), "invalid_json_line", None),
    "UTF-16": (GOOD.decode().encode("utf-16"), "invalid_json_line", None),
    "a NUL between": (GOOD + b"\x00", "invalid_json_line", None),
    "a NUL inside": (GOOD.replace(b"hi", b"h\x00i"), "invalid_json_line", None),
    "two in one line": (GOOD + GOOD, "invalid_json_line", None),
    "deep nesting": (b'{"custom_id": "x", "body": ' + b"[" * 40_000, "invalid_json_line", None),
    "deep nesting in the body": (_with(body={"a": 1}).replace(b'{"a": 1}', b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}"), "invalid_json_line", None),
    "half a surrogate as id": (GOOD.replace(b'"good"', b'"\\ud800"'), "invalid_json_line", None),
    "a list": (b"[1, 2]", "invalid_request", None),
    "null": (b"null", "invalid_request", None),
    "no custom_id": (_without("custom_id"), "invalid_request", None),
    "no body": (_without("body"), "invalid_request", None),
    "no url": (_without("url"), "invalid_request", None),
    "custom_id is null": (_with(custom_id=None), "invalid_request", None),
    "custom_id is a number": (_with(custom_id=1), "invalid_request", None),
    "custom_id is empty": (_with(custom_id=""), "invalid_request", "custom_id"),
    "custom_id is long": (_with(custom_id="x" * 600), "invalid_request", "custom_id"),
    "another method": (_with(method="GET"), "invalid_request", "method"),
    "another url": (_with(url="/v1/embeddings"), "url_mismatch", "url"),
    "a url of another host": (_with(url="http://127.0.0.1/v1/chat/completions"), "url_mismatch", "url"),
    "admin": (_with(url="/admin/decisions"), "url_mismatch", "url"),
    "the body is a string": (_with(body="{}"), "invalid_request", "body"),
    "the body is null": (_with(body=None), "invalid_request", "body"),
    "a stream": (_with(body={"model": "ok", "stream": True}), "invalid_request", "body.stream"),
    "longer than a request may be": (json.dumps(line("x", "y" * 101_000)).encode(), "line_too_long", None),
}  # fmt: skip


def test_each_wrong_line_is_told_with_its_number(here: InProcess) -> None:
    app = Batching(here)
    content = b"".join(
        GOOD.replace(b"good", f"good-{n}".encode()) + b"\n" + raw + b"\n"
        for n, (raw, _, _) in enumerate(WRONG.values())
    )
    batch = app.ended(app.create(content)["id"])
    assert batch["status"] == "failed"
    assert (batch["output_file_id"], batch["error_file_id"], batch["request_counts"]["completed"]) == (None, None, 0)
    told = {one["line"]: one for one in batch["errors"]["data"]}
    # UTF-16 has a newline of its own inside: what follows it is told, too
    at, shift = 0, 0
    for at, (name, (raw, code, param)) in enumerate(WRONG.items()):
        number = 2 * at + 2 + shift
        assert (told[number]["code"], told[number]["param"]) == (code, param), name
        assert told[number]["message"]
        shift += raw.count(b"\n")
    assert len(told) == at + 1 + shift
    assert "secret" not in json.dumps(batch)
    assert not here.stands[0].rows(), "nothing was asked"
    assert stored(here) == [batch["input_file_id"]]


def test_a_custom_id_twice(here: InProcess) -> None:
    app = Batching(here)
    batch = app.ended(app.create([line("a"), line("b"), line("a"), line("a")])["id"])
    assert [(one["code"], one["line"], one["param"]) for one in batch["errors"]["data"]] == [
        ("duplicate_custom_id", 3, "custom_id"), ("duplicate_custom_id", 4, "custom_id"),
    ]  # fmt: skip


def test_a_file_without_a_request(here: InProcess) -> None:
    app = Batching(here)
    for content in (b"", b"\n\n \r\n\t\n", b"\xef\xbb\xbf"):
        batch = app.ended(app.create(content)["id"])
        assert [one["code"] for one in batch["errors"]["data"]] == ["empty_file"]


def test_more_lines_than_it_may_have(here: InProcess) -> None:
    app = Batching(here)
    batch = app.ended(app.create([line(f"{n}") for n in range(201)])["id"])
    assert [one["code"] for one in batch["errors"]["data"]] == ["too_many_tasks"]
    blank = app.ended(app.create(b"\n" * 5000 + GOOD + b"\n")["id"])
    assert [one["code"] for one in blank["errors"]["data"]] == ["too_many_tasks"]


def test_errors_without_end_are_cut(here: InProcess) -> None:
    app = Batching(here)
    batch = app.ended(app.create(b"{\n" * 150)["id"])
    codes = [one["code"] for one in batch["errors"]["data"]]
    assert codes == ["invalid_json_line"] * 100 + ["too_many_errors"]


def test_what_is_only_odd_is_taken(here: InProcess) -> None:
    """A byte order mark, CRLF, blank lines, no newline at the end, members nobody knows, a name twice, any custom_id."""
    app = Batching(here)
    odd = 'né\u0000 \u2028 😀 "\\ ../'
    content = b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n  \n" + _with(custom_id=odd, note={"mine": 1}) + b"\n"
    content += b'{"custom_id": "no", "custom_id": "last", ' + GOOD[len(b'{"custom_id": "good", ') :]
    batch = app.ended(app.create(content)["id"])
    assert (batch["status"], batch["errors"]) == ("completed", None)
    rows, errors = app.results(batch)
    assert not errors
    assert {row["custom_id"]: row["id"].rpartition("_")[2] for row in rows} == {"good": "1", odd: "4", "last": "5"}


def test_a_batch_that_is_asked_for_wrongly(here: InProcess) -> None:
    app = Batching(here)
    file = app.upload(jsonl([line("a")])).json()["id"]
    wrong: list[tuple[dict[str, Any], str | None]] = [
        ({"endpoint": "/v1/messages/count_tokens"}, "endpoint"),
        ({"endpoint": "/admin/decisions"}, "endpoint"),
        ({"completion_window": "0h"}, "completion_window"),
        ({"completion_window": "1y"}, "completion_window"),
        ({"completion_window": "15d"}, "completion_window"),
        ({"completion_window": 24}, "completion_window"),
        ({"metadata": {"a": 1}}, None),
        ({"metadata": {"a": "x" * 513}}, "metadata"),
        ({"metadata": {f"{n}": "" for n in range(17)}}, "metadata"),
        ({"input_file_id": None}, "input_file_id"),
        ({"output_expires_after": {"anchor": "now", "seconds": 3600}}, "output_expires_after.anchor"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after.seconds"),
        ({"callback": "http://127.0.0.1/"}, None),
    ]
    for more, param in wrong:
        asked = {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h", **more}
        refused = app.send("POST", "/v1/batches", json.dumps(asked).encode())
        assert refused.status == 400, refused.body
        assert param is None or refused.json()["error"]["param"] == param
    assert app.send("GET", "/v1/batches").json()["data"] == []


def test_other_wrong_requests(here: InProcess) -> None:
    app = Batching(here)
    evals = app.upload(b"{}", purpose="evals").json()["id"]
    asked = {"input_file_id": evals, "endpoint": CHAT, "completion_window": "24h"}
    assert app.send("POST", "/v1/batches", json.dumps(asked).encode()).json()["error"]["param"] == "input_file_id"
    for body in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
        assert app.send("POST", "/v1/batches", body).status == 400
    good = {**asked, "input_file_id": app.upload(GOOD).json()["id"]}
    for header, value in (("x-gateway-sensitivity", "top"), ("x-gatway-tags", "a=b"), ("x-gateway-deadline-ms", "0")):
        refused = app.send("POST", "/v1/batches", json.dumps(good).encode(), **{header: value})
        assert (refused.status, refused.json()["error"]["code"]) == (400, "invalid_header")
