"""Every behaviour of the fake upstream on every side, in both modes, alone and with a spare: what the caller sees, what the
decision record says, who is at fault, what it cost and what the upstream saw. Laws 2, 3, 8, 9 and 11 over real sockets.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.cases.ends import ENDS, end_of
from tests.cases.matrix import ALONE, CANARY, CASES, PRICE, PROMPT_CANARY, SPARED, Case, Matrix, Result, matrix
from tests.cases.outcomes import RECOVERS, TABLES, settlement
from tests.support.gateway import REPOSITORY

LONGEST_PAUSE_S = 5.0  # of the policy that is written by default


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="asked")
async def _asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    async with matrix(tmp_path_factory.mktemp("matrix")) as asked:
        yield asked


def test_tables_name_only_behaviours_that_are_asked_for() -> None:
    listed = {(stream, name) for modes in TABLES.values() for stream, names in modes.items() for name in names}
    assert listed <= {(case.stream, case.row.name) for case in CASES}
    assert len(CASES) > 1600


def test_documented_errors_are_these() -> None:
    page = (REPOSITORY / "docs" / "reference" / "errors.md").read_text()
    row = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w+) \| (\d+) \| `(\w+)` \| `(\w+)` \|", re.MULTILINE)
    told = {name: rest for name, *rest in row.findall(page)}
    for name, end in ENDS.items():
        if name == "ok":
            continue
        goes_on = end.next and name != "context_too_long"  # there the policy that is written by default asks another
        assert told[name] == [end.fault, "next" if goes_on else "stop", str(end.status), end.openai, end.code], name


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_row(asked: Matrix, case: Case) -> None:
    """In each pool; what fails in one does not hide the other."""
    failed = []
    for pool, check in ((ALONE, check_alone), (SPARED, check_spared)):
        try:
            check(case, asked.of(case, pool))
        except Exception as problem:
            problem.add_note(f"{case.id}, {pool}")
            failed.append(problem)
    if failed:
        raise ExceptionGroup(case.id, failed)


def check_alone(case: Case, result: Result) -> None:
    """Nobody else can be asked; the same deployment is where that may help."""
    check_settlement(case, result)
    attempts = result.record["attempts"]
    outcomes = [attempt["outcome"] for attempt in attempts]
    assert {attempt["deployment"] for attempt in attempts} == {case.deployment(ALONE)}
    if case.row.name in RECOVERS:
        check_end(case, result, "ok")
        assert outcomes == [case.outcome, "ok"]
        return
    check_end(case, result, case.outcome)
    assert set(outcomes) == {case.outcome}
    again = ENDS[case.outcome].again and float(result.seen.headers.get("retry-after", 0)) <= LONGEST_PAUSE_S
    if again and result.record["output_started"]:
        assert len(outcomes) <= 2  # what comes in one read is not shown before its end is seen
    else:
        assert len(outcomes) == (2 if again else 1)


def check_spared(case: Case, result: Result) -> None:
    """Another deployment answers, unless the caller had some of the answer, or is at fault."""
    check_settlement(case, result)
    attempts = result.record["attempts"]
    assert attempts[0]["outcome"] == case.outcome
    shown = result.record["output_started"] and result.record["answered_by"] is None
    if not ENDS[case.outcome].next or shown:
        check_end(case, result, case.outcome)
        assert len(attempts) == 1
        return
    check_end(case, result, "ok")
    assert [attempt["deployment"] for attempt in attempts] == [case.deployment(SPARED), case.spare]
    assert result.seen.headers["x-gateway-deployment"] == case.spare
    assert result.seen.headers["x-gateway-attempts"] == "2"


def check_end(case: Case, result: Result, outcome: str) -> None:
    """What follows from an outcome, whatever the behaviour."""
    seen, record, side = result.seen, result.record, case.side
    end = end_of(outcome, case.row.name)
    assert (record["outcome"], record["fault"]) == (outcome, end.fault)
    assert record["surface"] == side.surface
    assert record["decision"]["id"] == seen.headers["x-gateway-decision"]
    assert any(outcome in sentence for sentence in result.sentences)
    assert 0 <= record["overhead_s"] <= record["duration_s"]
    assert seen.broken is None
    assert side.is_finished(seen, stream=case.stream) is (outcome == "ok")
    if outcome == "ok":
        assert record["answered_by"] == seen.headers["x-gateway-deployment"]
        return
    assert record["answered_by"] is None
    assert side.error(seen) == (end.anthropic if side.asks == "anthropic" else end.openai, end.code)
    assert seen.status == (200 if record["output_started"] else end.status)
    assert case.stream or not record["output_started"]
    assert not side.has_end(seen)


def check_settlement(case: Case, result: Result) -> None:
    """Each attempt cost what was told, or is estimated, or is known to be unknown."""
    for attempt in result.record["attempts"]:
        name = case.side.good if attempt["deployment"] == case.spare else case.row.name
        usage, usd = attempt["usage"], attempt["cost_usd"]
        match settlement(case.side.name, name, attempt, stream=case.stream):
            case "nothing" | "unknown":
                assert (usage, usd) == (None, None)
            case kind:
                assert usage.get("estimated", False) is (kind == "estimated")
                assert usd == pytest.approx(cost(usage))


def cost(usage: dict[str, Any]) -> float:
    cached, written = usage.get("cached_tokens") or 0, usage.get("cache_write_tokens") or 0
    parts = {
        "input_usd_per_mtok": usage["prompt_tokens"] - cached - written,
        "cached_input_usd_per_mtok": cached,
        "cache_write_usd_per_mtok": written,
        "output_usd_per_mtok": usage["completion_tokens"],
    }
    return sum(tokens * PRICE[name] for name, tokens in parts.items()) / 1e6


def test_books_agree(asked: Matrix) -> None:
    """Every attempt that began was settled, and what the metrics add up is what is on record."""
    attempts = [attempt for _, result in asked.all() for attempt in result.record["attempts"]]
    unknown = sum(settled_unknown(attempt) for attempt in attempts)
    cost_usd = sum(one["cost_usd"] or 0 for one in attempts)
    assert asked.total("gateway_attempts_in_flight") == 0
    assert asked.total("gateway_attempts_total") == len(attempts)
    assert asked.total("gateway_cost_usd_total") == pytest.approx(cost_usd)
    assert asked.total("gateway_attempts_of_unknown_cost_total") == unknown


def test_each_request_is_on_record_once(asked: Matrix) -> None:
    assert asked.decided == len(asked.results) == len(CASES) * 2


def settled_unknown(attempt: dict[str, Any]) -> bool:
    sent = attempt["connection_reused"] is not None
    return sent and attempt["cost_usd"] is None and (attempt["status"] is None or 200 <= attempt["status"] < 300)


def test_upstream_saw_one_request_for_each_attempt(asked: Matrix) -> None:
    """No hidden retries (FAULTS F2), but for connections that went stale unseen."""
    stale = {case.row.name for case in CASES if case.row.group == "connections"}
    attempts = Counter(
        (case.side.provider_path, case.side.good if attempt["deployment"] == case.spare else case.row.name)
        for case, result in asked.all()
        for attempt in result.record["attempts"]
    )
    # what came on a connection after its answer is not read as a request: it has no model
    seen = Counter((row["path"], row["model"].partition("@")[0]) for row in asked.upstream if row["model"] is not None)
    assert {key: count for key, count in seen.items() if key[1] not in stale} == {
        key: count for key, count in attempts.items() if key[1] not in stale
    }


def test_upstream_could_answer_what_it_saw(asked: Matrix) -> None:
    assert [(row["path"], row["model"], row["problem"]) for row in asked.upstream if row["problem"]] == []


def test_nothing_that_hangs_is_left_open(asked: Matrix) -> None:
    hanging = {(case.side.provider_path, case.row.name) for case in CASES if case.row.hangs}
    left = [row for row in asked.upstream if (row["path"], row["model"]) in hanging]
    assert {(row["path"], row["model"]) for row in left} == hanging
    assert [row["model"] for row in left if row["left_ms"] is None] == []


def test_redirects_are_not_followed(asked: Matrix) -> None:
    assert {row["port"] for row in asked.upstream} == {asked.port}


def test_no_secret_and_no_prompt_leaves_by_a_side_door(asked: Matrix) -> None:
    """Law 11: the deployments' key and the prompt, in everything that is kept or shown but the answers themselves."""
    for text in (asked.log, asked.metrics):
        assert CANARY not in text
        assert PROMPT_CANARY not in text
    for case, result in asked.all():
        shown = result.seen.body.decode("utf-8", "replace") + json.dumps(result.seen.headers)
        assert CANARY not in shown, case.id
        kept = json.dumps(result.record) + json.dumps(result.sentences)
        assert CANARY not in kept, case.id
        assert PROMPT_CANARY not in kept, case.id


def test_nothing_failed_in_the_gateway(asked: Matrix) -> None:
    assert "Traceback" not in asked.log
    assert 'outcome="internal_error"' not in asked.metrics
