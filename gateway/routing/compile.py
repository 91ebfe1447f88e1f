"""Compile: policy document + catalogue -> plan. `gateway.routing.check` has nothing to say against it by then."""

import hashlib

import msgspec

from gateway.routing.chance import hashed
from gateway.routing.conditions import compile_when, space_of
from gateway.routing.document import (
    DetectionSection,
    HedgeEntry,
    Limits,
    Mix,
    Policy,
    Prefer,
    Require,
    Rule,
    SloEntry,
    TargetEntry,
    When,
)
from gateway.routing.plan import CompiledRule, Detecting, Place, Plan, Preference
from gateway.routing.space import Space
from gateway.values.decision import Bounds, Cause, Reason
from gateway.values.deployment import Catalogue, Deployment
from gateway.values.finding import SensitiveKind
from gateway.values.hedge import Hedge
from gateway.values.priority import Priority
from gateway.values.sensitivity import Sensitivity
from gateway.values.slo import Slo, Target
from gateway.values.taken_fields import UNKNOWN_FIELDS, Vendors

_MILDER = {SensitiveKind.EMAIL: Sensitivity.CONFIDENTIAL, SensitiveKind.PHONE: Sensitivity.CONFIDENTIAL}


def compile_plan(
    policy: Policy,
    catalogue: Catalogue,
    *,
    number: int,
    default_deadline_s: float,
    vendors: Vendors | None = None,
) -> Plan:
    """A plan from a policy that `check_policy` has nothing to say against. `vendors`: what each provider's servers take; of
    one that is not there nothing is known.
    """
    deployments = tuple(map(_content, catalogue.deployments.values()))
    content = msgspec.json.encode((policy, deployments, catalogue.models, default_deadline_s))
    detecting = _detecting(policy, catalogue)
    digest = hashlib.sha256(content + b" reports" * detecting.reports).hexdigest()
    space = space_of(policy)
    taken = vendors or {}
    rules = tuple(_compile_rule(rule, catalogue, space, default_deadline_s, taken) for rule in policy.rules)
    by_name = {rule.name: rule for rule in rules}
    return Plan(f"{number}-{digest[:8]}", digest, rules, by_name, detecting, space, {})


def _compile_rule(
    rule: Rule, catalogue: Catalogue, space: Space, default_deadline_s: float, vendors: Vendors
) -> CompiledRule:
    pools = {name: model.deployments for name, model in catalogue.models.items()}
    pools.update({name: (name,) for name in catalogue.deployments})
    return CompiledRule(
        name=rule.name,
        when=compile_when(rule.when, space),
        pools={name: _places(rule, pool, catalogue, vendors) for name, pool in pools.items()},
        bounds=_bounds(rule.limits, default_deadline_s),
        slo=_slo(rule.slo),
        preference=_preference(rule.prefer),
        fallback=rule.fallback,
        refuse=rule.privacy.refuse,
        exact_tokens=rule.count_tokens == "exact",
        hedge=_hedge(rule.limits.hedge),
        priority=None if rule.priority is None else Priority[rule.priority.upper()],
        lossless=rule.require.lossless,
        splits={},
    )


def _content(deployment: Deployment) -> dict[str, object]:
    """A deployment as what decides its hash: a set has no order of its own."""
    capabilities = sorted(capability.value for capability in deployment.capabilities)
    surfaces = sorted(surface.value for surface in deployment.surfaces)
    return {**msgspec.structs.asdict(deployment), "capabilities": capabilities, "surfaces": surfaces}


def _places(rule: Rule, pool: tuple[str, ...], catalogue: Catalogue, vendors: Vendors) -> tuple[Place, ...]:
    own = _ordered(pool, rule.prefer)
    others = [name for name in _expanded(rule.fallback.to, catalogue) if name not in own]
    places: list[Place] = []
    for position, name in enumerate([*own, *others]):
        deployment = catalogue.deployments[name]
        weight = None if rule.prefer.weights is None else rule.prefer.weights.get(name) or None
        unmet = _unmet(rule.require, deployment)
        names = frozenset((name, *(model for model, entry in catalogue.models.items() if name in entry.deployments)))
        takes = vendors.get(deployment.provider, UNKNOWN_FIELDS)
        places.append(
            Place(name, deployment, unmet, position, weight, position >= len(own), hashed(name), names, takes)
        )
    return tuple(places)


