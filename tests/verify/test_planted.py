"""Faults that were planted, one row each: found at their place, and their examples reproduce by deciding."""

from pathlib import Path

import msgspec
import pytest

from gateway.app import load_plan
from gateway.providers.vendors import OFFERS, SKILLS
from gateway.routing.decide import decide
from gateway.routing.plan import Plan
from gateway.settings import load, valid_policy
from gateway.settings.checking import Checked, ReportedProblem, check_files
from gateway.values.deployment import Capability
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Snapshot
from gateway.verify import FindingKind, verify

HEAD = """\
deployments:
  home: {provider: vllm, base_url: 'http://10.0.0.1/v1', model: m, hosting: self_hosted, region: eu, context_tokens: 8000,
         capabilities: [tools, json_object, json_schema]}
  home-2: {provider: vllm, base_url: 'http://10.0.0.1:81/v1', model: m, hosting: self_hosted, region: eu, context_tokens: 8000, capabilities: []}
  cloud: {provider: openai, base_url: 'https://a.example/v1', model: m, hosting: commercial, region: us, clearance: internal,
          capabilities: [tools, vision, audio, multiple_choices], max_output_tokens: 4000, context_tokens: 100000,
          price: {input_usd_per_mtok: 1, output_usd_per_mtok: 10}}
models:
  chat: {deployments: [home, cloud]}
  small: {deployments: [home]}
keys:
  shop: {secret: '${env:SHOP}', team: shop}
  hr: {secret: '${env:HR}', team: hr, sensitivity: confidential, models: [chat]}
"""
POLICY = len(HEAD.splitlines()) + 1  # the line of `policy:`


def policy(*rules: str, more: str = "") -> str:
    """The rules on the lines after `policy:` and `rules:`, and a last one that is good."""
    lines = "".join(f"  - {{name: r{index}, {rule}}}\n" for index, rule in enumerate(rules))
    return f"{HEAD}policy:\n  {more or 'description: planted'}\n  rules:\n{lines}  - {{name: last}}\n"


def checked(directory: Path, text: str) -> tuple[Checked, Plan]:
    file = directory / "gateway.yaml"
    file.write_text(text)
    return check_files(str(file), None, {}, SKILLS, OFFERS), load_plan(loaded(directory))


def loaded(directory: Path):
    return load(str(directory / "gateway.yaml"), {}, OFFERS, without_secrets=True)


def told_at(found: Checked, path: str, kind: str) -> ReportedProblem:
    matching = [one for one in found.problems if one.path == path and one.kind.value == kind]
    assert matching, [str(one) for one in found.problems]
    return matching[0]


