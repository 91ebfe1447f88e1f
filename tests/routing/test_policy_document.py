"""A policy is taken whole or refused whole: every problem at its place, with what was expected and the nearest name."""

from pathlib import Path

import pytest

from gateway.app import load_plan
from gateway.providers.vendors import OFFERS
from gateway.routing.plan import Plan
from gateway.settings import Settings, load
from gateway.values.problem import InvalidDocument, Problem

CONFIGURATION = """\
deployments:
  vllm-a: {provider: vllm, base_url: 'http://127.0.0.1:1/v1', model: m, hosting: self_hosted}
  vllm-b: {provider: vllm, base_url: 'http://127.0.0.1:2/v1', model: m, hosting: self_hosted}
models:
  chat: {deployments: [vllm-a, vllm-b]}
policy: policy.yaml
"""


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    directory: Path = tmp_path_factory.mktemp("policy")
    (directory / "gateway.yaml").write_text(CONFIGURATION)
    (directory / "policy.yaml").write_text("rules: [{name: replaced-by-each-test}]")
    return load(str(directory / "gateway.yaml"), {}, OFFERS)


def plan_of(configured: Settings, text: str) -> Plan:
    assert configured.policy.path is not None
    configured.policy.path.write_text(text)
    return load_plan(configured)


def refused(configured: Settings, text: str) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        plan_of(configured, text)
    assert {problem.file for problem in caught.value.problems} == {configured.policy.file}
    return caught.value.problems


def rule(line: str) -> str:
    """One rule, with `line` on line 3 at column 5, and a last rule that is good."""
    return f"rules:\n  - name: first\n    {line}\n  - name: last\n"


ASKABLE, DEPLOYMENT = "a model or deployment of the catalogue", "a deployment of the catalogue"
LEVELS = "one of confidential, internal, public, restricted"
RULE_FIELDS = "one of count_tokens, description, fallback, limits, name, prefer, priority, privacy, require, slo, when"
REFUSALS = "one of bad_request, content_policy, context_too_long"

