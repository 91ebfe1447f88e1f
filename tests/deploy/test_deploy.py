"""What `deploy/` holds is true of this version: it loads, its queries name metrics that exist, its manifests are valid."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.observe.metrics import Metrics
from gateway.providers.vendors import VENDORS
from gateway.settings import load
from gateway.values.outcome import Outcome
from tests.support.gateway import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
CHART = DEPLOY / "helm" / "gateway"
HELM = os.environ.get("HELM") or shutil.which("helm")
PROMTOOL = shutil.which("promtool")
KEYS = {"GATEWAY_APP_KEY": "a" * 20, "GATEWAY_OPERATOR_KEY": "b" * 20}
needs_helm = pytest.mark.skipif(HELM is None, reason="there is no helm on PATH nor in $HELM")


def known_names() -> set[str]:
    """Every name that /metrics can expose."""
    names: set[str] = set()
    for family in Metrics().registry.collect():
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


def test_the_configuration_loads() -> None:
    settings = load(str(DEPLOY / "gateway.yaml"), {**KEYS, "HOST": "0.0.0.0"}, frozenset(VENDORS))
    assert not settings.keyring.is_empty()


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


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool on PATH")
def test_prometheus_takes_the_rules() -> None:
    assert PROMTOOL is not None
    subprocess.run([PROMTOOL, "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")], check=True)


def template(*values: str) -> subprocess.CompletedProcess[str]:
    assert HELM is not None
    settings = [part for value in values for part in ("--set", value)]
    return subprocess.run([HELM, "template", "x", str(CHART), *settings], check=False, capture_output=True, text=True)


@needs_helm
def test_helm_lint() -> None:
    assert HELM is not None
    subprocess.run([HELM, "lint", "--strict", str(CHART)], check=True)


@needs_helm
@pytest.mark.parametrize(
    "values", [[], ["persistence.enabled=true"], ["policy.rules[0].name=all", "serviceMonitor.enabled=true"]]
)
def test_helm_makes_strict_manifests_and_a_configuration_that_loads(values: list[str], tmp_path: Path) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    done = template(*values)
    assert done.returncode == 0, done.stderr
    manifests: list[dict[str, Any]] = [one for one in yaml.safe_load_all(done.stdout) if one]
    for manifest in manifests:
        if manifest["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(manifest, "1.30", strict=True)
    (config,) = [one["data"] for one in manifests if one["kind"] == "ConfigMap"]
    for name, text in config.items():
        (tmp_path / name).write_text(text)
    assert load(str(tmp_path / "gateway.yaml"), {**KEYS, "HOST": "0.0.0.0"}, frozenset(VENDORS))


@needs_helm
def test_helm_refuses_unknown_values() -> None:
    done = template("replicaCount=2")
    assert done.returncode != 0
    assert "replicaCount" in done.stderr