# rules, kind, severity, path within the policy, part of the sentence
WEIGHTS = "prefer: {weights: {home: 1, cloud: 9}}"
PLANTED = {
    "no such request": (["when: {sensitivity: []}"], "never_matches", "warning", "rules[0].when", "no request that can be made"),
    "both ways at once": (["when: {stream: true, not: {stream: true}}"], "never_matches", "warning", "rules[0].when", "no request"),
    "an empty stretch": (["when: {min_prompt_tokens: 9, max_prompt_tokens: 8}"], "never_matches", "warning", "rules[0].when", "no request"),
    "no output at all": (["when: {max_output_tokens: 0}"], "never_matches", "warning", "rules[0].when", "no request"),
    "two formats of one answer": (["when: {needs: [json_object, json_schema]}"], "never_matches", "warning", "rules[0].when", "no request"),
    "an alternative that nothing meets": (
        ["when: {any: [{stream: true}, {team: [hr], sensitivity: [public]}]}"], "never_matches", "warning", "rules[0].when.any[1]", "meets this alternative",
    ),
    "a finding below its class": (["when: {found: [api_key], sensitivity: [public, internal]}"], "never_matches", "warning", "rules[0].when", "no request"),
    "a team above its floor": (["when: {team: [hr], sensitivity: [public]}"], "never_matches", "warning", "rules[0].when", "no request"),
    "a team that is not there": (["when: {team: [shop, shp]}"], "name", "warning", "rules[0].when.team[1]", "no key is of the team 'shp' (did you mean 'shop'?)"),
    "a key that is not there": (["when: {any: [{key: [nobody]}]}"], "name", "warning", "rules[0].when.any[0].key[0]", "no key is named 'nobody'"),
    "a tag that cannot be sent": (["when: {tags: {plan: 'not paid'}}"], "name", "warning", "rules[0].when.tags.plan", "no request can carry"),
    "shadowed by one": (["when: {team: [hr, shop]}", "when: {team: [hr], stream: true}"], "never_matches", "warning", "rules[1].when", "decided earlier, by 'r0'"),
    "shadowed by two together": (
        ["when: {min_prompt_tokens: 100}", "when: {max_prompt_tokens: 99}", "when: {tags: {a: b}}"],
        "never_matches", "warning", "rules[2].when", "decided earlier, by 'r0' and 'r1'",
    ),
    "a last rule with nothing left": (["when: {stream: true}", "when: {stream: false}"], "never_matches", "note", "rules[2]", "decided earlier"),
    "a region that nobody is in": (["when: {stream: true}, require: {region: [mars]}"], "always_refused", "error", "rules[0]", "the rule requires region mars"),
    "a ceiling below everything": (
        ["when: {sensitivity: [public]}, require: {known_price: true}, limits: {max_cost_usd: 1.0e-9}"],
        "always_refused", "error", "rules[0]", "the ceiling is 0.000000001 USD",
    ),
    "prompts longer than any context": (["when: {min_prompt_tokens: 100001}"], "always_refused", "error", "rules[0]", "its context holds"),
    "a ceiling that needs a limit of output": (
        ["when: {sensitivity: [public], model: [chat]}, require: {known_price: true}, limits: {max_cost_usd: 0.01}"],
        "no_candidate", "warning", "rules[0].limits.max_cost_usd", "without a limit of output tokens",
    ),
    "a model that is always refused": (
        ["when: {model: [chat, small]}, require: {hosting: commercial}"], "no_candidate", "warning", "rules[0].when.model[1]", "requests for 'small'",
    ),
    "a class without a place": (["require: {hosting: commercial}, when: {tags: {x: y}, model: [chat]}"], "no_candidate", "note", "rules[0]", "confidential or restricted requests"),
    "a need without a place": (["when: {sensitivity: [restricted]}"], "no_candidate", "note", "rules[0]", "requests that need vision or audio"),
    "a fallback that is there already": (["when: {model: [chat]}, fallback: {to: [cloud]}"], "fallback", "warning", "rules[0].fallback.to[0]", "already in the pool of every model"),
    "a fallback that is always left out": (
        ["when: {model: [small]}, require: {region: [eu]}, fallback: {to: [cloud]}"], "fallback", "warning", "rules[0].fallback.to[0]", "always left out (the rule requires region eu",
    ),
    "a fallback below the class": (
        ["when: {model: [small], sensitivity: [restricted]}, fallback: {to: [cloud]}"], "fallback", "warning", "rules[0].fallback.to[0]", "no request here may go there",
    ),
    "a fallback out of scope": (
        ["when: {key: [hr], model: [chat]}, fallback: {to: [home-2]}"], "fallback", "warning", "rules[0].fallback.to[0]", "no request here may go there",
    ),
    "a fallback on the same machine": (
        ["when: {model: [small]}, fallback: {to: [home-2]}"], "fallback", "warning", "rules[0].fallback.to[0]", "it is on the same host as all that is tried before it, 10.0.0.1",
    ),
    "a queue whose only way on is a last resort": (
        ["when: {model: [small]}, fallback: {to: [cloud]}"], "fallback", "note", "rules[0].fallback.to", "'home' can never spill over to 'cloud'",
    ),
    "a deadline that no queue passes": (
        ["prefer: {order: [home]}, limits: {deadline_s: 7200}, when: {stream: true}"], "limit", "warning", "rules[0].limits.deadline_s", "no stream spills over from 'home'",
    ),
    "refusals that move on to nobody": (["limits: {max_attempts: 1}, fallback: {also_on: [bad_request]}, when: {stream: true}"], "fallback", "warning", "rules[0].fallback.also_on", "there is no next attempt"),
    "a weight of one left out": ([f"require: {{region: [us]}}, when: {{stream: true, sensitivity: [public]}}, {WEIGHTS}"], "preference", "warning", "rules[0].prefer.weights.home", "no effect"),
    "an order of one not in the pool": (["when: {model: [small]}, prefer: {order: [home, cloud]}"], "preference", "warning", "rules[0].prefer.order[1]", "'cloud' can answer no request"),
    "a named one that is left out": (["when: {model: [chat, small]}, require: {deployments: [home, home-2]}"], "preference", "warning", "rules[0].require.deployments[1]", "'home-2' can answer no request"),
    "refusals that move on in a pool of one": (
        ["when: {model: [small]}, fallback: {also_on: [context_too_long]}"], "fallback", "warning", "rules[0].fallback.also_on", "no request of this rule has a second candidate",
    ),
    "failures that end what ends anyway": (["when: {stream: true}, limits: {max_attempts: 1}, fallback: {not_on: [truncated]}"], "fallback", "warning", "rules[0].fallback.not_on", "max_attempts is 1"),
    "retries of one attempt": (["when: {stream: true}, limits: {max_attempts: 1}, fallback: {retries: 3}"], "fallback", "warning", "rules[0].fallback.retries", "max_attempts is 1"),
    "a split of no weights": (["when: {model: [chat]}, prefer: {order: [cloud], split_by: session}"], "preference", "warning", "rules[0].prefer.split_by", "there are none"),
    "exploring without an objective": (["when: {model: [chat]}, prefer: {order: [cloud], explore: 0.1}"], "preference", "warning", "rules[0].prefer.explore", "there is none"),
    "the cheapest of those without a price": (["when: {model: [small]}, prefer: {objective: cost}"], "preference", "warning", "rules[0].prefer.objective", "has a price, so nobody has a score"),
    "the best of those without a quality": (["when: {model: [chat]}, prefer: {objective: {quality: 1, cost: 1}}"], "preference", "warning", "rules[0].prefer.objective", "has a price or a quality"),
    "an objective that some have no part in": (["when: {model: [chat]}, prefer: {objective: cost}"], "preference", "note", "rules[0].prefer.objective", "'home' has no price"),
    "a pace of streams without one": (["when: {stream: false}, slo: {output_token: {under_s: 1}}"], "objective", "warning", "rules[0].slo.output_token", "this rule decides none"),
    "an objective of streams without one": (["when: {stream: false}, slo: {first_output: {under_s: 1}}"], "objective", "warning", "rules[0].slo.first_output", "this rule decides none"),
    "an objective that nobody can miss": (["when: {stream: true}, slo: {total: {under_s: 90}}, limits: {deadline_s: 60}"], "objective", "note", "rules[0].slo.total", "no answer can take longer"),
    "a limit of streams without one": (["when: {stream: false}, limits: {first_output_s: 2}"], "limit", "warning", "rules[0].limits.first_output_s", "this rule decides none"),
    "a rate of streams without one": (["when: {stream: false}, limits: {min_output_tokens_per_s: 2}"], "limit", "warning", "rules[0].limits.min_output_tokens_per_s", "this rule decides none"),
    "a continuation without a stream": (["when: {stream: false}, fallback: {after_output: continue}"], "limit", "warning", "rules[0].fallback.after_output", "this rule decides none"),
    "a continuation of one attempt": (["when: {stream: true}, fallback: {after_output: continue}, limits: {max_attempts: 1}"], "limit", "warning", "rules[0].fallback.after_output", "max_attempts is 1"),
    "a continuation that no candidate can make": (
        ["when: {stream: true, model: [cloud]}, fallback: {after_output: continue, to: [home]}, require: {hosting: commercial}"], "limit", "warning",
        "rules[0].fallback.after_output", "that can go on with its answer (llama_cpp or vllm)",
    ),
    "a count that nobody makes": (["when: {model: [cloud]}, count_tokens: exact"], "limit", "warning", "rules[0].count_tokens", "counts tokens (anthropic or bedrock or bedrock_anthropic or gemini or llama_cpp or"),
    "a patience that the deployments do not have": (["when: {stream: true}, limits: {idle_s: 30}"], "limit", "note", "rules[0].limits.idle_s", "of 30 s at most, come before it"),
    "a refusal that says who may answer": (["when: {found: [email]}, privacy: {refuse: true}, require: {hosting: self_hosted}"], "refusal", "warning", "rules[0].require", "refuses all that it matches"),
    "a limit after the deadline": (["when: {stream: true}, limits: {idle_s: 20, deadline_s: 10}"], "limit", "warning", "rules[0].limits.idle_s", "the deadline of 10 s comes before it"),
    "a hedge of one attempt": (["when: {stream: true}, limits: {max_attempts: 1, hedge: {}}"], "limit", "warning", "rules[0].limits.hedge", "max_attempts is 1"),
    "a hedge of one candidate": (["when: {model: [small]}, limits: {hedge: {}}"], "limit", "warning", "rules[0].limits.hedge", "no request of this rule has a second"),
    "a hedge after the deadline": (["when: {model: [chat]}, limits: {deadline_s: 2, hedge: {after_s: 3}}"], "limit", "warning", "rules[0].limits.hedge.after_s", "comes before it"),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "kind", "severity", "path", "said"), PLANTED.values(), ids=PLANTED)