# text, place, path, expected (from its start), found (within it), hint (the name it gives)
BROKEN = [
    ("", (1, 1), "", "a mapping at the top", "nothing", None),
    ("- name: a", (1, 1), "", "a mapping at the top", "something else", None),
    ("rules: [{name: a}", (1, 18), "", "valid YAML", "", None),
    ("description: x", (1, 1), "rules", "the required field 'rules'", "nothing", None),
    ("rules:", (1, 1), "rules", "a list", "null", None),
    ("rules: []", (1, 1), "rules", "at least 1 entry", "an empty list", None),
    ("rules: {name: a}", (1, 1), "rules", "a list", "a mapping", None),
    ("rules: [first]", (1, 9), "rules[0]", "a mapping", "text", None),
    ("rules: [{}]", (1, 9), "rules[0].name", "the required field 'name'", "nothing", None),
    ("rules: [{name: no}, {name: 5}]", (1, 22), "rules[1].name", "text", "5", None),
    ("rules: [{name: a b}]", (1, 10), "rules[0].name", "text like night-batches (^[A-Za-z0-9._-]+$)", "'a b'", None),
    ('rules: [{name: "a\\n"}]', (1, 10), "rules[0].name", "text like", r"'a\n'", None),
    (f"rules: [{{name: {'a' * 65}}}]", (1, 10), "rules[0].name", "at most 64 characters", "'aaa", None),
    ("rule: 1\nrules: [{name: a}]", (1, 1), "rule", "one of description, detection, rules", "'rule'", "rules"),
    (rule("name: again"), (3, 5), "rules[0].name", "a name that stands once", "'name' again", None),
    (rule("wen: {stream: true}"), (3, 5), "rules[0].wen", RULE_FIELDS, "'wen'", "when"),
    (rule("when: {modle: [chat]}"), (3, 12), "rules[0].when.modle", "one of all, any, batch, found, key, max_output_tokens, m", "'modle'", "model"),
    (rule("when: {model: chat}"), (3, 12), "rules[0].when.model", "a list", "text", None),
    (rule("when: {model: []}"), (3, 12), "rules[0].when.model", "at least 1 entry", "an empty list", None),
    (rule("when: {model: [chat, caht]}"), (3, 26), "rules[0].when.model[1]", ASKABLE, "'caht'", "chat"),
    (rule("when: {model: [vllm-c]}"), (3, 20), "rules[0].when.model[0]", ASKABLE, "'vllm-c'", "vllm-b"),
    (rule("when: {tags: {a: 1}}"), (3, 19), "rules[0].when.tags.a", "text or a list", "1", None),
    (rule("when: {sensitivity: [public, secret]}"), (3, 34), "rules[0].when.sensitivity[1]", LEVELS, "'secret'", None),
    (rule("when: {needs: [tool]}"), (3, 20), "rules[0].when.needs[0]", "one of audio, forced_tools", "'tool'", "tools"),
    (rule("when: {stream: yes}"), (3, 12), "rules[0].when.stream", "true or false", "'yes'", None),
    (rule("when: {min_prompt_tokens: -1}"), (3, 12), "rules[0].when.min_prompt_tokens", "at least 0", "-1", None),
    (rule("when: {max_prompt_tokens: 1.5}"), (3, 12), "rules[0].when.max_prompt_tokens", "a whole number", "1.5", None),
    (rule("require: {hosting: self}"), (3, 15), "rules[0].require.hosting", "one of commercial, self_hosted", "'self'", None),
    (rule("require: {clearance: publik}"), (3, 15), "rules[0].require.clearance", LEVELS, "'publik'", "public"),
    (rule("require: {region: eu}"), (3, 15), "rules[0].require.region", "a list", "text", None),
    (rule("require: {deployments: [chat]}"), (3, 29), "rules[0].require.deployments[0]", DEPLOYMENT, "'chat'", None),
    (rule("require: {deployments: [vlm-a]}"), (3, 29), "rules[0].require.deployments[0]", DEPLOYMENT, "'vlm-a'", "vllm-a"),
    (rule("prefer: {ordr: [vllm-a]}"), (3, 14), "rules[0].prefer.ordr", "one of explore, objective, order, split_by, weights", "'ordr'", "order"),
    (rule("prefer: {order: [vllm-a, vllmb]}"), (3, 30), "rules[0].prefer.order[1]", DEPLOYMENT, "'vllmb'", "vllm-b"),
    (rule("limits: {max_attempts: 0}"), (3, 14), "rules[0].limits.max_attempts", "at least 1", "0", None),
    (rule("limits: {max_attempts: 11}"), (3, 14), "rules[0].limits.max_attempts", "at most 10", "11", None),
    (rule("limits: {deadline_s: 0}"), (3, 14), "rules[0].limits.deadline_s", "more than 0", "0", None),
    (rule("limits: {deadline_s: 86401}"), (3, 14), "rules[0].limits.deadline_s", "at most 86400", "86401", None),
    (rule("limits: {max_cost_usd: -0.5}"), (3, 14), "rules[0].limits.max_cost_usd", "more than 0", "-0.5", None),
    (rule("limits: {max_cost_usd: free}"), (3, 14), "rules[0].limits.max_cost_usd", "a number", "'free'", None),
    (rule("fallback: {also_on: [bad_requests]}"), (3, 26), "rules[0].fallback.also_on[0]", REFUSALS, "'bad_requests'", "bad_request"),
    (rule("when: {tags: {a: []}}"), (3, 19), "rules[0].when.tags.a", "at least 1 entry", "an empty list", None),
    (rule("when: {found: [emial]}"), (3, 20), "rules[0].when.found[0]", "one of api_key, card", "'emial'", "email"),
    (rule("when: {not: {modle: [chat]}}"), (3, 18), "rules[0].when.not.modle", "one of all, any", "'modle'", "model"),
    (rule("when: {any: [{model: [caht]}]}"), (3, 27), "rules[0].when.any[0].model[0]", ASKABLE, "'caht'", "chat"),
    (rule("when: {time: {start: '25:00'}}"), (3, 19), "rules[0].when.time.start", "text like", "'25:00'", None),
    (rule(r'when: {time: {end: "07:00\n"}}'), (3, 19), "rules[0].when.time.end", "text like 07:30", r"'07:00\n'", None),
    (rule("when: {time: {timezone: Europe/Berln}}"), (3, 19), "rules[0].when.time.timezone", "an IANA time zone", "'Europe/Berln'", "Europe/Berlin"),
    (rule("slo: {}"), (3, 5), "rules[0].slo", "at least one of first_output", "none", None),
    (rule("slo: {total: {under_s: 1, percentile: 80}}"), (3, 31), "rules[0].slo.total.percentile", "one of 50, 90, 95, 99", "80", None),
    (rule("slo: {total: {under_s: 1}, return_burn: 5}"), (3, 32), "rules[0].slo.return_burn", "less than pass_over_burn", "5", None),
    (rule("prefer: {order: [vllm-a, vllm-b, vllm-a]}"), (3, 38), "rules[0].prefer.order[2]", "each name once", "'vllm-a' again", None),
    (rule("fallback: {to: [vllm-a, vllm-a]}"), (3, 29), "rules[0].fallback.to[1]", "each name once", "'vllm-a' again", None),
    (rule("prefer: {order: [vllm-a], objective: cost}"), (3, 5), "rules[0].prefer", "at most one of order", "order and objective", None),
    (rule("prefer: {weights: {vllm-a: 0}}"), (3, 14), "rules[0].prefer.weights", "at least one weight above 0", "none", None),
    (rule("prefer: {weights: {vllm-c: 1}}"), (3, 24), "rules[0].prefer.weights.vllm-c", DEPLOYMENT, "'vllm-c'", "vllm-b"),
    (rule("prefer: {objective: {cost: 0}}"), (3, 14), "rules[0].prefer.objective", "at least one part above 0", "none", None),
    (rule("prefer: {objective: cots}"), (3, 14), "rules[0].prefer.objective", "one of cost, latency", "'cots'", "cost"),
    (rule("prefer: {objective: {cots: 1, cost: 1}}"), (3, 26), "rules[0].prefer.objective.cots", "one of cost, latency", "'cots'", "cost"),
    (rule("prefer: {objective: 5}"), (3, 14), "rules[0].prefer.objective", "", "5", None),
    (rule("fallback: {to: [chat, caht]}"), (3, 27), "rules[0].fallback.to[1]", ASKABLE, "'caht'", "chat"),
    (rule("privacy: {refuse: yes}"), (3, 15), "rules[0].privacy.refuse", "true or false", "'yes'", None),
    ("rules:\n- name: a\n- name: b\n- name: a\n", (4, 3), "rules[2].name", "a name that no other rule has", "'a'", None),
    ("rules:\n- name: a\n  when: {stream: true}\n", (3, 3), "rules[0].when", "the last rule to match every request", "conditions", None),
    ("rules:\n- name: a\n- name: b\n  when: {stream: false}", (4, 3), "rules[1].when", "the last rule to match every request", "conditions", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "path", "expected", "found", "name"), BROKEN)
