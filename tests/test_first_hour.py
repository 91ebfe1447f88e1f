"""The first hour: which file is meant, what is probably a slip, what a browser and an operator see."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import Upstream
from tests.support import forked
from tests.support.gateway import GatewayProcess, deployment
from tests.support.waiting import wait_for

HOME = "provider: vllm, model: m, hosting: self_hosted"


def gateway_command(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "GATEWAY_CONFIG"}
    return forked.gateway_command(*arguments, cwd=directory, env=env)


def written(directory: Path, entry: str, name: str = "gateway.yaml") -> Path:
    file = directory / name
    file.write_text(f"deployments:\n  d: {{{entry}}}\nmodels: {{chat: {{deployments: [d]}}}}\n")
    return file


def test_check_takes_the_file_that_is_here_and_says_which(tmp_path: Path) -> None:
    written(tmp_path, f"{HOME}, base_url: 'http://127.0.0.1:1/v1'")
    assert gateway_command(tmp_path, "check").stdout.splitlines()[-1].startswith("gateway.yaml: valid: 1 rule")


def test_check_without_any_file_names_the_embedded_default(tmp_path: Path) -> None:
    last = gateway_command(tmp_path, "check", "--strict").stdout.splitlines()[-1]
    assert last.startswith("the embedded default (defaults/gateway.yaml; there is no ./gateway.yaml): valid")


def test_the_built_in_policy_passes_strictly_with_whatever_pool(tmp_path: Path) -> None:
    """Nobody can follow advice about it."""
    written(tmp_path, f"{HOME}, base_url: 'http://127.0.0.1:1/v1'")
    assert gateway_command(tmp_path, "check", "--strict").returncode == 0


def test_serve_refuses_two_configurations(tmp_path: Path) -> None:
    done = gateway_command(tmp_path, "serve", "-c", "a.yaml", "b.yaml")
    assert done.returncode == 2
    assert "named twice" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "name"), [(["serve"], "gateway.yaml"), (["serve", "mine.yaml"], "mine.yaml")], ids=["here", "named"]
)
def test_serve_takes_a_file(tmp_path: Path, arguments: list[str], name: str) -> None:
    """What is refused of it shows that it was read."""
    written(tmp_path, f"{HOME}, base_url: 'ftp://127.0.0.1:1/v1'", name)
    done = gateway_command(tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}:2:")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1", "usually /v1"),
        ("http://127.0.0.1:1/", "usually /v1"),
        ("https://api.example.com/v1/chat/completions", "without /chat/completions"),
        ("https://api.example.com/v1/models/", "without /models"),
        ("https://api.example.com/v1/v1", "/v1 once"),
        ("https://api.example.com/v1", None),
        ("https://api.example.com/api/paas/v4", None),
    ],
)
def test_an_address_whose_path_is_probably_a_slip(tmp_path: Path, address: str, said: str | None) -> None:
    written(tmp_path, f"{HOME}, base_url: '{address}'")
    told = json.loads(gateway_command(tmp_path, "check", "--json").stdout)
    found = [one for one in told["problems"] if one["kind"] == "address"]
    assert told["valid"] is True
    assert [(one["severity"], one["path"]) for one in found] == (
        [("warning", "deployments.d.base_url")] if said else []
    )
    assert said is None or said in found[0]["sentence"]


def test_notes_are_told_once_for_several_files(tmp_path: Path) -> None:
    written(tmp_path, f"{HOME}, base_url: 'http://127.0.0.1:1/v1'")
    (tmp_path / "policy.yaml").write_text("rules: [{name: a}]")
    lines = gateway_command(tmp_path, "check", "-c", "gateway.yaml", "policy.yaml", "policy.yaml").stdout.splitlines()
    notes = [line for line in lines if ": note: " in line]
    assert len(notes) == len(set(notes)) > 0


@pytest.fixture
def serving(upstream: Upstream, tmp_path: Path) -> Iterator[GatewayProcess]:
    config = {
        "deployments": {
            "ok": deployment(upstream.base_url, "ok"),
            "gone": {**deployment("http://127.0.0.1:9/v1", "ok"), "hosting": "self_hosted", "scrape_s": 0.5},
        },
        "models": {"chat": {"deployments": ["ok"]}, "other": {"deployments": ["gone"]}},
        "teams": {"hr": {"sensitivity": "confidential"}},
        "log": {"format": "json", "access": True},
    }
    with GatewayProcess(tmp_path, config) as gateway:
        yield gateway


def get(gateway: GatewayProcess, path: str, **more: Any) -> httpx.Response:
    return httpx.get(f"{gateway.url}{path}", trust_env=False, **more)


def lines(gateway: GatewayProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gateway.log.read_text().splitlines()]


BODY = {"model": "chat", "messages": [{"role": "user", "content": "CANARY-PROMPT"}]}


def test_a_browser_sees_what_is_where(serving: GatewayProcess) -> None:
    page = get(serving, "/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for path in re.findall(r'href="([^"]+)"', page.text):
        assert get(serving, path).status_code in (200, 405), path
    assert get(serving, "/", headers={"host": "evil.example"}).status_code == 403


def test_deployments_are_shown_address_by_address_with_the_newest_failure(serving: GatewayProcess) -> None:
    asked = httpx.post(f"{serving.url}/v1/chat/completions", json={**BODY, "model": "other"}, trust_env=False)
    assert asked.status_code in (502, 503)

    def gone() -> dict[str, Any]:
        return next(one for one in get(serving, "/admin/deployments").json()["record"] if one["name"] == "gone")

    wait_for(lambda: gone()["state"] == "down", within_s=20)
    assert gone()["addresses"][0]["base_url"] == "http://127.0.0.1:9/v1"
    assert gone()["addresses"][0]["reading"]["health"] == "down"
    text = get(serving, "/admin/deployments?name=gone", headers={"accept": "text/plain"}).text
    assert "gone: down" in text
    assert "http://127.0.0.1:9/v1: down" in text
    assert "ok:" not in text.splitlines()[0]
    assert get(serving, "/admin/deployments?name=nobody").status_code == 404
    done = forked.gateway_command("deployments", "--url", serving.url, "gone")
    assert done.returncode == 0, done.stderr
    assert "gone: down" in done.stdout
    down = next(one for one in lines(serving) if "is down" in one["message"])
    assert "http://127.0.0.1:9/v1 is down: [Errno 111] Connection refused" in down["message"]


@pytest.mark.parametrize(("query", "param"), [("limt=5", "limt"), ("limit=5&limit=6", "limit"), ("limit=5&x=", "x")])
def test_a_query_parameter_that_nobody_reads_is_refused(serving: GatewayProcess, query: str, param: str) -> None:
    answer = get(serving, f"/admin/decisions?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert get(serving, "/admin/policy?limit=5").status_code == 400
    assert get(serving, "/healthz?from=balancer").status_code == 200


def test_explain_decides_as_for_a_team(serving: GatewayProcess) -> None:
    def explained(query: str) -> httpx.Response:
        return httpx.post(f"{serving.url}/admin/explain{query}", json=BODY, trust_env=False)

    facts = explained("?team=hr").json()["record"]["decision"]["facts"]
    assert (facts["team"], facts["sensitivity"]) == ("hr", "confidential")
    refused = explained("?team=hx")
    assert refused.status_code == 400
    assert "there are: hr" in refused.json()["error"]["message"]
    assert explained("?key=nobody").status_code == 400


def test_each_request_is_a_line_without_its_prompt(serving: GatewayProcess) -> None:
    answer = httpx.post(f"{serving.url}/v1/chat/completions", json=BODY, trust_env=False)
    refused = httpx.post(f"{serving.url}/v1/chat/completions", json={"model": "chat"}, trust_env=False)

    def access() -> list[dict[str, Any]]:
        return [one for one in lines(serving) if one["logger"] == "gateway.access"]

    wait_for(lambda: len(access()) == 2, within_s=10)
    done, rejected = access()
    assert done["request"] == answer.headers["x-gateway-decision"]
    assert (done["deployment"], done["outcome"], done["attempts"]) == ("ok", "ok", 1)
    assert (rejected["status"], rejected["code"]) == (refused.status_code, refused.json()["error"]["code"])
    assert "CANARY" not in serving.log.read_text()


def test_a_change_that_only_a_start_reads_is_said(serving: GatewayProcess) -> None:
    file = serving.directory / "gateway.yaml"
    changed = json.loads(file.read_text())
    changed["models"]["chat"]["deployments"] = ["gone"]
    time.sleep(0.01)
    file.write_text(json.dumps(changed))
    wait_for(
        lambda: any("models changed, which is read at a start only" in one["message"] for one in lines(serving)),
        within_s=20,
    )
