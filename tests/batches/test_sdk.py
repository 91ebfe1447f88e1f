"""The official OpenAI SDK over real sockets, and a gateway process that is killed in the middle of a batch."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from tests.batches.client import ENV, KEYS, config_of, jsonl, line
from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess
from tests.support.waiting import wait_for


def client(gateway: GatewayProcess, key: str = "app") -> OpenAI:
    return OpenAI(base_url=f"{gateway.url}/v1", api_key=KEYS[key], max_retries=0)


def done(api: OpenAI, batch_id: str) -> Any:
    wait_for(
        lambda: api.batches.retrieve(batch_id).status not in {"validating", "in_progress", "finalizing"}, within_s=60
    )
    return api.batches.retrieve(batch_id)


def test_the_official_sdk(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, config_of(upstream.base_url), ENV) as gateway:
        api = client(gateway)
        bad = line("bad", "canary-4711", model="nobody")
        content = jsonl([*(line(f"{n}", f"canary-4711, text {n}") for n in range(20)), bad])
        file = api.files.create(
            file=("né w.jsonl", io.BytesIO(content)), purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 7200},
        )  # fmt: skip
        assert (file.filename, file.bytes, file.purpose) == ("né w.jsonl", len(content), "batch")
        assert file.expires_at == file.created_at + 7200
        assert api.files.retrieve(file.id).id == file.id
        assert [one.id for one in api.files.list(limit=1)] == [file.id]
        assert api.files.content(file.id).read() == content
        made = api.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
        )
        batch = done(api, made.id)
        assert batch.status == "completed"
        assert batch.request_counts is not None
        assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (21, 20, 1)
        assert [one.id for one in api.batches.list()] == [made.id]
        rows = [json.loads(one) for one in api.files.content(batch.output_file_id or "").text.splitlines()]
        assert {row["custom_id"] for row in rows} == {f"{n}" for n in range(20)}
        for row in rows:
            n = row["custom_id"]
            assert f"text {n}" in row["response"]["body"]["choices"][0]["message"]["content"]
        [wrong] = [json.loads(one) for one in api.files.content(batch.error_file_id or "").text.splitlines()]
        assert (wrong["custom_id"], wrong["response"]["status_code"]) == ("bad", 404)
        listed = subprocess.run(
            [sys.executable, "-m", "gateway", "batches", "-c", str(tmp_path / "gateway.yaml")],
            env={**os.environ, **ENV, "GATEWAY_STATE_DIR": str(gateway.state)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"{made.id}  " in listed.stdout
        assert "completed: 20 completed and 1 failed of 21 lines, /v1/chat/completions, key app" in listed.stdout
        assert api.files.delete(file.id).deleted
        assert "canary" not in api.batches.retrieve(made.id).model_dump_json()
        assert "canary" not in gateway.log.read_text()
        assert b"canary" not in gateway.client().get("/metrics").content
        for file_of_ours in gateway.state.glob("*.db*"):
            assert b"canary" not in file_of_ours.read_bytes(), file_of_ours
        with pytest.raises(APIStatusError) as gone:
            api.files.retrieve(file.id)
        assert gone.value.status_code == 404


def test_killed_in_the_middle(upstream: Upstream, tmp_path: Path) -> None:
    """kill -9, twice: afterwards each line is answered once in the files, and none is missing."""
    total = 120
    config = config_of(upstream.base_url, {"slow@60": {}}, batches={"at_once": 6})
    gateway = GatewayProcess(tmp_path, config, ENV)
    with gateway:
        api = client(gateway)
        file = api.files.create(
            file=("a.jsonl", jsonl(line(f"{n}", model="slow-60") for n in range(total))), purpose="batch"
        )
        made = api.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        for least in (20, 60):
            _until_completed(api, made.id, least)
            before = _completed(api, made.id)
            gateway.stop(signal.SIGKILL)
            gateway.start()
            api = client(gateway)
            _until_completed(api, made.id, before)  # what was answered is still there
        batch = done(api, made.id)
        assert batch.status == "completed"
        rows = [json.loads(one) for one in api.files.content(batch.output_file_id or "").text.splitlines()]
    assert sorted(int(row["custom_id"]) for row in rows) == list(range(total))
    assert len({row["response"]["request_id"] for row in rows}) == total


def _until_completed(api: OpenAI, batch_id: str, least: int) -> None:
    wait_for(lambda: _completed(api, batch_id) >= least, within_s=60)


def _completed(api: OpenAI, batch_id: str) -> int:
    counts = api.batches.retrieve(batch_id).request_counts
    return counts.completed if counts else 0


def test_a_large_upload_is_not_held_in_memory(upstream: Upstream, tmp_path: Path) -> None:
    """60 MB go through a process whose memory grows by far less; other requests are answered meanwhile."""
    with GatewayProcess(tmp_path, config_of(upstream.base_url), ENV) as gateway:
        api = client(gateway)
        api.files.create(file=("small", b"x"), purpose="batch")
        before = _resident(gateway.pid)
        api.files.create(file=("large", b"0123456789abcdef" * 3_750_000), purpose="batch")
        assert _resident(gateway.pid) - before < 30_000_000


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [one for one in status.splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
