"""Every behaviour of the fake upstream, in both modes, with and without a fallback: what the client sees, what the
decision record says, who is at fault, and what the upstream saw. Laws 2, 3, 8, 9 and 11 over real sockets.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio

from gateway.http.errors import OUTCOMES
from gateway.values.deployment import Capability
from gateway.values.outcome import CONSEQUENCES, Outcome, Then
from tests.cases.outcomes import STREAMS, WHOLE, expected, settlement
from tests.fake_upstream import BEHAVIOURS, Behaviour, FakeUpstream, cases
from tests.support.client import Seen, ask
from tests.support.gateway import GatewayProcess, deployment

CASES = [(row, stream) for row, stream in cases()]
IDS = [f"{row.name}-{'stream' if stream else 'json'}" for row, stream in CASES]
CANARY = "sk-canary-upstream-0123456789"
PROMPT_CANARY = "canary-prompt-0123456789"
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0, "cached_input_usd_per_mtok": 0.5}
AT_ONCE = 12
LONGEST_PAUSE_S = 5.0  # of the policy that is written by default


@dataclass
class Result:
    """One request and what became of it."""

    seen: Seen
    record: dict[str, Any]
    sentences: list[str]


@dataclass
class Matrix:
    """All requests, by (pool, behaviour, stream)."""

    results: dict[tuple[str, str, bool], Result]
    upstream: list[dict[str, Any]]
    log: str
    metrics: str
    decisions: str


def configuration(base_url: str) -> dict[str, Any]:
    """A deployment of its own for each behaviour in each mode: what one teaches must not keep the other out."""
    capable = [capability.value for capability in Capability]
    deployments = {
        mode(row.name, stream): deployment(
            base_url, row.name, api_key="${env:UPSTREAM_KEY}", capabilities=capable, price=PRICE
        )
        for row, stream in CASES
    }
    models = {f"alone-{name}": {"deployments": [name]} for name in deployments}
    models |= {f"with-spare-{name}": {"deployments": [f"spared-{name}", "spare"]} for name in deployments}
    deployments |= {f"spared-{name}": one for name, one in deployments.items()}
    deployments["spare"] = deployment(base_url, "ok", capabilities=capable, price=PRICE)
    return {"deployments": deployments, "models": models}


def mode(name: str, stream: bool) -> str:
    return f"{name}-{'stream' if stream else 'json'}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    directory: Path = tmp_path_factory.mktemp("matrix")
    async with FakeUpstream(max_hold_s=20) as upstream:
        gateway = GatewayProcess(directory, configuration(upstream.base_url), {"UPSTREAM_KEY": CANARY})
        await asyncio.to_thread(gateway.start)
        try:
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
                results = await run_all(client, gateway)
                metrics = (await client.get("/metrics")).text
                listing = await client.get("/admin/decisions", params={"limit": 500})
        finally:
            await asyncio.to_thread(gateway.stop)
        yield Matrix(results, upstream.seen(), gateway.log.read_text(), metrics, listing.text)


async def run_all(client: httpx.AsyncClient, gateway: GatewayProcess) -> dict[tuple[str, str, bool], Result]:
    gate = asyncio.Semaphore(AT_ONCE)
    results: dict[tuple[str, str, bool], Result] = {}

    async def one(pool: str, name: str, stream: bool) -> None:
        more: dict[str, Any] = {"n": 2} if name in ("one_choice_open", "n_short") else {}
        more["messages"] = [{"role": "user", "content": PROMPT_CANARY}]
        async with gate:
            seen = await ask(client, f"{pool}-{mode(name, stream)}", stream=stream, **more)
            told = await asyncio.to_thread(gateway.decision, seen.headers["x-gateway-decision"])
        results[pool, name, stream] = Result(seen, told["record"], told["sentences"])

    await asyncio.gather(*(one(pool, row.name, stream) for pool in ("alone", "with-spare") for row, stream in CASES))
    return results


def test_the_table_names_only_behaviours_that_exist() -> None:
    assert set(STREAMS) <= {row.name for row, stream in CASES if stream}
    assert set(WHOLE) <= {row.name for row, stream in CASES if not stream}
    assert len(CASES) > 400


@pytest.mark.parametrize(("row", "stream"), CASES, ids=IDS)
def test_alone(matrix: Matrix, row: Behaviour, stream: bool) -> None:
    result = matrix.results["alone", row.name, stream]
    outcome = expected(row.name, stream=stream)
    check_end(result, outcome, stream=stream)
    too_long = float(result.seen.headers.get("retry-after", 0)) > LONGEST_PAUSE_S
    again = CONSEQUENCES[outcome].again and not too_long
    attempts = result.record["attempts"]
    assert {(attempt["deployment"], attempt["outcome"]) for attempt in attempts} == {
        (mode(row.name, stream), outcome.value)
    }
    if again and result.record["output_started"]:
        assert len(attempts) <= 2  # what comes in one read is not shown before its end is seen
    else:
        assert len(attempts) == (2 if again else 1)


@pytest.mark.parametrize(("row", "stream"), CASES, ids=IDS)
def test_with_a_fallback(matrix: Matrix, row: Behaviour, stream: bool) -> None:
    result = matrix.results["with-spare", row.name, stream]
    first = expected(row.name, stream=stream)
    attempts = result.record["attempts"]
    assert attempts[0]["outcome"] == first.value
    shown = result.record["output_started"] and result.record["answered_by"] is None
    moves_on = CONSEQUENCES[first].then is Then.NEXT or first is Outcome.CONTEXT_TOO_LONG  # the default policy's rule
    if not moves_on or shown:
        check_end(result, first, stream=stream)
        assert len(attempts) == 1
        return
    check_end(result, Outcome.OK, stream=stream)
    assert [attempt["deployment"] for attempt in attempts] == [f"spared-{mode(row.name, stream)}", "spare"]
    assert result.seen.headers["x-gateway-deployment"] == "spare"
    assert result.seen.headers["x-gateway-attempts"] == "2"


def check_end(result: Result, outcome: Outcome, *, stream: bool) -> None:
    """What follows from an outcome, whatever the behaviour."""
    seen, record = result.seen, result.record
    fault = CONSEQUENCES[outcome].fault
    assert record["outcome"] == outcome.value
    assert record["fault"] == (fault.value if fault else None)
    assert record["decision"]["id"] == seen.headers["x-gateway-decision"]
    assert seen.broken is None
    assert seen.looks_finished(stream=stream) is (outcome is Outcome.OK)
    assert any(outcome.value in sentence for sentence in result.sentences)
    assert 0 <= record["overhead_s"] <= record["duration_s"]
    if outcome is Outcome.OK:
        assert record["answered_by"] == seen.headers["x-gateway-deployment"]
        return
    assert record["answered_by"] is None
    assert seen.error is not None
    assert set(seen.error) == {"message", "type", "param", "code"}
    if seen.status == 200:  # the stream had begun
        assert stream
        assert record["output_started"]
        assert seen.error["code"] == OUTCOMES[outcome].code
    else:
        assert seen.status in (OUTCOMES[outcome].status, 413, 422)
        assert not record["output_started"]


@pytest.mark.parametrize(("row", "stream"), CASES, ids=IDS)
def test_what_was_settled(matrix: Matrix, row: Behaviour, stream: bool) -> None:
    for pool in ("alone", "with-spare"):
        for attempt in matrix.results[pool, row.name, stream].record["attempts"]:
            name = "ok" if attempt["deployment"] == "spare" else row.name
            usage, usd = attempt["usage"], attempt["cost_usd"]
            match settlement(name, attempt, stream=stream):
                case "nothing" | "unknown":
                    assert (usage, usd) == (None, None)
                case kind:
                    assert usage.get("estimated", False) is (kind == "estimated")
                    assert usd == pytest.approx(cost(usage))


def cost(usage: dict[str, Any]) -> float:
    cached = usage.get("cached_tokens") or 0
    prompt = usage["prompt_tokens"] - cached
    rates = (PRICE["input_usd_per_mtok"], PRICE["cached_input_usd_per_mtok"], PRICE["output_usd_per_mtok"])
    return sum(n * usd for n, usd in zip((prompt, cached, usage["completion_tokens"]), rates, strict=True)) / 1e6


def test_the_books_agree(matrix: Matrix) -> None:
    """Every attempt that began was settled, and what the metrics add up is what is on record."""
    attempts = [attempt for result in matrix.results.values() for attempt in result.record["attempts"]]
    unknown = sum(settled_unknown(attempt) for attempt in attempts)
    assert total(matrix.metrics, "gateway_attempts_in_flight") == 0
    assert total(matrix.metrics, "gateway_attempts_total") == len(attempts)
    assert total(matrix.metrics, "gateway_cost_usd_total") == pytest.approx(
        sum(one["cost_usd"] or 0 for one in attempts)
    )
    assert total(matrix.metrics, "gateway_attempts_of_unknown_cost_total") == unknown


def settled_unknown(attempt: dict[str, Any]) -> bool:
    sent = attempt["connection_reused"] is not None
    return sent and attempt["cost_usd"] is None and (attempt["status"] is None or 200 <= attempt["status"] < 300)


def total(metrics: str, name: str) -> float:
    lines = [line for line in metrics.splitlines() if line.startswith(name + "{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_upstream_saw_one_request_for_each_attempt(matrix: Matrix) -> None:
    """No hidden retries (FAULTS F2), but for connections that went stale unseen."""
    seen: dict[str, int] = {}
    for request in matrix.upstream:
        if request["model"] is None:  # what came on a connection after its answer is not read as a request
            continue
        seen[request["model"]] = seen.get(request["model"], 0) + 1
    attempts: dict[str, int] = {}
    for result in matrix.results.values():
        for attempt in result.record["attempts"]:
            deployed = attempt["deployment"]
            name = "ok" if deployed == "spare" else deployed.removeprefix("spared-").rpartition("-")[0]
            attempts[name] = attempts.get(name, 0) + 1
    stale = {row.name for row, _ in CASES if row.group == "connections"}
    assert {name: count for name, count in attempts.items() if name not in stale} == {
        name: count for name, count in seen.items() if name not in stale
    }


def test_nothing_that_hangs_is_left_open(matrix: Matrix) -> None:
    hanging = {row.name for row in BEHAVIOURS.values() if row.hangs}
    left = [request for request in matrix.upstream if request["model"] in hanging]
    assert left
    assert all(request["left_ms"] is not None for request in left)


def test_redirects_are_not_followed(matrix: Matrix) -> None:
    assert len({request["port"] for request in matrix.upstream}) == 1


def test_no_secret_and_no_prompt_leaves_by_a_side_door(matrix: Matrix) -> None:
    """Law 11: the deployments' key and the prompt, in everything that is kept or shown but the answers themselves."""
    for text in (matrix.log, matrix.metrics, matrix.decisions):
        assert CANARY not in text
        assert PROMPT_CANARY not in text
    for (_, name, _), result in matrix.results.items():
        shown = result.seen.body.decode("utf-8", "replace") + repr(result.seen.headers)
        assert CANARY not in shown, name
        kept = repr(result.record) + repr(result.sentences)
        assert CANARY not in kept, name
        assert PROMPT_CANARY not in kept, name


def test_nothing_failed_in_the_gateway(matrix: Matrix) -> None:
    assert "Traceback" not in matrix.log
    assert 'outcome="internal_error"' not in matrix.metrics