def test_planted(tmp_path: Path, rules: list[str], kind: str, severity: str, path: str, said: str) -> None:
    found, plan = checked(tmp_path, policy(*rules))
    told = told_at(found, f"policy.{path}", kind)
    assert told.severity.value == severity
    assert said in told.sentence
    index = int(path[len("rules[")])
    assert told.line == POLICY + 3 + index
    assert (told.column or 0) >= 5
    assert told.rule == (f"r{index}" if index < len(rules) else "last")
    for one in found.problems:
        reproduces(plan, one)


def reproduces(plan: Plan, told: ReportedProblem) -> None:
    """The request of an example is decided by the rule, and has no candidate."""
    if told.kind not in (FindingKind.NO_CANDIDATE, FindingKind.ALWAYS_REFUSED):
        return
    example = told.example
    assert example is not None
    decision = decide(plan, example.facts, Snapshot(example.at, {}), decision_id="d", seed=0)
    assert (decision.attempts, decision.refused) == ((), False)
    assert all(one.against for one in decision.candidates)
    assert told.rule in (None, decision.rule)


@pytest.mark.parametrize(
    "rule",
    [
        "when: {stream: true, model: [chat]}, fallback: {after_output: continue}, count_tokens: exact",  # to home, from cloud
        "when: {model: [small]}, fallback: {also_on: [context_too_long], to: [cloud], not_on: [truncated], retries: 2}",
        "when: {sensitivity: [public], model: [cloud]}, prefer: {objective: cost, explore: 0.1}",
        "when: {model: [chat]}, prefer: {weights: {home: 1, cloud: 1}, split_by: team}",
        "when: {stream: true}, limits: {idle_s: 29, first_output_s: 59, hedge: {}}, slo: {output_token: {under_s: 1}}",
        "when: {found: [email], stream: true}, privacy: {refuse: true}, count_tokens: exact, priority: low",
    ],
)
def test_no_false_alarm(tmp_path: Path, rule: str) -> None:
    found, _ = checked(tmp_path, policy(rule))
    about_classes = (FindingKind.NO_CANDIDATE, FindingKind.SECRET, FindingKind.UNREACHABLE, FindingKind.DETECTION)
    assert [str(one) for one in found.problems if one.kind not in about_classes] == []


