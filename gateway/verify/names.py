"""Proof: names in conditions that no request can bring: keys and teams that are not there, kinds that nobody looks for."""

from collections.abc import Iterator

from gateway.documents.reading import nearest
from gateway.routing.document import When
from gateway.values.request import TAG
from gateway.verify.case import Case
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def names_that_never_come(case: Case) -> Iterator[PolicyFinding]:
    """Each at its place."""
    for index, rule in enumerate(case.policy.rules):
        for path, sentence in _in(rule.when, f"rules[{index}].when", case):
            yield _finding(path, f"rule {rule.name!r}: {sentence}", rule.name)
    looked_for = case.plan.detection.kinds
    for kind in case.policy.detection.classes:
        if kind not in looked_for:
            sentence = f"detection does not look for {kind.value}, so its class has no effect"
            yield _finding(f"detection.classes.{kind.value}", sentence)


def _finding(path: str, sentence: str, rule: str | None = None) -> PolicyFinding:
    return PolicyFinding(severity=Severity.WARNING, kind=FindingKind.NAME, path=path, rule=rule, sentence=sentence)


def _in(when: When, path: str, case: Case) -> Iterator[tuple[str, str]]:
    yield from _callers(when, path, case)
    for index, kind in enumerate(when.found or ()):
        if kind not in case.plan.detection.kinds:
            yield f"{path}.found[{index}]", f"detection does not look for {kind.value}"
    for tag, values in (when.tags or {}).items():
        for value in [values] if isinstance(values, str) else values:
            if not (TAG.fullmatch(tag) and TAG.fullmatch(value)):
                yield f"{path}.tags.{tag}", f"no request can carry the tag {tag}={value}: letters, digits and ._/- only"
    for name in ("all", "any"):
        for index, inner in enumerate(getattr(when, name) or ()):
            yield from _in(inner, f"{path}.{name}[{index}]", case)
    if when.not_ is not None:
        yield from _in(when.not_, f"{path}.not", case)


def _callers(when: When, path: str, case: Case) -> Iterator[tuple[str, str]]:
    for member in ("key", "team"):
        known = {value for one in case.callers if (value := getattr(one, member)) is not None}
        for index, name in enumerate(getattr(when, member) or ()):
            if name not in known:
                what = "no key is named" if member == "key" else "no key is of the team"
                hint = nearest(name, sorted(known))
                yield f"{path}.{member}[{index}]", f"{what} {name!r}" + (f" ({hint})" if hint else "")
    scopes = [one.models for one in case.callers]
    for index, name in enumerate(when.model or ()):
        if scopes and all(scope is not None and name not in scope for scope in scopes):
            yield f"{path}.model[{index}]", f"no key may ask for {name!r}"
