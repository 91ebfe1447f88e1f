"""A policy that is edited under 200 requests a second: nothing is dropped, and every request goes where the revision that
its answer names says.
"""

import asyncio
import itertools
import signal
import threading
from pathlib import Path

import httpx2 as httpx

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess
from tests.support.load import load
from tests.support.operator import Operator
from tests.watch.test_policy_changes import BROKEN, only, wait_for

PER_S, SECONDS = 200, 5
PLACES = ("ok", "vllm", "unicode")


def edited(gateway: GatewayProcess, operator: Operator, ended: threading.Event) -> None:
    """By PUT, by the file, by rollback, and by documents that are none, again and again until the load has ended."""
    for step in itertools.count():
        if ended.is_set() and step:
            break
        published, written = only(PLACES[(step + 1) % 3]), only(PLACES[(step + 2) % 3])
        operator.published(published)
        assert operator.put(BROKEN[step % len(BROKEN)]).status_code == 422
        (gateway.directory / "policy.yaml").write_text(written)
        gateway.send_signal(signal.SIGHUP)
        wait_for(lambda said=written: operator.policy()["document"] == said)
        assert operator.post("rollback").status_code == 200
        assert operator.policy()["document"] == published


async def test_nothing_is_dropped_or_misrouted(upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(only("ok"))
    config = configuration(upstream.base_url, policy="policy.yaml")
    config["models"]["all"] = {"deployments": list(PLACES)}
    body = {"model": "all", "messages": [{"role": "user", "content": "hi"}]}
    with GatewayProcess(tmp_path, config) as gateway:
        operator = Operator(gateway)
        ended = threading.Event()
        edits = asyncio.create_task(asyncio.to_thread(edited, gateway, operator, ended))
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
            answers = await load(client, PER_S, SECONDS, lambda number: {**body, "stream": number % 2 == 0})
        ended.set()
        await edits
        says = {
            one["name"]: operator.client.get(f"/admin/policy/revisions/{one['number']}").json()["record"]["document"]
            for one in operator.revisions(limit=200)
        }
    assert len(answers) == PER_S * SECONDS
    assert {answer.status_code for answer in answers} == {200}
    routed = {(answer.headers["x-gateway-policy"], answer.headers["x-gateway-deployment"]) for answer in answers}
    assert all(says[revision] == only(deployment) for revision, deployment in routed)
    assert len({revision for revision, _ in routed}) > 3