def test_a_class_that_no_request_gets(tmp_path: Path) -> None:
    found, _ = checked(tmp_path, policy(more="detection: {kinds: [email], classes: {jwt: public}}"))
    assert "does not look for jwt" in told_at(found, "policy.detection.classes.jwt", "name").sentence


def test_a_kind_that_nobody_looks_for(tmp_path: Path) -> None:
    found, _ = checked(tmp_path, policy("when: {found: [jwt]}", more="detection: {kinds: [email]}"))
    assert told_at(found, "policy.rules[0].when.found[0]", "name").severity.value == "warning"
    assert told_at(found, "policy.rules[0].when", "never_matches")


def test_deployments_out_of_reach(tmp_path: Path) -> None:
    """`home-2` is of no model: it is reached by its own name alone, until the keys' scopes leave that out, too."""
    found, _ = checked(tmp_path, policy())
    told = told_at(found, "deployments.home-2", "unreachable")
    assert (told.severity.value, told.line) == ("note", 4)
    scoped = policy().replace("team: shop}", "team: shop, models: [chat]}")
    assert told_at(checked(tmp_path, scoped)[0], "deployments.home-2", "unreachable").severity.value == "warning"


def test_a_model_that_fails_as_one(tmp_path: Path) -> None:
    text = policy().replace("[home, cloud]", "[home, home-2]")
    told = told_at(checked(tmp_path, text)[0], "models.chat", "fallback")
    assert "are on one host, 10.0.0.1: they fail together" in told.sentence


