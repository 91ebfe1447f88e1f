"""Batches from upload to results, on virtual time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batches.client import ENV, Batching, config_of, line, stored
from tests.support.in_process import InProcess, in_front_of
from tests.support.openai_spec import check, schemas


def started(folder: Path, models: dict[str, dict[str, Any]] | None = None, **more: Any) -> Any:
    return in_front_of(1, folder, lambda stands: config_of(stands[0].base_url, models, **more), ENV)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    models = {"text": {"model": "ok", "surfaces": ["completions"]}, "vectors": {"surfaces": ["embeddings"]}}
    with started(tmp_path, models) as one:
        yield one


def test_from_upload_to_results(here: InProcess) -> None:
    app = Batching(here)
    made = app.create([line(f"q-{n}", f"text {n}") for n in range(40)], metadata={"run": "nightly"})
    assert (made["status"], made["object"], made["metadata"]) == ("validating", "batch", {"run": "nightly"})
    batch = app.ended(made["id"])
    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"total": 40, "completed": 40, "failed": 0}
    assert batch["error_file_id"] is None
    assert batch["created_at"] <= batch["in_progress_at"] <= batch["finalizing_at"] <= batch["completed_at"]
    rows, errors = app.results(batch)
    assert not errors
    answers = {row["custom_id"]: row for row in rows}
    assert len(rows) == len(answers) == 40
    for n in range(40):
        row = answers[f"q-{n}"]
        assert row["error"] is None
        assert row["response"]["status_code"] == 200
        assert f"text {n}" in row["response"]["body"]["choices"][0]["message"]["content"]
        assert row["id"].startswith("batch_req_")
    output = app.send("GET", f"/v1/files/{batch['output_file_id']}").json()
    assert (output["purpose"], output["filename"]) == ("batch_output", f"{batch['id']}_output.jsonl")
    assert stored(here) == sorted([batch["input_file_id"], batch["output_file_id"]])


def test_the_record_says_which_line_it_was(here: InProcess) -> None:
    app = Batching(here)
    batch = app.ended(app.create([line("a"), line("b")])["id"])
    rows, _ = app.results(batch)
    for row in rows:
        number = {"a": 1, "b": 2}[row["custom_id"]]
        found = here.gateway.decision(row["response"]["request_id"], ENV["OPS"])
        facts = found["record"]["decision"]["facts"]
        assert (facts["batch"], facts["batch_line"], facts["key"]) == (batch["id"], number, "app")
        assert f"It is line {number} of {batch['id']}." in found["sentences"]


def test_lines_that_fail_are_in_the_file_of_errors(here: InProcess) -> None:
    app = Batching(here)
    lines = [
        line("good"),
        line("none", model="no-such-model"),
        line("bad", messages="no list"),
        line("refused", model="bad_param_400"),
    ]
    batch = app.ended(app.create(lines)["id"])
    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"total": 4, "completed": 1, "failed": 3}
    rows, errors = app.results(batch)
    assert [row["custom_id"] for row in rows] == ["good"]
    told = {row["custom_id"]: row for row in errors}
    assert told["none"]["response"]["status_code"] == 404
    assert told["none"]["response"]["body"]["error"]["code"] == "model_not_found"
    assert told["bad"]["response"]["status_code"] == 400
    assert told["bad"]["response"]["body"]["error"]["param"] == "messages"
    assert told["refused"]["response"]["status_code"] == 400
    assert all(row["error"] is None for row in errors)


def test_answers_are_as_openais_specification_says(here: InProcess) -> None:
    spec, app = schemas(), Batching(here)
    good = app.ended(app.create([line("a"), line("b", model="none")], metadata={"a": "b"})["id"])
    bad = app.ended(app.create(b"{")["id"])
    for batch in (good, bad):  # the specification's own example has null where its schema has no member
        check(spec, "Batch", {name: value for name, value in batch.items() if value is not None})
    for path, name in (("/v1/files", "ListFilesResponse"), (f"/v1/files/{good['output_file_id']}", "OpenAIFile")):
        check(spec, name, app.send("GET", path).json())
    check(spec, "DeleteFileResponse", app.send("DELETE", f"/v1/files/{good['error_file_id']}").json())
    listed = app.send("GET", "/v1/batches").json()
    assert {name: listed[name] for name in ("object", "first_id", "last_id", "has_more")} == {
        "object": "list", "first_id": bad["id"], "last_id": good["id"], "has_more": False,
    }  # fmt: skip


def test_every_surface_that_is_a_conversation_or_embeddings(here: InProcess) -> None:
    """Each in its own dialect, errors too."""
    app = Batching(here)
    hello = [{"role": "user", "content": "hi"}]
    bodies: dict[str, dict[str, Any]] = {
        "/v1/messages": {"model": "ok", "max_tokens": 10, "messages": hello},
        "/v1/completions": {"model": "text", "max_tokens": 10, "prompt": "hi"},
        "/v1/embeddings": {"model": "vectors", "input": ["a", "b"]},
    }
    for endpoint, body in bodies.items():
        lines = [
            {"custom_id": name, "method": "POST", "url": endpoint, "body": {**body, **more}}
            for name, more in (("good", {}), ("bad", {"model": "none"}))
        ]
        batch = app.ended(app.create(lines, endpoint=endpoint)["id"])
        rows, errors = app.results(batch)
        assert [row["response"]["status_code"] for row in [*rows, *errors]] == [200, 404], (endpoint, rows, errors)
        answer, error = rows[0]["response"]["body"], errors[0]["response"]["body"]
        if endpoint == "/v1/messages":
            assert (answer["type"], error["type"], error["error"]["type"]) == ("message", "error", "not_found_error")
        else:
            assert (answer["object"], error["error"]["code"]) == (
                {"/v1/completions": "text_completion", "/v1/embeddings": "list"}[endpoint], "model_not_found",
            )  # fmt: skip