def test_broken(
    configured: Settings,
    text: str,
    place: tuple[int, int],
    path: str,
    expected: str,
    found: str,
    name: str | None,
) -> None:
    (problem,) = refused(configured, text)
    assert ((problem.line, problem.column), problem.path) == (place, path)
    assert problem.expected.startswith(expected)
    assert found in (problem.found or "")
    assert problem.hint == (name and f"did you mean {name!r}?")


MANY_OF_MEANING = """\
rules:
  - name: a
    prefer: {order: [x]}
    require: {deployments: [y, vllm-a, z]}
    when: {model: [q]}
  - name: a
  - name: a
    prefer: {order: [chat]}
    when: {stream: true}
"""


def test_all_problems_of_meaning_in_the_order_of_the_file(configured: Settings) -> None:
    assert [(problem.line, problem.path) for problem in refused(configured, MANY_OF_MEANING)] == [
        (3, "rules[0].prefer.order[0]"),
        (4, "rules[0].require.deployments[0]"),
        (4, "rules[0].require.deployments[2]"),
        (5, "rules[0].when.model[0]"),
        (6, "rules[1].name"),
        (7, "rules[2].name"),
        (8, "rules[2].prefer.order[0]"),
        (9, "rules[2].when"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{name: a}]",
        "rules: [{name: a, when: {}}]",
        "rules: [{name: a, when: {model: [chat, vllm-b]}}, {name: b}]",
        "rules: [{name: a, when: {any: [{stream: true}, {not: {session: true}}], all: [{key: [x]}]}}, {name: b}]",
        "rules: [{name: a, when: {time: {days: [sat], start: '22:00', end: '06:00', timezone: Asia/Shanghai}}}, {name: b}]",
        "rules: [{name: a, slo: {first_output: {under_s: 1}}, prefer: {objective: {cost: 1, latency: 2}}}]",
        "rules: [{name: a, prefer: {weights: {vllm-a: 1, vllm-b: 0}, split_by: session}, fallback: {to: [chat]}}]",
        "rules: [{name: no, require: {region: [no]}}]",
        "rules: [{name: a, require: {deployments: [vllm-a]}, prefer: {order: [vllm-b]}}]",
        "rules: [{name: a, when: {tags: {on: 'yes'}}}, {name: b, limits: {deadline_s: 5, max_attempts: 10}}]",
    ],
)
def test_good(configured: Settings, text: str) -> None:
    plan = plan_of(configured, text)
    assert plan.revision.startswith("1-")
    assert len(plan.rules) == text.count("name:")


def test_the_same_documents_are_the_same_revision(configured: Settings) -> None:
    texts = ["rules: [{name: a}]", "# said\nrules:\n- name: a\n", "rules: [{name: b}]"]
    first, same, other = (plan_of(configured, text).revision for text in texts)
    assert first == same != other