def test_a_tag_that_the_key_does_not_have(tmp_path: Path) -> None:
    text = policy("when: {team: [shop], tags: {plan: free}}", "when: {team: [hr], tags: {plan: free}}")
    text = text.replace("team: shop}", "team: shop, tags: {plan: paid}}")
    found, _ = checked(tmp_path, text)
    assert "no request that can be made" in told_at(found, "policy.rules[0].when", "never_matches").sentence
    assert not [one for one in found.problems if one.path == "policy.rules[1].when"]


def test_splits_by_what_nobody_has(tmp_path: Path) -> None:
    text = policy("when: {stream: true}, prefer: {weights: {home: 1, cloud: 1}, split_by: team}")
    without_keys = text[: text.index("keys:")] + text[text.index("policy:") :]
    found, _ = checked(tmp_path, without_keys)
    assert "no caller has a team" in told_at(found, "policy.rules[0].prefer.split_by", "preference").sentence
    assert not [one for one in checked(tmp_path, text)[0].problems if one.kind is FindingKind.PREFERENCE]


def test_ceilings_count_tiers_and_service_tiers(tmp_path: Path) -> None:
    """A request that is too dear at its ends, and not in its middle; or in the usual way, and not when it may wait."""
    price = "price: {input_usd_per_mtok: 1, output_usd_per_mtok: 10}"
    rule = "when: {sensitivity: [public], min_prompt_tokens: 10000}, require: {known_price: true}, limits: {max_cost_usd: 0.005}"
    assert told_at(checked(tmp_path, policy(rule))[0], "policy.rules[0]", "always_refused")
    middle = "tiers: [{above_prompt_tokens: 20000, input_usd_per_mtok: 0.1, output_usd_per_mtok: 1}, "
    middle += "{above_prompt_tokens: 30000, input_usd_per_mtok: 9, output_usd_per_mtok: 9}]"
    for cheaper in (middle, "service_tiers: {flex: 0.4}"):
        found, _ = checked(tmp_path, policy(rule).replace(price, f"{price[:-1]}, {cheaper}}}"))
        assert not [one for one in found.problems if one.kind is FindingKind.ALWAYS_REFUSED]


def broken_plan(plan: Plan, **change: object) -> Plan:
    """The plan with its first place for `chat` changed: what a fault of the compiler would make."""
    (rule, *others) = plan.rules
    place, *rest = rule.pools["chat"]
    pools = {**rule.pools, "chat": (msgspec.structs.replace(place, **change), *rest)}
    return msgspec.structs.replace(
        plan, rules=(msgspec.structs.replace(rule, pools=pools, splits={}), *others), matches={}
    )


