"""What detection does where the policy leaves it to the default, or says a mode that its own rules do not expect.

Nothing is proved here: both modes are right for somebody. A reader of the policy alone cannot see which one is in force.
"""

from collections.abc import Iterator

from gateway.routing.compile import asks_of_sensitivity, speaks_of_sensitivity
from gateway.routing.document import DetectionSection
from gateway.values.deployment import Hosting
from gateway.verify.case import Case
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def detection_by_default(case: Case) -> Iterator[PolicyFinding]:
    """A note about the mode in force, at the place that decides it."""
    mode = case.policy.detection.mode
    is_commercial = any(one.hosting is Hosting.COMMERCIAL for one in case.catalogue.deployments.values())
    if mode is None and case.plan.detection.reports and is_commercial:
        yield _note(
            "deployments",
            "detection only reports what it finds, such as an e-mail address in a prompt: all deployments are commercial, "
            "and nothing here says who may see personal data. 'clearance' on a deployment, or "
            "'detection: {mode: enforce}' in the policy, makes it decide",
            in_catalogue=True,
        )
    elif mode is None and speaks_of_sensitivity(case.policy):
        yield _note(
            "rules" if case.policy.detection == DetectionSection() else "detection",
            "detection decides (mode enforce), because the policy speaks of sensitivity: what it finds raises a request's "
            "sensitivity. 'detection: {mode: enforce}' says so outright; under 'mode: report' findings raise nothing",
        )
    elif mode == "report" and is_commercial and any(asks_of_sensitivity(rule.when) for rule in case.policy.rules):
        yield _note(
            "detection.mode",
            "detection only reports what it finds, so rules on 'sensitivity' match only what callers, keys and teams declare",
        )


def _note(path: str, sentence: str, *, in_catalogue: bool = False) -> PolicyFinding:
    return PolicyFinding(
        severity=Severity.NOTE, kind=FindingKind.DETECTION, path=path, sentence=sentence, in_catalogue=in_catalogue
    )
