"""The published schemas, as an editor uses them: with a validator and a YAML reader that are not ours.

What the schema refuses, the gateway refuses, too.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.documents import load_struct, parse
from gateway.insight.world import World
from gateway.routing.document import Policy
from gateway.settings import GatewayFile, default_text, schema
from gateway.values.problem import InvalidDocument

GATEWAY, POLICY = schema(GatewayFile, "Gateway configuration"), schema(Policy, "Gateway policy")
WORLD = schema(World, "Gateway simulation world")
REPOSITORY = Path(__file__).parent.parent
REFERENCE = REPOSITORY / "docs" / "reference"
CONFIGURATIONS = [
    *sorted((REPOSITORY / "policies").glob("*.yaml")),
    REPOSITORY / "benchmarks" / "gateway.yaml",
    REPOSITORY / "deploy" / "gateway.yaml",
    REPOSITORY / "gateway" / "defaults" / "gateway.yaml",
]


def is_valid(made: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(made).is_valid(yaml.safe_load(text))


def is_refused(kind: type[Any], text: str) -> bool:
    """By our own reader."""
    try:
        document = parse(text, "file")
    except InvalidDocument:
        return True
    return bool(load_struct(document, kind)[1])


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: file.stem)
def test_every_configuration_here_is_valid_by_the_published_file(file: Path) -> None:
    published = json.loads((REFERENCE / "gateway.schema.json").read_text())
    errors = Draft202012Validator(published).iter_errors(yaml.safe_load(file.read_text()))
    assert [error.message for error in errors] == []


def test_every_policy_here_is_valid_by_the_published_file_and_an_independent_program() -> None:
    """`check-jsonschema` reads the YAML and the schema as a continuous integration would."""
    program = [sys.executable, "-m", "check_jsonschema", "--schemafile"]
    both = [*program, str(REFERENCE / "gateway.schema.json"), *map(str, CONFIGURATIONS)]
    assert subprocess.run(both, check=False, capture_output=True).returncode == 0
    policy = REPOSITORY / "gateway" / "defaults" / "policy.yaml"
    assert subprocess.run([*program, str(REFERENCE / "policy.schema.json"), str(policy)], check=False).returncode == 0


@pytest.mark.parametrize(("name", "made"), [("gateway", GATEWAY), ("policy", POLICY), ("world", WORLD)])
def test_what_is_published_is_what_the_gateway_reads_by(name: str, made: dict[str, Any]) -> None:
    assert json.loads((REFERENCE / f"{name}.schema.json").read_text()) == made


@pytest.mark.parametrize("made", [GATEWAY, POLICY, WORLD], ids=["gateway", "policy", "world"])
def test_it_is_a_schema_in_json(made: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(made)
    assert json.loads(json.dumps(made)) == made
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["title"].startswith("Gateway ")


def test_every_section_refuses_unknown_fields() -> None:
    for made in (GATEWAY, POLICY, WORLD):
        sections = [one for one in made["$defs"].values() if "properties" in one]
        assert sections
        assert all(one["additionalProperties"] is False for one in sections)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (GATEWAY, default_text("gateway.yaml")),
        (POLICY, default_text("policy.yaml")),
        (GATEWAY, "{deployments: {}}"),
        (POLICY, "rules: [{name: a, when: {model: [b], tags: {c: d}, stream: true}, limits: {deadline_s: 0.5}}]"),
    ],
    ids=["default gateway", "default policy", "least", "policy"],
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
    assert is_refused(GatewayFile, text)


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
        "rules: [{name: a, when: {found: [emails]}}]",
        "rules: [{name: a, when: {any: []}}]",
        "rules: [{name: a, when: {not: {wen: 1}}}]",
        "rules: [{name: a, when: {time: {start: '24:00'}}}]",
        "rules: [{name: a, when: {time: {days: [monday]}}}]",
        "rules: [{name: a, slo: {total: {under_s: 0}}}]",
        "rules: [{name: a, slo: {total: {under_s: 1, percentile: 75}}}]",
        "rules: [{name: a, prefer: {weights: {}}}]",
        "rules: [{name: a, prefer: {objective: price}}]",
        "rules: [{name: a, prefer: {objective: {price: 1}}}]",
        "rules: [{name: a, prefer: {explore: 0.5}}]",
        "rules: [{name: a, limits: {hedge: {share: 0}}}]",
        "rules: [{name: a, fallback: {not_on: [bad_request]}}]",
        "rules: [{name: a, fallback: {retries: 6}}]",
        "rules: [{name: a, privacy: {refuse: 'yes'}}]",
        "rules: [{name: a, priority: urgent}]",
        "rules: [{name: a, count_tokens: guess}]",
        "{rules: [{name: a}], detection: {kinds: [face]}}",
        "{rules: [{name: a}], detection: {if_it_fails: secret}}",
    ],
)
def test_broken_policies_are_refused(text: str) -> None:
    assert is_valid(POLICY, "rules: [{name: a}]")
    assert not is_valid(POLICY, text)
    assert is_refused(Policy, text)
