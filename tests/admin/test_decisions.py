"""Every answer carries a decision that can be read afterwards: as sentences, as JSON, by HTTP and on the command line."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import APP_KEY, NARROW_KEY, Upstream, configuration
from tests.support.forked import gateway_command
from tests.support.gateway import REPOSITORY, GatewayProcess

BODY = {"model": "chat", "messages": [{"role": "user", "content": "Say hello."}]}


def ask(gateway: GatewayProcess, **more: Any) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/chat/completions", json={**BODY, **more}, trust_env=False)


def command(gateway: GatewayProcess, *arguments: str, stdin: str = "", status: int = 0) -> str:
    where = {"GATEWAY_STATE_DIR": str(gateway.state), "GATEWAY_CONFIG": str(gateway.directory / "gateway.yaml")}
    done = gateway_command(*arguments, env={**os.environ, **where}, text=stdin)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def test_the_record_says_rule_candidates_attempts_and_cost(gateway: GatewayProcess) -> None:
    answer = ask(gateway)
    told = gateway.decision(answer.headers["x-gateway-decision"])
    record = told["record"]
    assert record["decision"]["rule"] == "in-order"
    assert record["decision"]["revision"] == answer.headers["x-gateway-policy"]
    (candidate,) = record["decision"]["candidates"]
    assert (candidate["deployment"], candidate["rank"], candidate["tier"]) == ("ok", 0, "ready")
    (attempt,) = record["attempts"]
    usage = answer.json()["usage"]
    assert attempt["usage"]["prompt_tokens"] == usage["prompt_tokens"]
    assert attempt["status"] == 200
    text = " ".join(told["sentences"])
    for part in (
        "'chat' was asked for",
        "Rule 'in-order'",
        "ok: eligible, number 1",
        "Attempt 1, ok: ok",
        "Ended as ok",
    ):
        assert part in text


def test_a_refusal_says_what_stood_against_each_candidate(gateway: GatewayProcess) -> None:
    answer = httpx.post(
        f"{gateway.url}/v1/chat/completions", json={**BODY, "model": "plain", "tools": [{"type": "function"}]},
        headers={"x-gateway-sensitivity": "restricted"}, trust_env=False,
    )  # fmt: skip
    told = gateway.decision(answer.headers["x-gateway-decision"])
    against = told["record"]["decision"]["candidates"][0]["against"]
    assert [reason["cause"] for reason in against] == ["clearance", "capability"]
    assert (told["record"]["outcome"], told["record"]["fault"]) == ("no_candidate", "policy")
    assert any("the request is restricted, its clearance is internal" in line for line in told["sentences"])


def test_a_stream_in_progress_can_be_looked_up(gateway: GatewayProcess) -> None:
    body = {**BODY, "model": "endless", "stream": True}
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, trust_env=False) as answer:
        url = f"{gateway.url}/admin/decisions/{answer.headers['x-gateway-decision']}"
        told = httpx.get(url, trust_env=False).json()
        assert told["record"]["in_progress"]
        assert "The request is in progress." in told["sentences"]


def test_explain_decides_and_sends_nothing(gateway: GatewayProcess, upstream: Upstream) -> None:
    before = len(upstream.ask("/_seen"))
    told = httpx.post(f"{gateway.url}/admin/explain", json=BODY, trust_env=False).json()
    assert told["record"]["decision"]["attempts"] == ["ok"]
    plain = httpx.post(f"{gateway.url}/admin/explain", json=BODY, headers={"accept": "text/plain"}, trust_env=False)
    assert plain.text.splitlines()[1:] == told["sentences"][1:]
    assert httpx.post(f"{gateway.url}/admin/explain", json={**BODY, "model": "x"}, trust_env=False).status_code == 404
    assert len(upstream.ask("/_seen")) == before


def test_explain_on_the_command_line(gateway: GatewayProcess) -> None:
    assert "To be tried, in order: ok." in command(gateway, "explain", "-f", "-", stdin=json.dumps(BODY))
    refused = {**BODY, "model": "plain"}
    text = command(gateway, "explain", "-f", "-", "-H", "x-gateway-sensitivity: restricted", stdin=json.dumps(refused))
    assert "the request is refused" in text
    decision = json.loads(command(gateway, "explain", "--json", "-f", "-", stdin=json.dumps(BODY)))
    assert decision["attempts"] == ["ok"]
    assert "no model or deployment is named 'x'; there are chat, " in command(
        gateway, "explain", "-f", "-", stdin=json.dumps({**BODY, "model": "x"}), status=1
    )


def test_the_journal_survives_a_restart_and_a_kill(upstream: Upstream, tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, configuration(upstream.base_url)).start()
    first = ask(gateway).headers["x-gateway-decision"]
    assert gateway.decision(first)
    assert gateway.stop() == 0
    gateway.start()
    try:
        second = ask(gateway).headers["x-gateway-decision"]
        assert gateway.decision(first)["record"]["outcome"] == "ok"
        listed = httpx.get(f"{gateway.url}/admin/decisions", trust_env=False).json()["record"]
        assert [record["decision"]["id"] for record in listed] == [second, first]
        page = httpx.get(f"{gateway.url}/admin/decisions?limit=1&before={second}", trust_env=False).json()["record"]
        assert [record["decision"]["id"] for record in page] == [first]
    finally:
        gateway.stop()
    assert "Ended as ok by ok" in command(gateway, "decisions", first)
    assert json.loads(command(gateway, "decisions", "--json", second))["answered_by"] == "ok"
    assert command(gateway, "decisions").splitlines()[0].startswith(second)
    assert "no decision 'x'" in command(gateway, "decisions", "x", status=1)


def test_records_of_another_version_are_told_and_hide_nothing(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configuration(upstream.base_url)) as gateway:
        mine = ask(gateway).headers["x-gateway-decision"]
        assert gateway.decision(mine)
        with closing(sqlite3.connect(gateway.state / "journal.db", isolation_level=None)) as db:
            db.execute("insert into journal values ('0old', 86400.0, ?)", (b'{"decision":{"id":"0old"}}',))
        listed = httpx.get(f"{gateway.url}/admin/decisions", trust_env=False).json()
        one = httpx.get(f"{gateway.url}/admin/decisions/0old", trust_env=False).json()
    assert [line.split("  ")[0] for line in listed["sentences"]] == [mine, "0old"]
    assert listed["sentences"][1] == "0old  1970-01-02 00:00:00 UTC  a record of another version of the gateway"
    assert one["record"] == listed["record"][1] == {"decision": {"id": "0old"}}
    assert command(gateway, "decisions").splitlines() == listed["sentences"]
    assert command(gateway, "decisions", "0old").splitlines() == one["sentences"]
    assert "another version" in one["sentences"][0]


def test_metrics_count_what_happened(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configuration(upstream.base_url)) as gateway:
        for _ in range(3):
            ask(gateway)
        ask(gateway, model="error_500")  # and asks again
        ask(gateway, model="nobody")
        ask(gateway, model="plain")
        text = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    reference = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE gateway_")]
    assert all(f"| `{name}` |" in reference for name in families if not name.endswith("_created"))
    series = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    labels = 'fault="none",model="chat",outcome="ok",rule="in-order",surface="chat.completions"'
    assert float(series[f"gateway_requests_total{{{labels}}}"]) == 3
    assert float(series['gateway_attempts_total{deployment="error_500",outcome="server_error"}']) == 2
    assert float(series['gateway_deployment_state{deployment="ok",state="admitting"}']) == 1
    assert float(series['gateway_deployment_state{deployment="ok",state="shut"}']) == 0
    assert float(series['gateway_attempts_in_flight{deployment="ok"}']) == 0
    assert float(series['gateway_rejected_requests_total{code="model_not_found",surface="chat.completions"}']) == 1
    assert float(series['gateway_tokens_total{deployment="ok",kind="prompt"}']) > 0
    assert float(series["gateway_overhead_seconds_count"]) == 5
    assert float(series['gateway_attempts_of_unknown_cost_total{deployment="plain"}']) == 1
    assert float(series['gateway_attempts_of_unknown_cost_total{deployment="ok"}']) == 0
    assert "nobody" not in text


def test_a_shut_deployment_says_when_it_may_be_asked_again(upstream: Upstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configuration(upstream.base_url)) as gateway:
        for _ in range(3):  # each asks again; the last one's second attempt comes after the pause, and doubles it
            ask(gateway, model="error_500")
        answer = ask(gateway, model="error_500")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_healthy_deployment")
    assert answer.headers["retry-after"] == "2"


def test_explain_decides_as_for_a_key(keyed: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_KEY", APP_KEY)
    monkeypatch.setenv("NARROW_KEY", NARROW_KEY)
    body = json.dumps({**BODY, "model": "plain"})
    assert "To be tried, in order: plain." in command(keyed, "explain", "-f", "-", "--key", "app", stdin=body)
    assert "the request is confidential" in command(keyed, "explain", "-f", "-", "--key", "narrow", stdin=body)
    assert "no key is named 'x'" in command(keyed, "explain", "-f", "-", "--key", "x", stdin=body, status=1)


def test_a_fallback_does_not_widen_what_a_key_may_ask_for(upstream: Upstream, tmp_path: Path) -> None:
    """Nor does a refusal name what the key may not know of; operators read why it was left out."""
    base = configuration(upstream.base_url)
    broken, best = base["deployments"]["error_500"], base["deployments"]["ok"]
    secrets = {"narrow": "narrow-key-0123456789", "wide": "wide-key-0123456789", "operator": "operator-0123456789"}
    keys: dict[str, Any] = {name: {"secret": f"${{env:KEY_{name}}}"} for name in secrets}
    keys["narrow"]["models"], keys["wide"]["models"], keys["operator"]["role"] = (
        ["cheap"],
        ["cheap", "best"],
        "operator",
    )
    config = {
        "deployments": {"one": broken, "the-best": best},
        "models": {"cheap": {"deployments": ["one"]}, "best": {"deployments": ["the-best"]}},
        "policy": {"rules": [{"name": "all", "fallback": {"to": ["best"], "retries": 0}}]},
        "keys": keys,
    }
    with GatewayProcess(tmp_path, config, {f"KEY_{name}": secret for name, secret in secrets.items()}) as gateway:
        for name, status in (("wide", 200), ("narrow", 502)):
            answer = httpx.post(
                f"{gateway.url}/v1/chat/completions", json={**BODY, "model": "cheap"}, trust_env=False,
                headers={"authorization": f"Bearer {secrets[name]}"},
            )  # fmt: skip
            assert answer.status_code == status
        assert "the-best" not in answer.text
        told = gateway.decision(answer.headers["x-gateway-decision"], secrets["operator"])
        assert "the-best: left out; the key may ask for none of best, the-best." in told["sentences"]
