"""The behaviours of the fake upstream behind the other surfaces: callers of messages and of legacy completions in front of
the same OpenAI dialect see the same outcomes, faults and costs as those of chat completions, in their own words.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio

from gateway.http.errors import OUTCOMES
from gateway.values.deployment import Capability
from gateway.values.outcome import CONSEQUENCES, Outcome
from tests.cases.outcomes import expected, settlement
from tests.fake_upstream import Behaviour, FakeUpstream, cases
from tests.support.gateway import GatewayProcess, deployment

CANARY, PROMPT_CANARY = "sk-canary-upstream-0123456789", "canary-prompt-0123456789"
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0, "cached_input_usd_per_mtok": 0.5}
AT_ONCE = 8
PATHS = {"messages": "/v1/messages", "completions": "/v1/completions"}
# what cannot be said as a completion, or is a habit of chats only
CHATS_ONLY = frozenset(["all_in_one_chunk", "annotations_only", "content_parts", "empty_content_200", "empty_content_counted", "empty_deltas", "finish_network", "finish_stop_error", "finish_system", "finish_unknown", "images_only", "null_content_200", "null_message_200", "reasoning_cut", "reasoning_details_only", "reasoning_model", "role_each", "strict", "tool_cut", "tool_end", "tools_without_index", "wrong_types_200"])  # fmt: skip
# so that a machine with much else to do changes nothing: only what is to run out of time has little of it
PATIENT = {"connect_s": 5, "first_output_s": 30, "idle_s": 30, "total_s": 30}
_LITTLE: dict[Outcome, dict[str, float]] = {
    Outcome.FIRST_OUTPUT_TIMEOUT: {"first_output_s": 2.5},
    Outcome.IDLE_TIMEOUT: {"idle_s": 0.7},
    Outcome.TOTAL_TIMEOUT: {"total_s": 5},
}
# where the outcome is another one than a chat's, and rightly: (surface, behaviour, whether streamed)
OTHERWISE: dict[tuple[str, str, bool], Outcome] = {
    ("completions", "n_short", True): Outcome.TRUNCATED,  # of two choices one is missing
    ("completions", "empty_finish", True): Outcome.OK,  # a model may end at once
    ("completions", "empty_texts", True): Outcome.OK,
    ("completions", "end_after_role", True): Outcome.EMPTY_ANSWER,  # there are no roles
    ("completions", "role_done", True): Outcome.EMPTY_ANSWER,
}
# what is settled otherwise for the same reasons
SETTLED: dict[tuple[str, str, bool], str] = {
    ("completions", "n_short", True): "counted",
    ("completions", "empty_texts", True): "estimated",
}


def is_for(surface: str, row: Behaviour) -> bool:
    return surface == "messages" or row.name not in CHATS_ONLY


def outcome_of(surface: str, row: Behaviour, stream: bool) -> Outcome:
    return OTHERWISE.get((surface, row.name, stream)) or expected(row.name, stream=stream)


CASES = [(surface, row, stream) for surface in PATHS for row, stream in cases() if is_for(surface, row)]
IDS = [f"{surface}-{row.name}-{'stream' if stream else 'json'}" for surface, row, stream in CASES]


@dataclass
class Result:
    """What a caller saw, and what is on record."""

    status: int
    headers: dict[str, str]
    body: bytes
    broken: str | None
    record: dict[str, Any]

    @property
    def events(self) -> list[str]:
        text = self.body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        return [line.removeprefix("data:").strip() for line in text.split("\n") if line.startswith("data:")]

    @property
    def error(self) -> dict[str, Any] | None:
        for candidate in [self.body.decode("utf-8", "replace")] if self.status >= 400 else self.events[-1:]:
            try:
                return json.loads(candidate)["error"]  # type: ignore[no-any-return]
            except (ValueError, KeyError, TypeError):
                continue
        return None

    def looks_finished(self, surface: str, *, stream: bool) -> bool:
        """Would an SDK take it for a complete answer?"""
        if self.status != 200 or self.broken:
            return False
        if not stream:
            return True
        return "[DONE]" in self.events if surface == "completions" else b"message_stop" in self.body


@dataclass
class Matrix:
    results: dict[str, Result]
    upstream: list[dict[str, Any]]
    log: str
    metrics: str


def name_of(surface: str, row: Behaviour, stream: bool) -> str:
    return f"{surface}-{row.name}-{'stream' if stream else 'json'}"


def configuration(base_url: str) -> dict[str, Any]:
    capable = [capability.value for capability in Capability]
    more: dict[str, Any] = {"api_key": "${env:UPSTREAM_KEY}", "capabilities": capable, "price": PRICE}
    serves = {"messages": ["chat"], "completions": ["completions"]}
    return {
        "deployments": {
            name_of(surface, row, stream): deployment(
                base_url,
                row.name,
                surfaces=serves[surface],
                **more | {"timeouts": PATIENT | _LITTLE.get(outcome_of(surface, row, stream), {})},
            )
            for surface, row, stream in CASES
        }
    }


def body_of(surface: str, row: Behaviour, stream: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": name_of(surface, row, stream), "stream": stream, "max_tokens": 500}
    if surface == "messages":
        return {**body, "messages": [{"role": "user", "content": PROMPT_CANARY}]}
    n = {"n": 2} if row.name in ("one_choice_open", "n_short") else {}
    return {**body, **n, "prompt": PROMPT_CANARY}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    async with FakeUpstream(max_hold_s=20) as upstream:
        directory = tmp_path_factory.mktemp("surfaces")
        gateway = GatewayProcess(directory, configuration(upstream.base_url), {"UPSTREAM_KEY": CANARY})
        await asyncio.to_thread(gateway.start)
        try:
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
                gate = asyncio.Semaphore(AT_ONCE)
                asked = [asyncio.ensure_future(ask(client, gate, gateway, *case)) for case in CASES]
                results = dict(zip(IDS, await asyncio.gather(*asked), strict=True))
                metrics = (await client.get("/metrics")).text
        finally:
            await asyncio.to_thread(gateway.stop)
        yield Matrix(results, upstream.seen(), gateway.log.read_text(), metrics)


async def ask(
    client: httpx.AsyncClient, gate: asyncio.Semaphore, gateway: GatewayProcess, surface: str, row: Behaviour, stream: bool
) -> Result:  # fmt: skip
    body, broken = b"", None
    async with gate:
        try:
            async with client.stream("POST", PATHS[surface], json=body_of(surface, row, stream)) as answer:
                status, headers = answer.status_code, dict(answer.headers)
                async for part in answer.aiter_raw():
                    body += part
        except httpx.HTTPError as problem:
            broken = repr(problem)
        told = await asyncio.to_thread(gateway.decision, headers["x-gateway-decision"])
    return Result(status, headers, body, broken, told["record"])


@pytest.mark.parametrize(("surface", "row", "stream"), CASES, ids=IDS)
def test_outcome(matrix: Matrix, surface: str, row: Behaviour, stream: bool) -> None:
    seen = matrix.results[name_of(surface, row, stream)]
    record = seen.record
    outcome = outcome_of(surface, row, stream)
    fault = CONSEQUENCES[outcome].fault
    assert record["outcome"] == outcome.value
    assert record["fault"] == (fault.value if fault else None)
    assert seen.broken is None
    assert seen.looks_finished(surface, stream=stream) is (outcome is Outcome.OK)
    if outcome is Outcome.OK:
        assert record["answered_by"] == seen.headers["x-gateway-deployment"]
        return
    assert record["answered_by"] is None
    assert seen.error is not None
    assert seen.error["message"]
    if seen.status == 200:  # the stream had begun
        assert stream
        assert record["output_started"]
        assert b"message_stop" not in seen.body
    else:
        assert seen.status in (OUTCOMES[outcome].status, 413, 422, 529)
        assert not record["output_started"]


@pytest.mark.parametrize(("surface", "row", "stream"), CASES, ids=IDS)
def test_what_was_settled(matrix: Matrix, surface: str, row: Behaviour, stream: bool) -> None:
    for attempt in matrix.results[name_of(surface, row, stream)].record["attempts"]:
        usage, usd = attempt["usage"], attempt["cost_usd"]
        match SETTLED.get((surface, row.name, stream)) or settlement(row.name, attempt, stream=stream):
            case "nothing" | "unknown":
                assert (usage, usd) == (None, None)
            case kind:
                assert usage.get("estimated", False) is (kind == "estimated")
                cached = usage.get("cached_tokens") or 0
                cost = (usage["prompt_tokens"] - cached) * 1.0 + cached * 0.5 + usage["completion_tokens"] * 2.0
                assert usd == pytest.approx(cost / 1e6)


def test_upstream_saw_what_it_can_answer(matrix: Matrix) -> None:
    assert [row["model"] for row in matrix.upstream if row["problem"]] == []
    paths = {row["path"] for row in matrix.upstream if row["model"]}
    assert paths == {"/v1/chat/completions", "/v1/completions"}


def test_no_secret_and_no_prompt_leaves_by_a_side_door(matrix: Matrix) -> None:
    for text in (matrix.log, matrix.metrics):
        assert CANARY not in text
        assert PROMPT_CANARY not in text
    for name, result in matrix.results.items():
        assert CANARY not in result.body.decode("utf-8", "replace") + repr(result.headers), name
        assert CANARY not in repr(result.record), name
        assert PROMPT_CANARY not in repr(result.record), name


def test_nothing_failed_in_the_gateway(matrix: Matrix) -> None:
    assert "Traceback" not in matrix.log
    assert 'outcome="internal_error"' not in matrix.metrics
