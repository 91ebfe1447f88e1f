"""What is wrong with a policy, and what is unwise: reading, `check_policy` and `verify` in one list, each at its place."""

import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.catalogue.unusual_addresses import unusual_addresses
from gateway.catalogue.unusual_pools import unusual_pools
from gateway.documents import Document, parse
from gateway.policies.files import read_text
from gateway.policies.source import POLICY, default_text, load_policy
from gateway.providers.vendors import FIELDS
from gateway.routing.compile import compile_plan
from gateway.settings.load import load
from gateway.values.caller import Caller
from gateway.values.deployment import Catalogue
from gateway.values.offer import Offers
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.skill import Skill, Skills
from gateway.verify import Example, FindingKind, PolicyFinding, Severity, verify
from gateway.verify.sentences import example_sentence

_WORST_FIRST = list(Severity)


class ReportedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem at one place; `line` and `column` count from 1, None where the place is not in a file."""

    severity: Severity
    kind: FindingKind
    file: str
    line: int | None
    column: int | None
    path: str
    sentence: str
    rule: str | None = None
    example: Example | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        line = f"{place}: {self.severity.value}: {self.sentence}"
        return line if self.example is None else f"{line}\n    for example: {example_sentence(self.example)}"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """`valid` is whether a gateway would take it. `complete` is false if not all could be proved or refuted."""

    valid: bool
    revision: str | None
    rules: int
    complete: bool
    problems: tuple[ReportedProblem, ...]

    def has(self, *severities: Severity) -> bool:
        """Whether any problem is so bad."""
        return any(one.severity in severities for one in self.problems)


class CheckedAgainst(NamedTuple):
    """What a policy is held against. `deadline_s` is that of a rule which sets none."""

    catalogue: Catalogue
    callers: Collection[Caller]
    skills: Skills
    deadline_s: float


class PolicyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's text, and what it is held against. `at` is seconds since the epoch."""

    text: str
    catalogue: Catalogue
    callers: tuple[Caller, ...]
    skills: dict[str, frozenset[Skill]]
    deadline_s: float
    at: float

    def done(self) -> Checked:
        """What is to be said of it."""
        try:
            document = parse(self.text, POLICY)
        except InvalidDocument as invalid:
            return invalid_documents(invalid.problems)
        against = CheckedAgainst(self.catalogue, self.callers, self.skills, self.deadline_s)
        return _checked(document, None, against, self.at)


def check_files(
    config: str | None, policy: str | None, env: Mapping[str, str], skills: Skills, offers: Offers
) -> Checked:
    """A configuration and its policy; with `policy` that file's in its place. Secrets may be missing, which is said."""
    try:
        settings = load(config, env, offers, without_secrets=True)
        document = settings.policy.document() if policy is None else parse(read_text(Path(policy)), policy)
        text = default_text("gateway.yaml") if settings.is_packaged else read_text(Path(settings.file))
        configuration = parse(text, settings.file)
    except InvalidDocument as invalid:
        return invalid_documents(invalid.problems)
    against = CheckedAgainst(settings.catalogue, settings.keyring.callers(), skills, settings.server.deadline_s)
    checked = _checked(document, configuration, against, time.time())
    if policy is None and settings.policy.path is None:
        checked = _without_advice(checked, settings.policy.file)
    missing = [_of_problem(one, Severity.WARNING, FindingKind.SECRET) for one in settings.missing]
    unusual = [
        _of_problem(one, Severity.WARNING, FindingKind.PRICE)
        for one in _unusual_prices(settings.catalogue, configuration)
    ]
    unusual += [
        _of_problem(one, Severity.WARNING, FindingKind.ADDRESS)
        for one in unusual_addresses(settings.catalogue, configuration, offers)
    ]
    unusual += [
        _of_problem(one, Severity.WARNING, FindingKind.POOL) for one in unusual_pools(settings.catalogue, configuration)
    ]
    problems = sorted([*checked.problems, *missing, *unusual], key=lambda one: _WORST_FIRST.index(one.severity))
    return msgspec.structs.replace(checked, problems=tuple(problems))


def _without_advice(checked: Checked, packaged: str) -> Checked:
    """Nobody can follow advice about the packaged policy: what is no error of it is left out."""
    left = [one for one in checked.problems if one.file != packaged or one.severity is Severity.ERROR]
    return msgspec.structs.replace(checked, problems=tuple(left))


def _unusual_prices(catalogue: Catalogue, configuration: Document) -> list[Problem]:
    if not any(one.price or one.own_cost for one in catalogue.deployments.values()):
        return []
    from gateway.catalogue.unusual_prices import unusual_prices  # noqa: PLC0415 - half a second, and 30 MiB

    return unusual_prices(catalogue, configuration)


def invalid_documents(problems: Iterable[Problem]) -> Checked:
    """Of documents that a gateway would not take."""
    told = tuple(_of_problem(one, Severity.ERROR, FindingKind.INVALID) for one in problems)
    return Checked(valid=False, revision=None, rules=0, complete=False, problems=told)


def _checked(document: Document, configuration: Document | None, against: CheckedAgainst, at: float) -> Checked:
    catalogue = against.catalogue
    policy, problems = load_policy(document, catalogue)
    if policy is None or problems:
        return invalid_documents(problems)
    plan = compile_plan(policy, catalogue, number=1, default_deadline_s=against.deadline_s, vendors=FIELDS)
    report = verify(policy, catalogue, against.callers, plan, against.skills, now=at)
    told = [_of_finding(one, configuration if one.in_catalogue else document) for one in report.findings]
    return Checked(
        valid=True, revision=plan.revision, rules=len(plan.rules), complete=report.complete, problems=tuple(told)
    )


def _of_problem(problem: Problem, severity: Severity, kind: FindingKind) -> ReportedProblem:
    return ReportedProblem(
        severity=severity,
        kind=kind,
        file=problem.file,
        line=problem.line,
        column=problem.column,
        path=problem.path,
        sentence=problem.sentence,
    )


def _of_finding(finding: PolicyFinding, document: Document | None) -> ReportedProblem:
    at = None if document is None else document.problem(finding.path, "")
    return ReportedProblem(
        severity=finding.severity,
        kind=finding.kind,
        file="the configuration" if at is None else at.file,
        line=None if at is None else at.line,
        column=None if at is None else at.column,
        path=finding.path if at is None else at.path,
        sentence=finding.sentence,
        rule=finding.rule,
        example=finding.example,
    )
