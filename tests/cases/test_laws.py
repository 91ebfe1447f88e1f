"""What rules and callers are promised, on every side by the same tests: sensitivity, detection, deadlines, ceilings of cost,
hedges, continuation, and that who leaves stops the work within a second.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.cases.laws import BETWEEN_USD, CARD, SOON_S, TOKEN, TRIALS, Told, Trial, Tried, tried
from tests.cases.sides import Side
from tests.support.client import Seen

LEFT_WITHIN_S = 1.0
WAKES = 3  # so often somebody has to be woken on the way; each may be as late as the machine just is


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="told")
async def _told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    async with tried(tmp_path_factory.mktemp("laws")) as told:
        yield told


def trials(*names: str) -> pytest.MarkDecorator:
    """The test on each side, in each mode."""
    found = [trial for trial in TRIALS if trial.name in names]
    assert {trial.name for trial in found} == set(names)
    return pytest.mark.parametrize("trial", found, ids=[trial.id for trial in found])


def check_answered(trial: Trial, result: Tried, attempts: list[tuple[str, str]]) -> None:
    """In full, by the last of these attempts; nothing else was sent anywhere."""
    assert trial.side.is_finished(result.seen, stream=trial.stream)
    assert (result.record["outcome"], result.record["fault"]) == ("ok", None)
    assert sorted(result.attempts) == sorted(attempts)
    assert result.record["answered_by"] == trial.deployment(attempts[-1][0])
    assert len(result.upstream) == len(attempts)


def check_refused(trial: Trial, result: Tried, status: int, kind: str, code: str) -> None:
    """Before anything was sent anywhere."""
    assert result.seen.status == status
    assert trial.side.error(result.seen) == (kind, code)
    assert (result.record["attempts"], result.upstream) == ([], [])


@trials("declared")
def test_declared_sensitivity_is_kept_to(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_answered(trial, result, [("home", "ok")])
    assert result.record["decision"]["facts"]["sensitivity"] == "confidential"


@trials("detected")
def test_detected_sensitivity_is_kept_to(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_answered(trial, result, [("home", "ok")])
    facts = result.record["decision"]["facts"]
    assert (facts["sensitivity"], facts["found"]) == ("restricted", ["card"])


@trials("declared-nowhere", "detected-nowhere")
def test_what_nobody_may_see_goes_nowhere(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_refused(trial, result, 403, "permission_error", "sensitivity_not_cleared")
    assert (result.record["outcome"], result.record["fault"]) == ("no_candidate", "policy")


@trials("refused")
def test_rule_refuses_what_was_found(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_refused(trial, result, 403, "permission_error", "sensitive_content_refused")
    assert (result.record["outcome"], result.record["fault"]) == ("refused_by_rule", "caller")


@trials("detected", "detected-nowhere", "refused")
def test_what_was_found_is_not_kept(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    kept = json.dumps(result.record) + json.dumps(result.seen.headers) + told.log
    shown = "" if trial.name == "detected" else result.seen.body.decode()  # an answer repeats what it was asked
    for secret in (CARD, CARD.replace(" ", ""), TOKEN):
        assert secret not in kept
        assert secret not in shown


@trials("deadline-of-caller", "deadline-of-rule")
def test_deadline_ends_all_attempts(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    record = result.record
    assert (record["outcome"], record["fault"]) == ("deadline_exceeded", "policy")
    assert result.attempts == [("silent", "deadline_exceeded")]
    assert record["duration_s"] >= SOON_S
    assert record["decision"]["bounds"]["deadline_s"] == SOON_S
    assert result.seen.status == 504
    assert trial.side.error(result.seen) == ("timeout_error", "deadline_exceeded")
    assert [row["left_ms"] is not None for row in result.upstream] == [True]


@trials("first-output")
def test_slower_than_its_rule_allows_is_left(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_answered(trial, result, [("silent", "limit_passed"), ("home", "ok")])
    assert any(row["left_ms"] is not None for row in result.upstream)


@trials("ceiling-of-caller", "ceiling-of-rule")
def test_ceiling_leaves_out_what_may_cost_more(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_answered(trial, result, [("home", "ok")])
    assert result.record["decision"]["bounds"]["max_cost_usd"] == BETWEEN_USD
    assert 0 < result.record["attempts"][0]["cost_usd"] < BETWEEN_USD
    if not trial.stream:
        assert float(result.seen.headers["x-gateway-cost-usd"]) == result.record["attempts"][0]["cost_usd"]


@trials("ceiling-below-all")
def test_ceiling_below_all_is_told(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_refused(trial, result, 400, "invalid_request_error", "max_cost_too_low")
    assert (result.record["outcome"], result.record["fault"]) == ("no_candidate", "policy")


@trials("hedged")
def test_hedge_answers_for_a_late_first(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    check_answered(trial, result, [("silent", "hedge_lost"), ("home", "ok")])
    assert sum(row["left_ms"] is not None for row in result.upstream) == 1


@trials("continued")
def test_another_goes_on_where_the_side_says_so(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    if not trial.side.continues:
        check_broken(trial, result)
        return
    check_answered(trial, result, [("stalls", "idle_timeout"), ("counts", "ok")])
    assert text_of(trial.side, result.seen) == " ".join(map(str, range(64)))
    assert result.record["attempts"][1]["continues"] > 0


@trials("not-continued")
def test_nobody_goes_on_unasked(told: Told, trial: Trial) -> None:
    check_broken(trial, told.of(trial))


def check_broken(trial: Trial, result: Tried) -> None:
    """The caller has what came, then an error, and no end."""
    assert (result.record["outcome"], result.record["fault"]) == ("idle_timeout", "provider")
    assert result.attempts == [("stalls", "idle_timeout")]
    assert result.seen.status == 200
    assert text_of(trial.side, result.seen) == " ".join(map(str, range(12)))
    assert trial.side.error(result.seen) == ("timeout_error", "idle_timeout")
    assert not trial.side.has_end(result.seen)


def text_of(side: Side, seen: Seen) -> str:
    """What the caller of a stream has read."""
    found: list[Any] = [json.loads(event) for event in seen.events if event != "[DONE]"]
    match side.surface:
        case "responses":
            return "".join(one["delta"] for one in found if one["type"] == "response.output_text.delta")
        case "messages":
            return "".join(one.get("delta", {}).get("text", "") for one in found)
        case "completions":
            return "".join(choice["text"] for one in found for choice in one.get("choices", ()))
    return "".join(choice["delta"].get("content") or "" for one in found for choice in one.get("choices", ()))


@trials("silent-fin", "silent-rst", "endless-fin", "endless-rst")
def test_departure_stops_the_upstream_within_a_second(told: Told, trial: Trial) -> None:
    result = told.of(trial)
    (row,) = result.upstream
    assert row["left_ms"] is not None
    took_s = row["arrived_unix_s"] + row["left_ms"] / 1000 - result.left_at
    assert took_s < LEFT_WITHIN_S + WAKES * told.late_s
    assert (result.record["outcome"], result.record["fault"]) == ("caller_left", "caller")


@trials("endless-fin", "endless-rst")
def test_what_was_generated_before_a_departure_is_paid_for(told: Told, trial: Trial) -> None:
    (attempt,) = told.of(trial).record["attempts"]
    assert attempt["usage"]["estimated"]
    assert attempt["usage"]["completion_tokens"] > 0
    assert attempt["cost_usd"] > 0
