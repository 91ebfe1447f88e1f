"""The note of a check about detection: which mode is in force where the policy does not say it, and why."""

from pathlib import Path

import pytest

from gateway.providers.vendors import OFFERS, SKILLS
from gateway.settings.checking import ReportedProblem, check_files
from gateway.verify import FindingKind, Severity

COMMERCIAL = "deployments:\n  a: {provider: openai, base_url: 'https://a.example/v1', model: m, hosting: commercial}\n"
CLEARED = COMMERCIAL.replace("hosting:", "clearance: internal, hosting:")
OWN = COMMERCIAL.replace("hosting: commercial", "hosting: self_hosted")
PLAIN = "rules: [{name: all}]"
SPEAKING = "rules: [{name: home, when: {not: {sensitivity: [public]}}}, {name: all}]"
REFUSING = "rules: [{name: no, when: {found: [card]}, privacy: {refuse: true}}, {name: all}]"


def notes(directory: Path, configuration: str, policy: str | None) -> list[ReportedProblem]:
    """What is said of detection; None: the packaged policy."""
    named = "" if policy is None else "policy: policy.yaml\n"
    (directory / "policy.yaml").write_text(policy or "")
    (directory / "gateway.yaml").write_text(f"{configuration}{named}")
    found = check_files(str(directory / "gateway.yaml"), None, {}, SKILLS, OFFERS)
    assert found.valid, found.problems
    return [one for one in found.problems if one.kind is FindingKind.DETECTION]


@pytest.mark.parametrize(
    ("configuration", "policy", "file", "line", "said"),
    [
        (COMMERCIAL, None, "gateway.yaml", 1, "only reports what it finds"),
        (COMMERCIAL, PLAIN, "gateway.yaml", 1, "only reports what it finds"),
        (COMMERCIAL, SPEAKING, "policy.yaml", 1, "decides (mode enforce)"),
        (COMMERCIAL, REFUSING, "policy.yaml", 1, "decides (mode enforce)"),
        (CLEARED, SPEAKING, "policy.yaml", 1, "decides (mode enforce)"),
        (OWN, SPEAKING, "policy.yaml", 1, "decides (mode enforce)"),
        (OWN, f"{PLAIN}\ndetection: {{classes: {{email: internal}}}}", "policy.yaml", 2, "decides (mode enforce)"),
        (COMMERCIAL, f"{SPEAKING}\ndetection: {{mode: report}}", "policy.yaml", 2, "match only what callers"),
    ],
    ids=["no policy", "a silent one", "on sensitivity", "on findings", "cleared", "own", "classes", "only reported"],
)
def test_the_mode_is_told(
    tmp_path: Path, configuration: str, policy: str | None, file: str, line: int, said: str
) -> None:
    (told,) = notes(tmp_path, configuration, policy)
    assert told.severity is Severity.NOTE
    assert (told.file, told.line) == (str(tmp_path / file), line)
    assert said in told.sentence


@pytest.mark.parametrize(
    ("configuration", "policy"),
    [
        (OWN, PLAIN),
        (CLEARED, PLAIN),
        (COMMERCIAL, f"{PLAIN}\ndetection: {{mode: report}}"),
        (COMMERCIAL, f"{PLAIN}\ndetection: {{mode: enforce}}"),
        (COMMERCIAL, f"{SPEAKING}\ndetection: {{mode: enforce}}"),
        (COMMERCIAL, f"{REFUSING}\ndetection: {{mode: report}}"),
    ],
)
def test_what_is_said_outright_or_changes_nothing_is_not_told(tmp_path: Path, configuration: str, policy: str) -> None:
    assert notes(tmp_path, configuration, policy) == []
