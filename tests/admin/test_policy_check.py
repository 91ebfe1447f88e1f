"""`POST /admin/policy/check`: an operator asks what is to be said of a policy before it is in force."""

import asyncio
import json
import sys
import threading
from typing import Any

import httpx2 as httpx
import pytest

from gateway.watch.checks import WORK_S, CheckRefused, PolicyChecks
from tests.conftest import OPERATOR_KEY
from tests.support.gateway import GatewayProcess

WARNED = "rules:\n- {name: a, when: {team: [blue]}}\n- {name: b, when: {team: [blue, red]}}\n- {name: c}\n"


def ask(gateway: GatewayProcess, body: str | bytes) -> httpx.Response:
    headers = {"authorization": f"Bearer {OPERATOR_KEY}"}
    url = f"{gateway.url}/admin/policy/check"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=600)


def told(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["problems"]
    return found


@pytest.mark.parametrize("as_json", [False, True])
def test_it_is_held_against_the_deployments_and_keys_in_force(keyed: GatewayProcess, as_json: bool) -> None:
    """YAML, or JSON: that is YAML, too."""
    rules = [{"name": "a", "when": {"team": ["blue"]}}, {"name": "b", "when": {"team": ["blue", "red"]}}, {"name": "c"}]
    answer = ask(keyed, json.dumps({"rules": rules}) if as_json else WARNED)
    assert answer.json()["valid"]
    warnings = [one for one in told(answer) if one["severity"] == "warning"]
    assert [(one["kind"], one["path"], one["rule"]) for one in warnings] == [
        ("name", "rules[1].when.team[1]", "b"),
        ("never_matches", "rules[1].when", "b"),
    ]
    if not as_json:
        assert [(one["line"], one["column"]) for one in warnings] == [(3, 33), (3, 13)]


def test_examples_name_keys_and_nothing_secret(keyed: GatewayProcess) -> None:
    answer = ask(keyed, "rules: [{name: a, require: {region: [mars]}}]")
    (error,) = [one for one in told(answer) if one["severity"] == "error"]
    assert error["example"]["facts"]["key"] in ("app", "operator", "narrow")
    assert OPERATOR_KEY not in answer.text
    assert "http://" not in answer.text


@pytest.mark.parametrize(
    "body", ["", "- a", "rules: []", "rules: [{name: a, when: {modle: [chat]}}, {name: b}]", "rules: [", '{"rules":'],
)  # fmt: skip
def test_what_is_not_valid_is_told_and_is_no_error_of_the_asking(keyed: GatewayProcess, body: str) -> None:
    answer = ask(keyed, body)
    assert [answer.json()[name] for name in ("valid", "revision", "complete")] == [False, None, False]
    assert {(one["severity"], one["kind"], one["file"]) for one in told(answer)} == {("error", "invalid", "the policy")}


def test_the_policy_in_force_is_not_changed(keyed: GatewayProcess) -> None:
    ready = f"{keyed.url}/readyz"
    before = httpx.get(ready, trust_env=False).json()["policy"]
    ask(keyed, WARNED)
    assert httpx.get(ready, trust_env=False).json()["policy"] == before


def test_bodies_are_bounded_and_text(keyed: GatewayProcess) -> None:
    assert ask(keyed, "#" * (256 * 1024 + 1)).status_code == 413
    assert ask(keyed, b"\xff").json()["error"]["code"] == "invalid_encoding"


def test_requests_go_on_while_a_large_policy_is_checked(keyed: GatewayProcess) -> None:
    """The work is another process's: it takes as long as hundreds of requests. Another is told when to come again."""
    rules = ", ".join(
        f"{{name: r{at}, when: {{tags: {{t{at % 40}: v{at % 7}}}, min_prompt_tokens: {at * 40}, needs: [tools]}}}}"
        for at in range(300)
    )
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(keyed, f"rules: [{rules}, {{name: last}}]")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    asked = 0
    with httpx.Client(base_url=keyed.url, trust_env=False, timeout=60) as client:
        while any(thread.is_alive() for thread in threads):
            assert client.get("/healthz").status_code == 200
            asked += 1
    refused, done = answers  # in the order in which they ended: one at a time is checked
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "check_refused")
    assert refused.headers["retry-after"] == "1"
    assert done.status_code == 200
    assert done.json()["rules"] == 301
    assert asked > 20


def running(code: str, within_s: float = 600) -> PolicyChecks:
    return PolicyChecks([sys.executable, "-c", code], within_s)


FOR_EVER = "import time; time.sleep(600)"


async def test_a_check_that_does_not_end_is_ended() -> None:
    checks = running(FOR_EVER, within_s=0.2)
    for _ in range(2):  # and the next one may begin
        with pytest.raises(CheckRefused, match="longer than"):
            await checks.check(b"")


async def test_a_check_that_is_too_much_work_is_ended() -> None:
    """However fast the machine is, and whatever else it does."""
    at_work = "from gateway.watch.checks import limit_work; limit_work(1)\nwhile True: pass"
    with pytest.raises(CheckRefused, match="more work"):
        await running(at_work).check(b"")


async def test_the_gateways_own_check_is_bounded_in_work() -> None:
    limits = "print(__import__('resource').getrlimit(__import__('resource').RLIMIT_CPU)[0], file=sys.stderr)"
    with_limits = (
        f"import sys, atexit; from gateway.settings import checker; atexit.register(lambda: {limits}); checker.main()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", with_limits, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, told_last = await process.communicate(b"no JSON")
    assert told_last.split()[-1] == f"{WORK_S}".encode()


async def test_a_check_that_breaks_is_no_answer() -> None:
    with pytest.raises(CheckRefused, match="status 3"):
        await running("raise SystemExit(3)").check(b"x" * 1_000_000)


async def test_one_at_a_time_and_who_leaves_ends_it() -> None:
    checks = running(FOR_EVER)
    task = asyncio.create_task(checks.check(b""))
    await asyncio.sleep(0)
    with pytest.raises(CheckRefused, match="another policy"):
        await checks.check(b"")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    task = asyncio.create_task(checks.check(b""))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_comes_back_is_what_the_process_said() -> None:
    echo = running("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])")
    assert await echo.check(b"abc" * 100_000) == b"cba" * 100_000
