"""The published schemas, as an editor uses them: with a validator and a YAML reader that are not ours."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.routing.document import Policy
from gateway.settings import GatewayFile, default_text, schema

GATEWAY, POLICY = schema(GatewayFile, "Gateway configuration"), schema(Policy, "Gateway policy")
BENCH = Path(__file__).parent.parent / "benchmarks" / "gateway.yaml"


def is_valid(made: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(made).is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("made", [GATEWAY, POLICY], ids=["gateway", "policy"])
def test_it_is_a_schema_in_json(made: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(made)
    assert json.loads(json.dumps(made)) == made
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["title"].startswith("Gateway ")


def test_every_section_refuses_unknown_fields() -> None:
    for made in (GATEWAY, POLICY):
        sections = [one for one in made["$defs"].values() if "properties" in one]
        assert sections
        assert all(one["additionalProperties"] is False for one in sections)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (GATEWAY, default_text("gateway.yaml")),
        (POLICY, default_text("policy.yaml")),
        (GATEWAY, BENCH.read_text()),
        (GATEWAY, "{deployments: {}}"),
        (POLICY, "rules: [{name: a, when: {model: [b], tags: {c: d}, stream: true}, limits: {deadline_s: 0.5}}]"),
    ],
    ids=["default gateway", "default policy", "bench", "least", "policy"],
)
def test_accepted(made: dict[str, Any], text: str) -> None:
    assert is_valid(made, text)


GOOD = "{provider: vllm, base_url: 'http://h/v1', model: m, hosting: self_hosted"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "deployments: []",
        "deployments: {a: {}}",
        "deployments: {a: {provider: vllm, model: m}}",
        "{deployments: {}, polcy: p}",
        "{deployments: {}, policy: 5}",
        "{deployments: {}, server: {port: 65536}}",
        "{deployments: {}, server: {port: '80'}}",
        "{deployments: {}, server: {prt: 80}}",
        "{deployments: {}, journal: {keep: 0}}",
        "{deployments: {}, models: {a: {deployments: []}}}",
        "{deployments: {}, models: {a: {}}}",
        "{deployments: {}, keys: {a: {team: b}}}",
        "{deployments: {}, keys: {a: {secret: b, role: root}}}",
        f"deployments: {{a: {GOOD}, clearence: public}}}}",
        f"deployments: {{a: {GOOD}, clearance: secret}}}}",
        f"deployments: {{a: {GOOD}, capabilities: [flying]}}}}",
        f"deployments: {{a: {GOOD}, context_tokens: 0}}}}",
        f"deployments: {{a: {GOOD}, timeouts: {{idle_s: 0}}}}}}",
        f"deployments: {{a: {GOOD}, price: {{input_usd_per_mtok: 1}}}}}}",
        f"deployments: {{a: {GOOD}, embedded: {{slots: 17}}}}}}",
    ],
)
def test_broken_configurations_are_refused(text: str) -> None:
    assert is_valid(GATEWAY, f"deployments: {{a: {GOOD}}}}}")
    assert not is_valid(GATEWAY, text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "rules: []",
        "rules: {a: b}",
        "rules: [{}]",
        "rules: [{name: ''}]",
        "rules: [{name: a b}]",
        "rules: [{name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]",
        "rules: [{name: 5}]",
        "rules: [{name: a, wen: {}}]",
        "rules: [{name: a, when: {model: b}}]",
        "rules: [{name: a, when: {model: []}}]",
        "rules: [{name: a, when: {tags: {b: 1}}}]",
        "rules: [{name: a, when: {sensitivity: [secret]}}]",
        "rules: [{name: a, when: {needs: [flying]}}]",
        "rules: [{name: a, when: {stream: 'yes'}}]",
        "rules: [{name: a, when: {min_prompt_tokens: -1}}]",
        "rules: [{name: a, require: {hosting: mine}}]",
        "rules: [{name: a, prefer: {ordr: [b]}}]",
        "rules: [{name: a, limits: {max_attempts: 0}}]",
        "rules: [{name: a, limits: {max_attempts: 11}}]",
        "rules: [{name: a, limits: {max_cost_usd: 0}}]",
        "rules: [{name: a, fallback: {also_on: [unauthorized]}}]",
        "{rules: [{name: a}], version: 1}",
    ],
)
def test_broken_policies_are_refused(text: str) -> None:
    assert is_valid(POLICY, "rules: [{name: a}]")
    assert not is_valid(POLICY, text)
