"""Lines that find too much to do wait and are asked again; those that fail otherwise are asked a few times; who waits for an
answer goes first. On virtual time.
"""

import asyncio
from pathlib import Path
from typing import Any

from tests.batches.client import ENV, KEYS, Batching, config_of, line
from tests.support.in_process import InProcess, InProcessGateway, InProcessScripted, in_front_of
from tests.support.scripted import Asked
from tests.support.virtual_time import VirtualTime


def started(folder: Path, models: dict[str, dict[str, Any]] | None = None, **more: Any) -> Any:
    return in_front_of(1, folder, lambda stands: config_of(stands[0].base_url, models, **more), ENV)


def rejected(here: InProcess, result: str) -> float:
    return here.gateway.metric(f'gateway_batch_lines_total{{result="{result}"}}')


def test_a_rate_limit_is_waited_for(tmp_path: Path) -> None:
    """The provider takes five requests a second, and says so; no line fails for it, and not many are wasted on it."""
    with started(tmp_path, {"metered@5": {}}) as here:
        app = Batching(here)
        batch = app.ended(app.create([line(f"{n}", model="metered-5") for n in range(40)])["id"])
        assert batch["request_counts"] == {"total": 40, "completed": 40, "failed": 0}
        assert len(here.stands[0].rows()) >= 40
        assert rejected(here, "asked_again") <= 40


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    """Told to come back in 30 s, nothing is sent before."""
    came: list[float] = []

    async def reply(_: Asked) -> bytes:
        came.append(asyncio.get_running_loop().time())
        if len(came) <= 3:
            body, head = b'{"error": {"message": "slow down"}}', b"HTTP/1.1 429 No\r\nretry-after: 30\r\n"
        else:
            body = b'{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}'
            head = b"HTTP/1.1 200 OK\r\n"
        return head + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body

    with VirtualTime() as virtual, InProcessScripted(virtual, reply) as provider:
        config = config_of(provider.base_url, {"m": {}}, batches={"at_once": 3})
        with InProcessGateway(virtual, tmp_path, config, ENV) as gateway:
            app = Batching(InProcess(virtual, [], gateway))
            batch = app.ended(app.create([line(f"{n}", model="m") for n in range(6)])["id"])
        assert batch["request_counts"]["completed"] == 6
    first = came[0]
    assert all(at - first < 1 for at in came[:3])
    assert all(at - first >= 30 for at in came[3:])


def test_what_fails_on_the_way_is_asked_three_times(tmp_path: Path) -> None:
    with started(tmp_path, {"error_500": {}}) as here:
        app = Batching(here)
        batch = app.ended(app.create([line("a", model="error_500")])["id"])
        _, errors = app.results(batch)
        assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
        assert [row["response"]["status_code"] for row in errors] in ([502], [503])
        assert rejected(here, "asked_again") >= 2


def test_lines_come_after_whoever_waits_and_are_pushed_out_first(tmp_path: Path) -> None:
    """One at a time fits into the gateway: a low-priority request that comes later goes before the lines that wait."""
    sections = {"server": {"most_running": 2, "most_waiting": 1}, "batches": {"at_once": 1}}
    with started(tmp_path, {"slow@2000": {}}, **sections) as here:
        app = Batching(here)
        made = app.create([line(f"{n}", model="slow-2000") for n in range(3)])
        here.virtual.sleep(0.5)
        answers = here.gateway.chats("slow-2000", "slow-2000", headers={"authorization": f"Bearer {KEYS['other']}"})
        assert [one.status for one in answers] == [200, 200]
        batch = app.ended(made["id"])
        assert batch["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
        assert rejected(here, "failed") == 0


def test_lines_leave_places_at_a_deployment_free(tmp_path: Path) -> None:
    with started(tmp_path, {"slow@2000": {"limits": {"max_in_flight": 4}}}) as here:
        app = Batching(here)
        made = app.create([line(f"{n}", model="slow-2000") for n in range(12)])
        here.virtual.sleep(1)
        assert here.gateway.metric('gateway_attempts_in_flight{deployment="slow-2000"}') == 3
        [answer] = here.gateway.chats("slow-2000", headers={"authorization": f"Bearer {KEYS['other']}"})
        assert answer.status == 200
        assert app.ended(made["id"])["request_counts"]["completed"] == 12


def test_a_model_that_is_busy_holds_up_no_other(tmp_path: Path) -> None:
    """One that says 503 for ever: its lines wait until the window closes, the others are answered at once."""
    with started(tmp_path, {"overloaded_503": {}}) as here:
        app = Batching(here)
        lines = [line(f"{n}", model="overloaded_503" if n % 2 else "ok") for n in range(20)]
        made = app.create(lines, completion_window="20m")
        here.virtual.wait_for(lambda: app.get(made["id"])["request_counts"]["completed"] == 10, within_s=120, every_s=1)
        batch = app.ended(made["id"], within_s=2000, every_s=30)
        assert batch["status"] == "expired"
        assert batch["request_counts"] == {"total": 20, "completed": 10, "failed": 10}
        rows, errors = app.results(batch)
        assert {row["custom_id"] for row in rows} == {f"{n}" for n in range(0, 20, 2)}
        assert {(row["error"]["code"], row["response"]) for row in errors} == {("batch_expired", None)}
        assert {row["custom_id"] for row in errors} == {f"{n}" for n in range(1, 20, 2)}
