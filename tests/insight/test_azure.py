"""An hour of a real conversation service: the shipped policy that spills over when busy keeps its promise and is cheaper.

The pool is one cheap, slow server of one's own and two commercial deployments, as in `policies/spill-over.yaml`.
"""

import csv
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import REPOSITORY

TRACE = REPOSITORY.parent / "shared" / "traces" / "azure-llm-conversation-2023.csv"
WORLD = Path(__file__).parent / "world.yaml"
ONLY_COMMERCIAL = "rules: [{name: commercial, require: {hosting: commercial}}]"
ROUND_ROBIN = "rules: [{name: in-turns, prefer: {weights: {home: 1, cloud: 1, cloud-2: 1}}}]"
WITHIN_S = 20.0


def simulate(*more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "gateway",
        "simulate",
        "--config",
        "policies/spill-over.yaml",
        "--world",
        str(WORLD),
    ]
    return subprocess.run([*command, *more], cwd=REPOSITORY, capture_output=True, text=True, check=False)


def found(*more: str) -> dict[str, Any]:
    done = simulate("--json", *more)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A trace of a minute, to be had everywhere: a request every 0.2 s."""
    lines = [
        f"2023-11-16 18:{number // 300:02d}:{number % 300 / 5:06.3f},{400 + number * 7 % 900},{50 + number % 150}"
        for number in range(300)
    ]
    file = tmp_path / "trace.csv"
    file.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *lines]))
    return file


@pytest.mark.long
@pytest.mark.skipif(not TRACE.exists(), reason=f"the Azure trace is not at {TRACE}")
def test_spill_over_keeps_its_objective_and_costs_less(tmp_path: Path) -> None:
    """Less than in turns, which is simulated too, and than only commercial, which is a sum."""
    draft = tmp_path / "draft.yaml"
    draft.write_text(ROUND_ROBIN)
    before_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime  # of a core: others may be at work on it
    result = found("--trace", str(TRACE), "--policy", str(draft))
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before_s < WITHIN_S
    assert result["requests"] == 19_366
    ours, theirs = result["current"], result["draft"]
    assert ours["objective"]["share"] >= 0.99
    with TRACE.open() as lines:
        rows = list(csv.DictReader(lines))
    cloud = sum(int(row["ContextTokens"]) * 0.15 + int(row["GeneratedTokens"]) * 0.60 for row in rows) / 1e6
    assert ours["cost"]["total"] < 0.9 * cloud
    assert ours["cost"]["total"] < 0.6 * theirs["cost"]["total"]
    assert ours["cost"]["unknown_attempts"] == 0
    assert ours["leaks"] == theirs["leaks"] == {}
    assert result["changed_hands"] == sum(group["requests"] for group in result["moved"]) > 0


def test_two_runs_say_the_same_and_another_seed_something_else(short: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(ROUND_ROBIN)
    args = ("--trace", str(short), "--policy", str(draft))
    first = found(*args)
    assert found(*args) == first
    assert found(*args, "--seed", "1")["draft"]["cost"] != first["draft"]["cost"]


def test_for_people_it_is_a_table_side_by_side(short: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(ONLY_COMMERCIAL)
    done = simulate("--trace", str(short), "--policy", str(draft))
    assert done.returncode == 0, done.stderr
    lines = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines() if line and line[0] != " "}
    assert lines["cost"][1].startswith("$")
    assert lines["answered by home"][-2:] == ["0", "(0.0%)"]
    assert lines["leaks"][1:] == ["0", "0"]
    assert any("home -> cloud by commercial (home: requirement)" in line for line in done.stdout.splitlines())
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ((), 2, "--trace"),
        (("--trace", "{short}", "--model", "gpt"), 2, "'gpt' is no model or deployment; there are chat, home, cloud, cloud-2"),
        (("--trace", "nowhere.csv"), 1, "nowhere.csv: document: expected a readable UTF-8 file"),
        (("--trace", "{short}", "--policy", "{short}"), 1, "expected a mapping at the top"),
        (("--trace", "{short}", "--world", "{lacking}"), 1, "cloud-2 cannot be predicted: nothing says how it behaves"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_said(
    more: tuple[str, ...], status: int, said: str, short: Path, tmp_path: Path
) -> None:
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text("deployments: {home: {self_hosted: {prefill_tokens_per_s: 9000, step_s: 0.01}}}")
    done = simulate(*(part.format(short=short, lacking=lacking) for part in more))
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""
