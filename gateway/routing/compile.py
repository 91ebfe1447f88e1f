"""Compile: policy document + catalogue -> plan, or all that is wrong with it (law 7)."""

import hashlib
from collections.abc import Callable, Iterable

import msgspec

from gateway.routing.conditions import compile_when
from gateway.routing.document import Policy, Prefer, Require, Rule, When
from gateway.routing.plan import CompiledRule, Place, Plan
from gateway.values.decision import Cause, Reason
from gateway.values.deployment import Catalogue, Deployment

# path, what was expected, what was found, the names it might have been
Report = Callable[[str, str, str, Iterable[str]], None]


def compile_plan(policy: Policy, catalogue: Catalogue, *, number: int, default_deadline_s: float) -> Plan:
    """A plan from a policy that `check_policy` has nothing to say against."""
    content = msgspec.json.encode((policy, *map(_content, catalogue.deployments.values()), catalogue.models))
    digest = hashlib.sha256(content).hexdigest()
    rules = tuple(_compile_rule(rule, catalogue) for rule in policy.rules)
    return Plan(f"{number}-{digest[:8]}", digest, rules, default_deadline_s)


def check_policy(policy: Policy, catalogue: Catalogue, report: Report) -> None:
    """Report every problem that the document's shape cannot show."""
    seen: set[str] = set()
    for index, rule in enumerate(policy.rules):
        path = f"rules[{index}]"
        if rule.name in seen:
            report(f"{path}.name", "a name that no other rule has", repr(rule.name), ())
        seen.add(rule.name)
        _check_names(rule, path, catalogue, report)
    if policy.rules[-1].when != When():
        last = f"rules[{len(policy.rules) - 1}].when"
        report(last, "the last rule to match every request: no condition", "conditions", ())


def _check_names(rule: Rule, path: str, catalogue: Catalogue, report: Report) -> None:
    askable = [*catalogue.models, *catalogue.deployments]
    named = (
        ("when.model", rule.when.model, askable, "a model or deployment of the catalogue"),
        ("require.deployments", rule.require.deployments, catalogue.deployments, "a deployment of the catalogue"),
        ("prefer.order", rule.prefer.order, catalogue.deployments, "a deployment of the catalogue"),
    )
    for where, names, known, expected in named:
        for index, name in enumerate(names or ()):
            if name not in known:
                report(f"{path}.{where}[{index}]", expected, repr(name), known)


def _compile_rule(rule: Rule, catalogue: Catalogue) -> CompiledRule:
    pools = {name: model.deployments for name, model in catalogue.models.items()}
    pools.update({name: (name,) for name in catalogue.deployments})
    return CompiledRule(
        name=rule.name,
        tests=compile_when(rule.when),
        pools={name: _places(rule, pool, catalogue) for name, pool in pools.items()},
        limits=rule.limits,
        fallback=rule.fallback,
    )


def _content(deployment: Deployment) -> dict[str, object]:
    """A deployment as what decides its hash: a set has no order of its own."""
    capabilities = sorted(capability.value for capability in deployment.capabilities)
    return {**msgspec.structs.asdict(deployment), "capabilities": capabilities}


def _places(rule: Rule, pool: tuple[str, ...], catalogue: Catalogue) -> tuple[Place, ...]:
    deployments = [catalogue.deployments[name] for name in _ordered(pool, rule.prefer)]
    return tuple(Place(deployment, _unmet(rule.require, deployment)) for deployment in deployments)


def _ordered(pool: tuple[str, ...], prefer: Prefer) -> list[str]:
    first = [name for name in prefer.order or () if name in pool]
    return first + [name for name in pool if name not in first]


def _unmet(require: Require, deployment: Deployment) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if require.hosting is not None and deployment.hosting is not require.hosting:
        reasons.append(Reason(Cause.REQUIREMENT, f"hosting {require.hosting.value}", deployment.hosting.value))
    if require.region is not None and deployment.region not in require.region:
        reasons.append(Reason(Cause.REQUIREMENT, f"region {' or '.join(require.region)}", deployment.region))
    if require.clearance is not None and not deployment.clearance.covers(require.clearance):
        reasons.append(Reason(Cause.REQUIREMENT, f"clearance {require.clearance.value}", deployment.clearance.value))
    lacking = [one for one in require.capabilities or () if one not in deployment.capabilities]
    reasons += [Reason(Cause.REQUIREMENT, f"capability {capability.value}", None) for capability in lacking]
    if require.deployments is not None and deployment.name not in require.deployments:
        reasons.append(Reason(Cause.REQUIREMENT, "to be named by the rule", deployment.name))
    return tuple(reasons)
