"""What rules, detection and operators make of completions and embeddings."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.support.gateway import REPOSITORY, deployment
from tests.support.in_process import InProcess, InProcessGateway, in_front_of

CARD = "4111 1111 1111 1111"
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}


def configuration(base_url: str) -> dict[str, Any]:
    def one(model: str, *surfaces: str, **more: Any) -> dict[str, Any]:
        return deployment(base_url, model, price=PRICE, surfaces=list(surfaces), **more)

    own: dict[str, Any] = {"hosting": "self_hosted", "region": "home"}
    cloud: dict[str, Any] = {"clearance": "internal", "region": "cloud"}
    return {
        "deployments": {
            "embed-own": one("vectors", "embeddings", **own),
            "embed-cloud": one("vectors", "embeddings", **cloud),
            "text-own": one("ok", "completions", **own),
            "text-cloud": one("ok", "completions", **cloud),
            "chat": one("ok", "chat"),
            "everything": one("ok", "chat", "completions", "embeddings"),
        },
        "models": {
            "embed": {"deployments": ["embed-cloud", "embed-own"]},
            "text": {"deployments": ["text-cloud", "text-own"]},
        },
        "journal": {"path": "journal.db"},
        "policy": {
            "detection": {"mode": "enforce"},
            "rules": [
                {"name": "embeddings", "when": {"surface": ["embeddings"]}, "limits": {"deadline_s": 20}},
                {"name": "texts", "when": {"surface": ["completions"], "stream": True}},
                {"name": "others"},
            ],
        },
    }


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    directory = tmp_path_factory.mktemp("rules")
    with in_front_of(1, directory, lambda stands: configuration(stands[0].base_url)) as running:
        yield running


@pytest.fixture
def gateway(here: InProcess) -> InProcessGateway:
    return here.gateway


def post(gateway: InProcessGateway, path: str, **body: Any) -> httpx.Response:
    return gateway.client().post(f"/v1/{path}", json=body)


ASKED: list[tuple[str, dict[str, Any], str]] = [
    ("embeddings", {"model": "embed", "input": "x"}, "embeddings"),
    ("completions", {"model": "text", "prompt": "x", "stream": True}, "texts"),
    ("completions", {"model": "text", "prompt": "x"}, "others"),
    ("chat/completions", {"model": "chat", "messages": [{"role": "user", "content": "x"}]}, "others"),
]


@pytest.mark.parametrize(("path", "body", "rule"), ASKED)
def test_rules_tell_surfaces_apart(gateway: InProcessGateway, path: str, body: dict[str, Any], rule: str) -> None:
    answer = post(gateway, path, **body)
    assert answer.status_code == 200
    assert gateway.decision(answer.headers["x-gateway-decision"])["record"]["decision"]["rule"] == rule


HIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("completions", {"model": "text", "prompt": f"pay with {CARD}"}),
    ("completions", {"model": "text", "prompt": ["nothing", f"pay with {CARD}"]}),
    ("completions", {"model": "text", "prompt": "x", "suffix": f"pay with {CARD}"}),
    ("embeddings", {"model": "embed", "input": f"pay with {CARD}"}),
    ("embeddings", {"model": "embed", "input": [*["nothing"] * 3000, f"pay with {CARD}"]}),
]


@pytest.mark.parametrize(("path", "body"), HIDDEN, ids=["prompt", "prompts", "suffix", "input", "inputs"])
def test_a_card_is_found_wherever_it_stands(gateway: InProcessGateway, path: str, body: dict[str, Any]) -> None:
    answer = post(gateway, path, **body)
    assert answer.status_code == 200
    assert answer.headers["x-gateway-deployment"].endswith("-own")
    told = gateway.decision(answer.headers["x-gateway-decision"])
    assert told["record"]["decision"]["facts"]["found"] == ["card"]
    assert CARD not in json.dumps(told)


UNREADABLE: list[tuple[str, dict[str, Any]]] = [
    ("completions", {"model": "text", "prompt": [1, 2, 3]}),
    ("completions", {"model": "text", "prompt": [[1, 2], [3]]}),
    ("completions", {"model": "text", "prompt": "x", "prompt_embeds": "AAAA"}),
    ("embeddings", {"model": "embed", "input": [1, 2, 3]}),
    ("embeddings", {"model": "embed", "input": [[1]] * 3000}),
]


@pytest.mark.parametrize(("path", "body"), UNREADABLE)
def test_what_detection_cannot_read_does_not_count_as_clean(
    gateway: InProcessGateway, path: str, body: dict[str, Any]
) -> None:
    answer = post(gateway, path, **body)
    assert (answer.status_code, answer.headers["x-gateway-deployment"]) == (200, f"{body['model']}-own"), answer.text
    facts = gateway.decision(answer.headers["x-gateway-decision"])["record"]["decision"]["facts"]
    assert (facts["sensitivity"], facts["detection_failed"]) == ("restricted", True)


@pytest.mark.parametrize("path", ["completions", "embeddings"])
def test_what_detection_cannot_read_goes_nowhere_below(gateway: InProcessGateway, path: str) -> None:
    model, name = ("text-cloud", "prompt") if path == "completions" else ("embed-cloud", "input")
    answer = post(gateway, path, model=model, **{name: [1, 2, 3]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "sensitivity_not_cleared")


def test_what_a_deployment_does_not_serve_is_said(gateway: InProcessGateway) -> None:
    answer = post(gateway, "embeddings", model="chat", input="x")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_surface"
    sentences = gateway.decision(answer.headers["x-gateway-decision"])["sentences"]
    assert any("it does not serve embeddings" in sentence for sentence in sentences)
    assert any("was asked for embeddings" in sentence for sentence in sentences)


def explained(gateway: InProcessGateway, body: dict[str, Any], surface: str) -> httpx.Response:
    client = gateway.client({"accept": "text/plain"})
    return client.post("/admin/explain", params={"surface": surface}, json=body)


def test_a_running_gateway_explains_any_surface(gateway: InProcessGateway) -> None:
    told = explained(gateway, {"model": "embed", "input": CARD}, "embeddings").text
    assert "Rule 'embeddings'" in told
    assert "found: card" in told
    wrong = explained(gateway, {"model": "embed", "input": CARD}, "vectors")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "surface")


def test_the_command_explains_any_surface(tmp_path: Path, here: InProcess) -> None:
    (tmp_path / "gateway.yaml").write_text(json.dumps(configuration(here.stands[0].base_url)))
    (tmp_path / "body.json").write_text(json.dumps({"model": "embed", "input": ["a", "b"]}))
    files = ["-c", str(tmp_path / "gateway.yaml"), "-f", str(tmp_path / "body.json")]
    done = CliRunner().invoke(main, ["explain", *files, "--surface", "embeddings"])
    assert done.exit_code == 0, done.output
    assert "Rule 'embeddings'" in done.output
    as_chat = CliRunner().invoke(main, ["explain", *files])
    assert as_chat.exit_code != 0
    assert "messages" in as_chat.output


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"name": "a", "when": {"surface": ["embeddings"]}, "require": {"deployments": ["chat"]}}], "rule 'a' has no candidate"),
        ([{"name": "a", "when": {"surface": ["chat.completions", "messages", "messages.count_tokens", "completions", "embeddings"]}}], "rule 'b'"),
    ],
    ids=["nobody serves it", "the last rule is never reached"],
)  # fmt: skip
def test_the_check_knows_surfaces(tmp_path: Path, here: InProcess, rules: list[Any], expected: str) -> None:
    config = configuration(here.stands[0].base_url)
    config["policy"] = {"rules": [*rules, {"name": "b"}]}
    (tmp_path / "gateway.yaml").write_text(json.dumps(config))
    done = CliRunner().invoke(main, ["check", "-c", str(tmp_path / "gateway.yaml")])
    assert expected in done.output


def test_another_vendors_surface_is_refused(tmp_path: Path, here: InProcess) -> None:
    config = configuration(here.stands[0].base_url)
    config["deployments"]["claude"] = deployment(
        here.stands[0].base_url, "m", provider="anthropic", surfaces=["embeddings"], price=PRICE
    )
    (tmp_path / "gateway.yaml").write_text(json.dumps(config))
    done = CliRunner().invoke(main, ["check", "-c", str(tmp_path / "gateway.yaml")])
    assert done.exit_code == 1
    assert "deployments.claude.surfaces[0]" in done.output


def test_embeddings_do_not_teach_how_a_deployment_generates(gateway: InProcessGateway) -> None:
    for _ in range(10):
        assert post(gateway, "completions", model="everything", prompt="x").status_code == 200
    before = settled(gateway)
    for _ in range(20):
        assert post(gateway, "embeddings", model="everything", input="x").status_code == 200
    after = settled(gateway)
    assert after["output_tokens"] == before["output_tokens"] > 0
    assert after["latency"]["samples"] == before["latency"]["samples"] > 0


def settled(gateway: InProcessGateway) -> dict[str, Any]:
    """What is known once it has been looked at: what an answer taught is worked out up to a second later."""
    for _ in range(2):
        gateway.virtual.sleep(1.5)
        (found,) = gateway.client().get("/admin/deployments", params={"name": "everything"}).json()["record"]
    return found["reading"]  # type: ignore[no-any-return]


def test_the_journal_of_all_surfaces_can_be_replayed_and_simulated(here: InProcess, tmp_path: Path) -> None:
    config = configuration(here.stands[0].base_url)
    many = [f"text {at}" for at in range(5000)]
    with InProcessGateway(here.virtual, tmp_path, config, {}) as gateway:
        ids = []
        for at in range(12):
            for path, body, _ in ASKED:
                ids.append(post(gateway, path, **body).headers["x-gateway-decision"])
            if at < 2:
                ids.append(post(gateway, "embeddings", model="embed", input=many).headers["x-gateway-decision"])
        post(gateway, "embeddings", model="chat", input="x")
        for one in ids:
            gateway.decision(one)
    command = [sys.executable, "-m", "gateway"]
    files = ["-c", str(tmp_path / "gateway.yaml")]
    journal = ["--journal", str(tmp_path / "journal.db")]
    for ask in (["replay", *files, *journal], ["simulate", *files, *journal]):
        done = subprocess.run(
            [*command, *ask], check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (ask[0], done.stdout[-2000:], done.stderr[-3000:])
        assert "Traceback" not in done.stderr
