"""`gateway check`: for people, for CI, and for each example as it stands."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import REPOSITORY, gateway_command
from tests.support.readme import readme_files

EXAMPLES = sorted((REPOSITORY / "policies").glob("*.yaml"))
HOME = "  home: {provider: vllm, base_url: 'http://127.0.0.1:1/v1', model: m, hosting: self_hosted}\n"
CONFIGURATION = f"deployments:\n{HOME}models: {{chat: {{deployments: [home]}}}}\n"
GOOD = "rules: [{name: a}]"
WARNED = "rules:\n- {name: a, when: {stream: true}}\n- {name: b, when: {stream: true}}\n- {name: c}\n"
WRONG = "rules:\n- {name: a, require: {hosting: commercial}}\n"
BROKEN = "rules:\n- {name: a, require: {hostng: commercial}}\n"


def check(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_KEY")}
    return gateway_command("check", *arguments, env={**bare, **env})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "gateway.yaml").write_text(f"{CONFIGURATION}policy: policy.yaml\n")
    (tmp_path / "policy.yaml").write_text(GOOD)
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_passes_as_it_is(example: Path) -> None:
    """Without its secrets, which is all that is said against it; with them, strictly."""
    done = check("--json", str(example.relative_to(REPOSITORY)))
    told = json.loads(done.stdout)
    assert (done.returncode, told["valid"], told["complete"]) == (0, True, True)
    assert {one["kind"] for one in told["problems"] if one["severity"] != "note"} <= {"secret"}
    secrets = [one["sentence"].split("variable ")[1].split()[0] for one in told["problems"] if one["kind"] == "secret"]
    done = check("--strict", str(example), **{name: f"sk-{name}-0123456789" for name in secrets})
    assert done.returncode == 0, done.stdout


def test_the_embedded_default_passes() -> None:
    assert check("--strict").returncode == 0


@pytest.mark.parametrize(
    ("text", "status", "strict", "verdict"),
    [
        (GOOD, 0, 0, "valid: 1 rule,"),
        (WARNED, 0, 1, "valid: 3 rules"),
        (WRONG, 1, 1, "valid: 1 rule,"),
        (BROKEN, 1, 1, "not valid: 1 error"),
    ],
    ids=["good", "warned", "wrong", "broken"],
)
def test_exit_status_and_verdict(files: Path, text: str, status: int, strict: int, verdict: str) -> None:
    """The policy in its place, and another file in its place."""
    configuration, other = str(files / "gateway.yaml"), str(files / "other.yaml")
    (files / "other.yaml").write_text(text)
    done = check("-c", configuration, other)
    assert (done.returncode, check("--strict", "-c", configuration, other).returncode) == (status, strict)
    (files / "policy.yaml").write_text(text)
    same = check(configuration)
    assert same.returncode == check("-c", configuration).returncode == status
    *told, last = same.stdout.replace("policy.yaml", "other.yaml").splitlines()
    assert [*told, last.replace("gateway.yaml", "other.yaml")] == done.stdout.splitlines()
    assert done.stdout.splitlines()[-1].startswith(f"{other}: {verdict}")
    as_json = check("--json", configuration)
    assert as_json.returncode == status
    assert len(json.loads(as_json.stdout)["problems"]) == sum(
        ": " in line and line[0] == "/" for line in same.stdout.splitlines()[:-1]
    )


def test_what_people_see(files: Path) -> None:
    (files / "policy.yaml").write_text(WARNED)
    lines = check(str(files / "gateway.yaml")).stdout.splitlines()
    path = files / "policy.yaml"
    assert (
        lines[0]
        == f"{path}:3:13: warning: rule 'b' can never match: every request that it would match is decided earlier, by 'a'"
    )
    assert lines[1].startswith(
        f"{files / 'gateway.yaml'}:1:1: note: no deployment can answer requests that need tools or"
    )
    assert lines[2] == "    for example: 'chat', public, 1 prompt token, at most 1 output token, stream, needs tools"


def test_what_ci_sees(files: Path) -> None:
    (files / "policy.yaml").write_text(WRONG)
    told: dict[str, Any] = json.loads(check("--json", str(files / "gateway.yaml")).stdout)
    (wrong,) = [one for one in told["problems"] if one["severity"] == "error"]
    place = (str(files / "policy.yaml"), 2, 3)
    assert (wrong["kind"], wrong["rule"], wrong["path"]) == ("always_refused", "a", "rules[0]")
    assert (wrong["file"], wrong["line"], wrong["column"]) == place
    assert wrong["example"]["facts"]["model"] == "chat"


def test_a_file_that_is_not_there(files: Path) -> None:
    done = check(str(files / "absent.yaml"))
    assert done.returncode == 1
    assert "expected a readable UTF-8 file, found No such file or directory" in done.stdout
    assert check("-c", str(files / "gateway.yaml"), str(files / "absent.yaml")).returncode == 1
    assert check("--no-such-option").returncode == 2


def test_a_policy_given_as_the_configuration_is_told(files: Path) -> None:
    policy = files / "policy.yaml"
    policy.write_text(GOOD)
    done = check(str(policy))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        f"this looks like a policy: gateway check -c CONFIGURATION {policy}",
        f"{policy}: not valid: 2 errors",
    ]
    assert "this looks like" not in check("--json", str(policy)).stdout


def test_the_readmes_example_is_taken_for_what_it_is(tmp_path: Path) -> None:
    """What is noted about its rules and its deployments does not make it a policy."""
    for name, content in readme_files().items():
        (tmp_path / name).write_text(json.dumps(content))
    done = check(str(tmp_path / "gateway.yaml"))
    assert done.returncode == 0
    assert "looks like a policy" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{tmp_path / 'gateway.yaml'}: valid: 2 rules, ")


def test_several_files(files: Path) -> None:
    """Each is told by its name; one that fails is enough."""
    configuration, good, wrong = (str(files / name) for name in ("gateway.yaml", "good.yaml", "wrong.yaml"))
    (files / "good.yaml").write_text(GOOD)
    (files / "wrong.yaml").write_text(WRONG)
    done = check("-c", configuration, good, wrong, good)
    verdicts = [line for line in done.stdout.splitlines() if ": valid: " in line]
    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in verdicts] == [good, wrong, good]
    assert check("-c", configuration, good, good).returncode == 0
    told = [json.loads(line) for line in check("--json", "-c", configuration, good, wrong).stdout.splitlines()]
    assert [one["valid"] for one in told] == [True, True]
    assert [any(problem["severity"] == "error" for problem in one["problems"]) for one in told] == [False, True]
