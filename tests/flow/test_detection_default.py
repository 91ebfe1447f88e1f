"""Whether what detection finds decides: by default only where something speaks of sensitivity, or there is a choice."""

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted, completion, response

MAIL = "Write to jane.doe@example.com"
RULE = {"name": "all"}


def answers(_: Asked) -> bytes:
    return response(completion())


def ask(gateway: GatewayProcess, text: str = MAIL, **headers: str) -> httpx.Response:
    body = {"model": "a", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=20)


def commercial(upstream: Scripted, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in (deployment(upstream.base_url, "m") | more).items() if value != "restricted"}


def test_one_commercial_deployment_and_nothing_said(tmp_path: Path) -> None:
    """It is answered, on the decision and said once; what the caller declares holds as ever."""
    with (
        Scripted(answers) as upstream,
        GatewayProcess(tmp_path, {"deployments": {"a": commercial(upstream)}}) as gateway,
    ):
        for _ in range(2):
            answer = ask(gateway)
            assert answer.status_code == 200
            record = gateway.decision(answer.headers["x-gateway-decision"])
            assert "email" in str(record)
        refused = ask(gateway, **{"x-gateway-sensitivity": "confidential"})
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "sensitivity_not_cleared"
        assert len(upstream.asked) == 2
        log = gateway.log.read_text()
        assert log.count("detection found email in a request and only reports it") == 1
        assert "jane" not in log


SPEAKING: dict[str, dict[str, Any]] = {
    "a clearance": {"clearance": "public"},
    "a self-hosted one": {"other": True},
    "a rule on sensitivity": {"policy": {"rules": [{"name": "s", "when": {"sensitivity": ["restricted"]}}, RULE]}},
    "a rule on findings": {"policy": {"rules": [{"name": "s", "when": {"not": {"found": ["card"]}}}, RULE]}},
    "a required clearance": {
        "policy": {"rules": [{"name": "s", "when": {"stream": True}, "require": {"clearance": "internal"}}, RULE]}
    },
    "classes": {"policy": {"rules": [RULE], "detection": {"classes": {"card": "confidential"}}}},
    "the mode": {"policy": {"rules": [RULE], "detection": {"mode": "enforce"}}},
}


@pytest.mark.parametrize("how", SPEAKING)
def test_what_speaks_of_sensitivity_makes_it_decide(tmp_path: Path, how: str) -> None:
    said = dict(SPEAKING[how])
    with Scripted(answers) as upstream:
        more = {"clearance": said.pop("clearance")} if "clearance" in said else {}
        config: dict[str, Any] = {"deployments": {"a": commercial(upstream, **more)}}
        if said.pop("other", False):
            config["deployments"]["own"] = deployment(upstream.base_url, "m", hosting="self_hosted")
        with GatewayProcess(tmp_path, config | said) as gateway:
            refused = ask(gateway)
            assert refused.status_code == 403
            message = refused.json()["error"]["message"]
            assert "found: email" in message
            assert "'detection' in the policy" in message
            assert "'clearance' of a deployment" in message
            assert "jane" not in message
            assert upstream.asked == []


def test_a_key_s_floor_makes_it_decide(tmp_path: Path) -> None:
    keys = {"k": {"secret": "${env:K}"}, "hr": {"secret": "${env:HR}", "sensitivity": "internal"}}
    with Scripted(answers) as upstream:
        config = {"deployments": {"a": commercial(upstream)}, "keys": keys}
        with GatewayProcess(tmp_path, config, {"K": "k" * 32, "HR": "h" * 32}) as gateway:
            assert ask(gateway, authorization=f"Bearer {'k' * 32}").status_code == 403


def test_the_mode_may_be_report_whatever_else_is_said(tmp_path: Path) -> None:
    policy = {"rules": [RULE], "detection": {"mode": "report"}}
    with Scripted(answers) as upstream:
        config = {"deployments": {"a": commercial(upstream, clearance="public")}, "policy": policy}
        with GatewayProcess(tmp_path, config) as gateway:
            assert ask(gateway).status_code == 200
            assert ask(gateway, **{"x-gateway-sensitivity": "internal"}).status_code == 403