def _ordered(pool: tuple[str, ...], prefer: Prefer) -> list[str]:
    first = [name for name in prefer.order or () if name in pool]
    return first + [name for name in pool if name not in first]


def _expanded(names: list[str], catalogue: Catalogue) -> list[str]:
    """Deployments; a model's name stands for its pool. Each once."""
    found: dict[str, None] = {}
    for name in names:
        model = catalogue.models.get(name)
        found.update(dict.fromkeys(model.deployments if model is not None else (name,)))
    return list(found)


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
    if require.known_price and not deployment.has_price:
        reasons.append(Reason(Cause.REQUIREMENT, "a known price", None))
    return tuple(reasons)


def _bounds(limits: Limits, default_deadline_s: float) -> Bounds:
    return Bounds(
        limits.deadline_s or default_deadline_s,
        limits.max_attempts,
        limits.max_cost_usd,
        limits.first_output_s,
        limits.idle_s,
        limits.min_output_tokens_per_s,
    )


def _hedge(entry: HedgeEntry | None) -> Hedge | None:
    return None if entry is None else Hedge(entry.after_s, entry.percentile, entry.share)


def _preference(prefer: Prefer) -> Preference:
    mix = Mix(**{prefer.objective: 1.0}) if isinstance(prefer.objective, str) else prefer.objective
    parts = None
    if mix is not None:
        total = mix.cost + mix.latency + mix.quality + mix.load
        parts = (mix.cost / total, mix.latency / total, mix.quality / total, mix.load / total)
    return Preference(parts, prefer.weights is not None, prefer.split_by, prefer.explore)


def _slo(entry: SloEntry | None) -> Slo | None:
    if entry is None:
        return None
    return Slo(
        first_output=_target(entry.first_output),
        output_token=_target(entry.output_token),
        total=_target(entry.total),
        window_s=entry.window_s,
        min_requests=entry.min_requests,
        pass_over_burn=entry.pass_over_burn,
        return_burn=entry.return_burn,
        probe_share=entry.probe_share,
    )


def _target(entry: TargetEntry | None) -> Target | None:
    return None if entry is None else Target(entry.under_s, entry.percentile)


def _detecting(policy: Policy, catalogue: Catalogue) -> Detecting:
    section = policy.detection
    kinds = frozenset(SensitiveKind if section.kinds is None else section.kinds)
    if section.mode == "report" or not (
        section.mode or catalogue.speaks_of_sensitivity or speaks_of_sensitivity(policy)
    ):
        unclassed = dict.fromkeys(SensitiveKind, Sensitivity.PUBLIC)
        return Detecting(kinds, unclassed, Sensitivity.PUBLIC, section.time_limit_ms / 1e3, reports=True)
    classes = {kind: section.classes.get(kind, _MILDER.get(kind, Sensitivity.RESTRICTED)) for kind in SensitiveKind}
    return Detecting(kinds, classes, section.if_it_fails, section.time_limit_ms / 1e3)


def speaks_of_sensitivity(policy: Policy) -> bool:
    """Whether the policy says anything of sensitivity, or of what detection finds."""
    if policy.detection != DetectionSection():
        return True
    return any(
        rule.privacy.refuse
        or rule.require.clearance is not None
        or _mentions(rule.when, "sensitivity")
        or _mentions(rule.when, "found")
        for rule in policy.rules
    )


def asks_of_sensitivity(when: When) -> bool:
    """Whether a condition asks for the request's sensitivity, at any depth."""
    return _mentions(when, "sensitivity")


def _mentions(when: When, field: str) -> bool:
    within = (*(when.all or ()), *(when.any or ()), *((when.not_,) if when.not_ is not None else ()))
    return getattr(when, field) is not None or any(_mentions(one, field) for one in within)
