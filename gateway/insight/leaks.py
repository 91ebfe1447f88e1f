"""Did an attempt go where it may not? Looked at from the catalogue, the facts and the policy's own words, and by none of the
code that decides: a check that trusted the decision would find nothing.
"""

from collections.abc import Iterator, Mapping

from gateway.routing.document import Policy
from gateway.routing.document.preference import Require
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.request import Facts

_ORDER = ("public", "internal", "confidential", "restricted")


class Leaks:
    """Of one simulation. `policy` is None where what decides has no rules."""

    def __init__(self, deployments: Mapping[str, Deployment], policy: Policy | None) -> None:
        self.found: dict[str, int] = {}
        self._deployments = deployments
        self._rules = {rule.name: rule.require for rule in policy.rules} if policy is not None else {}

    def watch(self, decision: Decision, name: str) -> None:
        """An attempt at this deployment is about to be made."""
        deployment, facts = self._deployments[name], decision.facts
        if _ORDER.index(deployment.clearance.value) < _ORDER.index(facts.sensitivity.value):
            self._count(f"{facts.sensitivity.value} to {name}, which may see {deployment.clearance.value}")
        if not facts.needs <= deployment.capabilities:
            self._count(f"what {name} cannot do")
        require = self._rules.get(decision.rule)
        for broken in () if require is None else _broken(require, deployment, facts):
            self._count(f"rule {decision.rule} to {name}{broken}")

    def _count(self, what: str) -> None:
        self.found[what] = self.found.get(what, 0) + 1


def _broken(require: Require, deployment: Deployment, facts: Facts) -> Iterator[str]:
    if require.region is not None and deployment.region not in require.region:
        yield f" in region {deployment.region}"
    if require.hosting is not None and deployment.hosting is not require.hosting:
        yield f", which is {deployment.hosting.value}"
    if require.clearance is not None and _ORDER.index(deployment.clearance.value) < _ORDER.index(
        require.clearance.value
    ):
        yield f", which may see {deployment.clearance.value}"
    if require.deployments is not None and deployment.name not in require.deployments:
        yield ", which it does not name"
    if not deployment.capabilities.issuperset(require.capabilities or ()):
        yield ", which lacks a capability that it requires"
    if require.known_price and not deployment.has_price:
        yield ", whose price is unknown"
    if require.lossless and dict(facts.losses).get(deployment.name):
        yield ", which would lose a member"
