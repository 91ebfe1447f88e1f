"""Check: every problem of a policy that the document's shape cannot show (law 7). What is valid and yet unwise is `verify`'s."""

import zoneinfo
from collections.abc import Callable, Iterable

from gateway.routing.document import Mix, Policy, Prefer, Rule, SloEntry, When
from gateway.values.deployment import Catalogue

# path, what was expected, what was found, the names it might have been
Report = Callable[[str, str, str, Iterable[str]], None]


def check_policy(policy: Policy, catalogue: Catalogue, report: Report) -> None:
    """Report every problem."""
    seen: set[str] = set()
    for index, rule in enumerate(policy.rules):
        path = f"rules[{index}]"
        if rule.name in seen:
            report(f"{path}.name", "a name that no other rule has", repr(rule.name), ())
        seen.add(rule.name)
        _check_names(rule, path, catalogue, report)
        _check_when(rule.when, f"{path}.when", catalogue, report)
        _check_prefer(rule.prefer, f"{path}.prefer", report)
        _check_slo(rule.slo, f"{path}.slo", report)
    if policy.rules[-1].when != When():
        last = f"rules[{len(policy.rules) - 1}].when"
        report(last, "the last rule to match every request: no condition", "conditions", ())


def _check_names(rule: Rule, path: str, catalogue: Catalogue, report: Report) -> None:
    askable = [*catalogue.models, *catalogue.deployments]
    deployments, of_deployment = catalogue.deployments, "a deployment of the catalogue"
    named = (
        ("require.deployments", rule.require.deployments, deployments, of_deployment),
        ("prefer.order", rule.prefer.order, deployments, of_deployment),
        ("fallback.to", rule.fallback.to, askable, "a model or deployment of the catalogue"),
    )
    for where, names, known, expected in named:
        for index, name in enumerate(names or ()):
            if name not in known:
                report(f"{path}.{where}[{index}]", expected, repr(name), known)
            elif name in (names or ())[:index]:
                report(f"{path}.{where}[{index}]", "each name once", f"{name!r} again", ())
    for name in rule.prefer.weights or ():
        if name not in deployments:
            report(f"{path}.prefer.weights.{name}", of_deployment, repr(name), deployments)


def _check_when(when: When, path: str, catalogue: Catalogue, report: Report) -> None:
    askable = [*catalogue.models, *catalogue.deployments]
    for index, name in enumerate(when.model or ()):
        if name not in askable:
            report(f"{path}.model[{index}]", "a model or deployment of the catalogue", repr(name), askable)
    if when.time is not None and when.time.timezone not in zoneinfo.available_timezones():
        zones = zoneinfo.available_timezones()
        report(f"{path}.time.timezone", "an IANA time zone like Europe/Berlin", repr(when.time.timezone), zones)
    for name in ("all", "any"):
        for index, inner in enumerate(getattr(when, name) or ()):
            _check_when(inner, f"{path}.{name}[{index}]", catalogue, report)
    if when.not_ is not None:
        _check_when(when.not_, f"{path}.not", catalogue, report)


def _check_prefer(prefer: Prefer, path: str, report: Report) -> None:
    given = [name for name in ("order", "weights", "objective") if getattr(prefer, name) is not None]
    if len(given) > 1:
        report(path, "at most one of order, weights and objective", " and ".join(given), ())
    if prefer.weights is not None and not any(prefer.weights.values()):
        report(f"{path}.weights", "at least one weight above 0", "none", ())
    if isinstance(prefer.objective, Mix) and prefer.objective == Mix():
        report(f"{path}.objective", "at least one part above 0", "none", ())


def _check_slo(slo: SloEntry | None, path: str, report: Report) -> None:
    if slo is None:
        return
    if slo.first_output is None and slo.output_token is None and slo.total is None:
        report(path, "at least one of first_output, output_token and total", "none", ())
    if slo.return_burn >= slo.pass_over_burn:
        report(f"{path}.return_burn", f"less than pass_over_burn ({slo.pass_over_burn:g})", f"{slo.return_burn:g}", ())
