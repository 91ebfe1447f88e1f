"""Revisions over the admin API: published, listed, diffed, rolled back; and who wins after a restart."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import APP_KEY, OPERATOR_KEY, Upstream, configuration
from tests.support.gateway import GatewayProcess
from tests.support.in_process import InProcessGateway, in_front_of
from tests.support.operator import Operator

BROKEN = [
    "", "- a", "{", "rules: []", "rules: [{name: a, wen: {}}]", "rules: [{name: a, when: {team: [x]}}]",
    "rules: [{name: a, prefer: {order: [nobody]}}]", "rules: [{name: a}, {name: a}]", "rules: 3",
    "rules: [{name: a, limits: {max_attempts: 0}}]",
]  # fmt: skip


def only(name: str) -> str:
    return f"rules:\n- name: only\n  require: {{deployments: [{name}]}}\n"


def configuration_of(base_url: str) -> dict[str, Any]:
    keys = {
        "app": {"secret": "${env:APP_KEY}"},
        "me": {"secret": "${env:OPERATOR_KEY}", "role": "operator"},
    }
    config = configuration(base_url, policy="policy.yaml", keys=keys)
    config["models"]["both"] = {"deployments": ["ok", "vllm", "unicode"]}
    config["deployments"]["ok"]["api_key"] = "${env:UPSTREAM_KEY}"
    return config


ENV = {"APP_KEY": APP_KEY, "OPERATOR_KEY": OPERATOR_KEY, "UPSTREAM_KEY": "sk-canary-0123456789"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    (tmp_path / "policy.yaml").write_text(only("ok"))
    with in_front_of(1, tmp_path, lambda stands: configuration_of(stands[0].base_url), ENV) as running:
        yield running.gateway


@pytest.fixture
def operator(gateway: InProcessGateway) -> Operator:
    return Operator(gateway, OPERATOR_KEY)


@pytest.fixture
def process(upstream: Upstream, tmp_path: Path) -> Iterator[GatewayProcess]:
    """With signals, and what it prints at a start."""
    (tmp_path / "policy.yaml").write_text(only("ok"))
    with GatewayProcess(tmp_path, configuration_of(upstream.base_url), ENV) as running:
        yield running


@pytest.fixture
def its_operator(process: GatewayProcess) -> Operator:
    return Operator(process, OPERATOR_KEY)


def asked(gateway: GatewayProcess | InProcessGateway) -> tuple[str, str]:
    """Who answered, by which revision."""
    body = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}
    client = gateway.client({"authorization": f"Bearer {APP_KEY}"})
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    return answer.headers["x-gateway-deployment"], answer.headers["x-gateway-policy"]


def wait_for(what: Callable[[], Any], within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_published_document_decides_at_once_and_is_on_record(gateway: InProcessGateway, operator: Operator) -> None:
    first = asked(gateway)[1]
    answer = operator.put("# mine\n" + only("vllm"))
    assert answer.status_code == 200
    told = answer.json()["record"]["revision"]
    assert answer.headers["etag"] == f'"{told["name"]}"'
    assert told["number"] == 2
    assert (told["by"]["via"], told["by"]["key"]) == ("admin", "me")
    assert asked(gateway) == ("vllm", told["name"])
    assert operator.policy()["document"] == "# mine\n" + only("vllm")
    assert operator.states() == [(2, "in_force"), (1, "replaced")]
    assert operator.revisions()[1]["name"] == first
    assert operator.revisions(limit=1, before=2)[0]["number"] == 1
    unwise = operator.put("rules: [{name: a, when: {team: [nobody]}}, {name: b}]", share=0.5).json()
    assert "name" in {one["kind"] for one in unwise["record"]["problems"]}
    assert any(line.startswith("the policy:1:") and "'nobody'" in line for line in unwise["sentences"])
    assert operator.post("withdraw").status_code == 200
    assert operator.published(only("vllm")) == told["name"]  # it says the same: nothing changed
    assert operator.metric('gateway_policy_revision{arm="current"}') == 2


def test_who_expects_another_revision_changes_nothing(gateway: InProcessGateway, operator: Operator) -> None:
    first = asked(gateway)[1]
    second = operator.put(only("vllm"), expected=first).json()["record"]["revision"]["name"]
    answer = operator.put(only("ok"), expected=first)
    assert answer.status_code == 412
    assert second in answer.json()["error"]["message"]
    assert asked(gateway) == ("vllm", second)


def test_ten_broken_documents_in_a_row_change_nothing(
    gateway: InProcessGateway, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    before = asked(gateway)
    for document in BROKEN:
        answer = operator.put(document)
        assert answer.status_code == 422, document
        assert answer.json()["error"]["code"] == "invalid_policy"
        assert all({"line", "path", "sentence"} <= set(problem) for problem in answer.json()["problems"])
        assert answer.json()["problems"]
        assert asked(gateway) == before
    ready = operator.ready()
    assert (ready["ready"], ready["newest_policy_refused"]) == (True, True)
    assert operator.metric('gateway_policy_reloads_total{result="refused"}') == 10
    assert operator.metric("gateway_policy_refused") == 1
    assert caplog.text.count("is refused, by key 'me'") == 10
    assert operator.states() == [(1, "in_force")]
    operator.published(only("vllm"))
    assert not operator.ready()["newest_policy_refused"]


def test_what_is_asked_wrongly_is_told(operator: Operator) -> None:
    assert operator.put(only("ok"), share=1.5).json()["error"]["param"] == "share"
    assert operator.put(b"\xff").json()["error"]["code"] == "invalid_encoding"
    assert operator.post("rollback", to="x").status_code == 400
    assert operator.post("rollback", to=9).status_code == 404
    assert operator.post("rollback").status_code == 404
    assert operator.post("promote").status_code == 409
    assert operator.post("withdraw").status_code == 409
    assert operator.client.get("/admin/policy/revisions/9").status_code == 404
    for listing in ("/admin/policy/revisions", "/admin/decisions"):
        for limit in ("0", "9999", "-1", "x", "\u00b2", "\u0663", "9" * 5000):
            assert operator.client.get(listing, params={"limit": limit}).status_code == 400, (listing, limit[:9])
    assert operator.client.get("/admin/policy", headers={"authorization": f"Bearer {APP_KEY}"}).status_code == 403
    assert operator.put("#" * (256 * 1024 + 1)).status_code == 413


def test_rolled_back_step_by_step(gateway: InProcessGateway, operator: Operator) -> None:
    operator.published(only("vllm"))
    operator.published(only("unicode"))
    back = operator.post("rollback").json()["record"]["revision"]
    assert (back["number"], back["again_of"]) == (4, 2)
    assert asked(gateway) == ("vllm", back["name"])
    assert operator.post("rollback").json()["record"]["revision"]["again_of"] == 1
    assert asked(gateway)[0] == "ok"
    assert operator.post("rollback").status_code == 404  # there is nothing before it that was not rolled back
    assert operator.post("rollback", to=3).json()["record"]["revision"]["again_of"] == 3
    assert [state for _, state in operator.states()] == [
        "in_force",
        "rolled_back",
        "rolled_back",
        "rolled_back",
        "replaced",
        "replaced",
    ]


def test_two_revisions_and_how_they_differ(operator: Operator) -> None:
    operator.published(only("vllm") + "- name: rest\n")
    found = operator.client.get("/admin/policy/revisions/1/diff/2-anything").json()["record"]
    assert found["summary"] == ["Rule 'only' has another require.", "Rule 'rest' is new, number 2 of 2."]
    assert "-  require: {deployments: [ok]}" in found["diff"]
    assert "+  require: {deployments: [vllm]}" in found["diff"]
    text = operator.client.get("/admin/policy/revisions", headers={"accept": "text/plain"}).text
    assert "by key 'me'" in text
    assert "published" in text
    assert "by the start" in text


def test_what_an_operator_published_survives_a_restart(process: GatewayProcess, its_operator: Operator) -> None:
    file = process.directory / "policy.yaml"
    assert f"policy {its_operator.ready()['policy']} from {file})" in process.greeting
    name = its_operator.published(only("vllm"))
    process.stop()
    process.start()
    assert asked(process) == ("vllm", name)
    again = Operator(process, OPERATOR_KEY)
    assert again.states() == [(2, "in_force"), (1, "replaced")]
    assert (again.ready()["policy"], again.ready()["policy_via"]) == (name, "admin")
    assert f"policy {name}, published " in process.greeting
    assert f" by key 'me'; {file} counts once it is edited)" in process.greeting
    file.touch()
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(0.3)  # a touch is no change
    assert asked(process) == ("vllm", name)
    file.write_text(only("unicode"))
    wait_for(lambda: again.ready()["policy"].startswith("3-"))
    assert again.ready()["policy_via"] == "watch"
    assert asked(process)[0] == "unicode"
    assert again.revisions()[0]["by"]["via"] == "watch"


def test_a_file_that_changed_meanwhile_wins(process: GatewayProcess, its_operator: Operator) -> None:
    its_operator.published(only("vllm"))
    process.stop()
    (process.directory / "policy.yaml").write_text(only("unicode"))
    process.start()
    deployment, name = asked(process)
    assert (deployment, name[:2]) == ("unicode", "3-")
    again = Operator(process, OPERATOR_KEY)
    assert again.states() == [(3, "in_force"), (2, "replaced"), (1, "replaced")]
    assert again.revisions()[0]["by"]["via"] == again.ready()["policy_via"] == "start"
    assert f"policy {name} from " in process.greeting
    assert "revision 3-" in process.log.read_text()


def test_a_published_policy_that_no_longer_fits_gives_way_to_the_file(
    process: GatewayProcess, its_operator: Operator
) -> None:
    its_operator.published(only("vllm"))
    process.stop()
    file = process.directory / "gateway.yaml"
    config = json.loads(file.read_text())
    del config["deployments"]["vllm"]
    config["models"]["both"]["deployments"] = ["ok", "unicode"]
    process._config = config
    process.start()
    assert asked(process)[0] == "ok"
    assert "revision 2" in process.log.read_text()
    again = Operator(process, OPERATOR_KEY)
    assert again.ready()["newest_policy_refused"]
    assert again.states()[0] == (3, "in_force")


def test_other_deployments_make_another_revision_of_the_same_document(
    process: GatewayProcess, its_operator: Operator
) -> None:
    name = its_operator.published(only("vllm"))
    its_operator.published(only("unicode"), share=0.5)
    process.stop()
    config = json.loads((process.directory / "gateway.yaml").read_text())
    config["deployments"]["vllm"]["price"]["input_usd_per_mtok"] = 7.0
    process._config = config
    process.start()
    assert asked(process)[0] == "vllm"
    again = Operator(process, OPERATOR_KEY)
    assert again.states() == [(4, "in_force"), (3, "withdrawn"), (2, "replaced"), (1, "replaced")]
    newest, staged = again.revisions(limit=2)
    assert (newest["again_of"], newest["content"][:8] != name[2:]) == (2, True)
    assert staged["withdrawal"] == "configuration"
    assert again.ready()["policy_via"] == "admin"  # the start took it again, and did not bring it
    assert f"policy {newest['name']}, the document of revision 2 again, " in process.greeting
    assert " by key 'me'; " in process.greeting
    assert again.post("rollback").json()["record"]["revision"]["again_of"] == 1


def test_no_secret_is_kept_and_nobody_else_may_read_it(gateway: InProcessGateway, operator: Operator) -> None:
    operator.published(only("vllm"))
    file = gateway.state / "policy-revisions.db"
    assert file.stat().st_mode & 0o077 == 0
    content = file.read_bytes()
    assert b"127.0.0.1" in content  # the deployments are there
    for secret in ("sk-canary-0123456789", APP_KEY, OPERATOR_KEY):
        assert secret.encode() not in content


def test_a_file_of_revisions_that_cannot_be_written_harms_nobody(
    gateway: InProcessGateway, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    for file in gateway.state.glob("policy-revisions.db*"):
        file.write_bytes(b"not a database at all" * 500)
    name = operator.published(only("vllm"))
    assert asked(gateway) == ("vllm", name)
    assert not operator.ready()["policy_revisions_kept"]
    assert operator.ready()["ready"]
    assert operator.metric("gateway_policy_revisions_kept") == 0
    assert "could not be written" in caplog.text
    assert operator.post("rollback").json()["record"]["revision"]["again_of"] == 1
    (gateway.state / "policy-revisions.db").unlink()
    operator.published(only("unicode"))
    assert operator.ready()["policy_revisions_kept"]
