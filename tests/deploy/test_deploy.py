"""What `deploy/` holds is true of this version: it loads, its queries name metrics that exist, its manifests are valid."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway.app import load_plan
from gateway.observe.credentials import CredentialsStand
from gateway.observe.hardware import OwnHardware
from gateway.observe.metrics import Metrics
from gateway.observe.policy import policy_families
from gateway.providers.vendors import OFFERS
from gateway.settings import Settings, load
from gateway.values.outcome import Outcome
from tests.support.gateway import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
CHART = DEPLOY / "helm" / "gateway"
HELM = os.environ.get("HELM") or shutil.which("helm")
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
KEYS = {"GATEWAY_APP_KEY": "a" * 20, "GATEWAY_OPERATOR_KEY": "b" * 20}
needs_helm = pytest.mark.skipif(HELM is None, reason="there is no helm on PATH nor in $HELM")


def known_names() -> set[str]:
    """Every name that /metrics can expose."""
    names = {family.name for family in policy_families().values()}
    read = (*OwnHardware(dict).collect(), *CredentialsStand(dict, float).collect())
    for family in (*Metrics().registry.collect(), *read):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


def queries() -> dict[str, str]:
    found: dict[str, str] = {}
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "gateway.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            found[rule["alert"]] = rule["expr"]
    return found


@pytest.mark.parametrize(("title", "query"), queries().items(), ids=queries().keys())
def test_queries_name_metrics_and_outcomes_that_exist(title: str, query: str) -> None:
    assert set(re.findall(r"gateway_\w+", query)) <= known_names(), title
    outcomes = {outcome.value for outcome in Outcome}
    for words in re.findall(r'outcome[!=]~?"([^"]+)"', query):
        assert set(words.split("|")) <= outcomes, title


def test_the_configuration_is_valid() -> None:
    settings = load(str(DEPLOY / "gateway.yaml"), {**KEYS, "HOST": "0.0.0.0"}, OFFERS)
    assert load_plan(settings).rules
    assert not settings.keyring.is_empty()


def test_the_configuration_is_valid_with_what_its_comments_offer(tmp_path: Path) -> None:
    text = (DEPLOY / "gateway.yaml").read_text()
    text = re.sub(r"^( *)# (?=(?: *[a-z_]+:|vendor:| *- ))", r"\1", text, flags=re.MULTILINE)
    text = text.replace("deployments: [worker]", "deployments: [worker, vendor]")
    (tmp_path / "deploy").mkdir()
    file = tmp_path / "deploy" / "gateway.yaml"
    file.write_text(text)
    settings = load(str(file), {**KEYS, "HOST": "0.0.0.0", "OPENAI_API_KEY": "c" * 20}, OFFERS)
    assert set(settings.catalogue.deployments) == {"worker", "vendor"}
    assert len(load_plan(settings).rules) > 1


def test_compose_fits_its_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, str(DEPLOY / "compose.yaml")], check=False, capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_compose_mounts_and_builds_is_there() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), source
    build = compose["services"]["gateway"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).exists()


def test_the_images_context_holds_what_is_copied() -> None:
    """The ignore file lists what may pass; nothing that the Containerfile copies may be missing."""
    allowed = re.findall(r"^!(.+)$", (DEPLOY / "Containerfile.dockerignore").read_text(), re.MULTILINE)
    copies = re.findall(r"^COPY (?!--from)(.+)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    sources = {source for line in copies for source in line.split()[:-1]}
    assert sources == set(allowed)
    assert all((REPOSITORY / source).exists() for source in sources)


def test_every_alert_has_a_test() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    tests = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert {rule["alert"] for group in rules["groups"] for rule in group["rules"]} == fired


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool on PATH nor in $PROMTOOL")
@pytest.mark.parametrize("command", [["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]])
def test_prometheus_takes_the_rules_and_they_fire_when_they_should(command: list[str]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *command], check=False, capture_output=True, text=True, cwd=DEPLOY / "prometheus")
    assert done.returncode == 0, done.stdout + done.stderr


def template(*options: str) -> subprocess.CompletedProcess[str]:
    assert HELM is not None
    return subprocess.run([HELM, "template", "x", str(CHART), *options], check=False, capture_output=True, text=True)


def manifests(*options: str) -> dict[str, dict[str, Any]]:
    """What the chart makes, by kind; each valid for Kubernetes to the letter."""
    done = template(*options)
    assert done.returncode == 0, done.stderr
    made = {one["kind"]: one for one in yaml.safe_load_all(done.stdout) if one}
    for kind, manifest in made.items():
        if kind != "ServiceMonitor":  # no part of Kubernetes itself
            kubernetes_validate.validate(manifest, "1.30", strict=True)
    return made


def loads(config_map: dict[str, Any], directory: Path) -> Settings:
    for name, text in config_map["data"].items():
        (directory / name).write_text(text)
    return load(str(directory / "gateway.yaml"), {**KEYS, "HOST": "0.0.0.0"}, OFFERS)


@pytest.fixture
def own(tmp_path: Path) -> list[str]:
    """An operator's configuration and policy, as options of helm."""
    (tmp_path / "own.yaml").write_text((DEPLOY / "gateway.yaml").read_text() + "policy: policy.yaml\n")
    policy = REPOSITORY / "policies" / "sensitive-stays-home.yaml"
    return ["--set-file", f"config={tmp_path / 'own.yaml'}", "--set-file", f"policy={policy}"]