@pytest.mark.parametrize(
    ("rule", "change", "said"),
    [
        ("prefer: {order: [cloud]}", {"clearance": Sensitivity.RESTRICTED}, "its clearance is internal and they may be confidential"),
        ("prefer: {order: [cloud]}", {"capabilities": frozenset(Capability)}, "it lacks"),
        ("prefer: {order: [cloud]}, require: {region: [eu]}", {}, "it is in us and the rule requires eu"),
        ("prefer: {order: [cloud]}, require: {hosting: self_hosted}", {}, "it is commercial and the rule requires self_hosted"),
        ("prefer: {order: [cloud]}, require: {clearance: restricted}", {}, "its clearance is internal and the rule requires restricted"),
        ("prefer: {order: [cloud]}, require: {deployments: [home]}", {}, "the rule does not name it"),
        ("prefer: {order: [cloud]}, require: {capabilities: [json_schema]}", {}, "it lacks json_schema, which the rule requires"),
        ("prefer: {order: [home]}, require: {known_price: true}", {}, "its price is unknown"),
        ("prefer: {order: [cloud]}", {"name": "home-2"}, "it is neither of the model's pool nor a fallback"),
    ],
)  # fmt: skip
def test_an_edge_that_must_not_be(tmp_path: Path, rule: str, change: dict[str, object], said: str) -> None:
    """No document can make one; a plan that a broken compiler made can, and the request that takes it is shown."""
    _, plan = checked(tmp_path, policy(f"when: {{stream: true}}, {rule}"))
    settings = loaded(tmp_path)
    document, callers = valid_policy(settings.policy, settings.catalogue), settings.keyring.callers()
    assert not unsafe(verify(document, settings.catalogue, callers, plan, SKILLS, now=0.0).findings)
    place = plan.rules[0].pools["chat"][0]
    name = change.pop("name", place.name)
    deployment = msgspec.structs.replace(place.deployment, name=name, **change)
    broken = broken_plan(plan, name=name, deployment=deployment, against=())
    (found,) = unsafe(verify(document, settings.catalogue, callers, broken, SKILLS, now=0.0).findings)
    assert (found.severity.value, found.path, found.rule) == ("error", "rules[0]", "r0")
    assert said in found.sentence
    assert found.example is not None
    decision = decide(broken, found.example.facts, Snapshot(found.example.at, {}), decision_id="d", seed=0)
    assert decision.rule == "r0"
    assert name in decision.attempts


def unsafe(findings):
    return [one for one in findings if one.kind is FindingKind.UNSAFE_EDGE]


NOT_FAULTS = {
    "a fallback that can more, on the same machine": ("when: {model: [small]}, fallback: {to: [home-2]}", "context_tokens: 8000, capabilities: []}", "context_tokens: 9000, capabilities: [vision]}"),
    "a fallback with more room": ("when: {model: [small]}, fallback: {to: [home-2], also_on: [context_too_long]}", "", ""),
    "a fallback elsewhere": ("when: {model: [small]}, fallback: {to: [cloud]}", "", ""),
    "a fallback that is new to one of two models": ("when: {model: [chat, small]}, fallback: {to: [cloud]}", "", ""),
    "a hedge at another address": (
        "when: {model: [small]}, limits: {hedge: {}}", "home: {provider: vllm, base_url: 'http://10.0.0.1/v1'", "home: {provider: vllm, addresses: ['http://10.0.0.1/v1', 'http://10.0.0.2/v1']",
    ),
    "a ceiling above everything": ("when: {sensitivity: [public], model: [chat]}, require: {known_price: true}, limits: {max_cost_usd: 1}", "", ""),
    "an objective within its limits": ("when: {stream: true}, slo: {first_output: {under_s: 1}, total: {under_s: 50}}, limits: {deadline_s: 60}", "", ""),
    "weights of a part of the pool": ("when: {stream: true}, prefer: {weights: {home: 1, cloud: 0}}", "", ""),
    "tools on one, vision on another": ("when: {needs: [tools]}", "", ""),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "old", "new"), NOT_FAULTS.values(), ids=NOT_FAULTS)
def test_what_is_no_fault_is_not_told(tmp_path: Path, rule: str, old: str, new: str) -> None:
    text = policy(rule)
    assert old in text
    found, _ = checked(tmp_path, text.replace(old, new) if old else text)
    assert found.complete
    assert [
        str(one) for one in found.problems if one.severity.value != "note" and one.kind is not FindingKind.SECRET
    ] == []
