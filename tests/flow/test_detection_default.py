"""Whether what detection finds decides: by default only where something speaks of sensitivity, or there is a choice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import deployment
from tests.support.in_process import InProcessGateway, InProcessScripted, Received
from tests.support.scripted import Asked, completion, response
from tests.support.virtual_time import VirtualTime

MAIL = "Write to jane.doe@example.com"
RULE = {"name": "all"}
Serve = Callable[..., InProcessGateway]


async def answers(_: Asked) -> bytes:
    return response(completion())


@pytest.fixture
def virtual() -> Iterator[VirtualTime]:
    with VirtualTime() as running:
        yield running


@pytest.fixture
def upstream(virtual: VirtualTime) -> Iterator[InProcessScripted]:
    with InProcessScripted(virtual, answers) as running:
        yield running


@pytest.fixture
def serve(virtual: VirtualTime, tmp_path: Path) -> Iterator[Serve]:
    """`serve(config, env)` is the gateway, until the test's end."""
    with ExitStack() as stack:

        def serving(config: dict[str, Any], env: dict[str, str] | None = None) -> InProcessGateway:
            return stack.enter_context(InProcessGateway(virtual, tmp_path, config, env or {}))

        yield serving


def ask(gateway: InProcessGateway, text: str = MAIL, **headers: str) -> Received:
    return gateway.chats("a", headers=headers, messages=[{"role": "user", "content": text}])[0]


def commercial(upstream: InProcessScripted, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in (deployment(upstream.base_url, "m") | more).items() if value != "restricted"}


def test_one_commercial_deployment_and_nothing_said(
    upstream: InProcessScripted, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered, on the decision and said once; what the caller declares holds as ever."""
    gateway = serve({"deployments": {"a": commercial(upstream)}})
    for _ in range(2):
        answer = ask(gateway)
        assert answer.status == 200
        record = gateway.decision(answer.headers["x-gateway-decision"])
        assert "email" in str(record)
    refused = ask(gateway, **{"x-gateway-sensitivity": "confidential"})
    assert refused.status == 403
    assert refused.json()["error"]["code"] == "sensitivity_not_cleared"
    assert len(upstream.asked) == 2
    assert caplog.text.count("detection found email in a request and only reports it") == 1
    assert "jane" not in caplog.text


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
def test_what_speaks_of_sensitivity_makes_it_decide(upstream: InProcessScripted, serve: Serve, how: str) -> None:
    said = dict(SPEAKING[how])
    more = {"clearance": said.pop("clearance")} if "clearance" in said else {}
    config: dict[str, Any] = {"deployments": {"a": commercial(upstream, **more)}}
    if said.pop("other", False):
        config["deployments"]["own"] = deployment(upstream.base_url, "m", hosting="self_hosted")
    refused = ask(serve(config | said))
    assert refused.status == 403
    message = refused.json()["error"]["message"]
    assert "found: email" in message
    assert "'detection' in the policy" in message
    assert "'clearance' of a deployment" in message
    assert "jane" not in message
    assert "/v1/chat/completions" not in upstream.paths()


def test_a_key_s_floor_makes_it_decide(upstream: InProcessScripted, serve: Serve) -> None:
    keys = {"k": {"secret": "${env:K}"}, "hr": {"secret": "${env:HR}", "sensitivity": "internal"}}
    gateway = serve({"deployments": {"a": commercial(upstream)}, "keys": keys}, {"K": "k" * 32, "HR": "h" * 32})
    assert ask(gateway, authorization=f"Bearer {'k' * 32}").status == 403


def test_the_mode_may_be_report_whatever_else_is_said(upstream: InProcessScripted, serve: Serve) -> None:
    policy = {"rules": [RULE], "detection": {"mode": "report"}}
    gateway = serve({"deployments": {"a": commercial(upstream, clearance="public")}, "policy": policy})
    assert ask(gateway).status == 200
    assert ask(gateway, **{"x-gateway-sensitivity": "internal"}).status == 403