@needs_helm
def test_helm_lint() -> None:
    assert HELM is not None
    subprocess.run([HELM, "lint", "--strict", str(CHART)], check=True)


@needs_helm
def test_helm_makes_a_pod_that_can_start_and_stop(tmp_path: Path) -> None:
    made = manifests()
    assert set(made) == {"Deployment", "Service", "ServiceAccount", "ConfigMap"}
    settings = loads(made["ConfigMap"], tmp_path)
    pod = made["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    writable = [volume["name"] for volume in pod["volumes"] if "emptyDir" in volume]
    assert mounts[env["GATEWAY_STATE_DIR"]] in writable
    assert Path(env["GATEWAY_CONFIG"]).parent.as_posix() in mounts
    taken_out = int(re.search(r"sleep\((\d+)\)", str(container["lifecycle"])).group(1))  # type: ignore[union-attr]
    assert taken_out + settings.server.drain_s < pod["terminationGracePeriodSeconds"]


@needs_helm
def test_helm_takes_an_operators_files_whole(own: list[str], tmp_path: Path) -> None:
    made = manifests(*own)
    settings = loads(made["ConfigMap"], tmp_path)
    assert settings.catalogue.deployments["worker"].model == "Qwen/Qwen2.5-0.5B-Instruct"
    assert len(load_plan(settings).rules) > 1


@needs_helm
def test_a_changed_configuration_makes_new_pods_and_a_changed_policy_does_not(own: list[str], tmp_path: Path) -> None:
    """The gateway itself reads a changed policy, and refuses a broken one without stopping."""

    def pod() -> dict[str, Any]:
        return manifests(*own[:2], "--set-file", f"policy={tmp_path / 'p.yaml'}")["Deployment"]["spec"]["template"]

    (tmp_path / "p.yaml").write_text("rules: [{name: a}]")
    before = pod()
    (tmp_path / "p.yaml").write_text("rules: [{name: b}]")
    assert pod() == before
    with (tmp_path / "own.yaml").open("a") as file:
        file.write("journal: {keep: 7}\n")
    assert pod() != before


@needs_helm
def test_helm_options(own: list[str]) -> None:
    made = manifests(*own, "--set", "persistence.enabled=true,serviceMonitor.enabled=true")
    assert made["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    (endpoint,) = made["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in made["Service"]["spec"]["ports"]]
    wanted = made["ServiceMonitor"]["spec"]["selector"]["matchLabels"].items()
    assert wanted <= made["Service"]["metadata"]["labels"].items()
    claim = {"name": "state", "persistentVolumeClaim": {"claimName": made["PersistentVolumeClaim"]["metadata"]["name"]}}
    assert claim in made["Deployment"]["spec"]["template"]["spec"]["volumes"]


@needs_helm
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("replicaCount=2", "replicaCount"),
        ("replicas=2,persistence.enabled=true", "/replicas"),  # they would share one journal's file
        ("policy=rules", "policy: policy.yaml"),
        ("config=policy: policy.yaml", "--set-file policy=FILE"),
        ("config=deployments: {", "config: error converting YAML"),
    ],
)
def test_helm_refuses_values_that_cannot_work(values: str, said: str) -> None:
    done = template("--set", values)
    assert done.returncode != 0
    assert said in done.stderr
