"""The lab as a whole: the same for the same seed, nothing of the gateway's leaks, and what it says follows from its numbers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec.structs import replace

from gateway.cli.rivals.table import rivals
from gateway.insight.lab.contenders import of_policy
from gateway.insight.lab.picture import lab_picture
from gateway.insight.lab.results import Lab, PlayedScenario, Score, against
from gateway.insight.lab.run import run_lab
from gateway.insight.lab.scenarios import CATALOGUE, scenarios
from gateway.insight.lab.sentences import against_sentence, lab_sentences
from gateway.policies.source import PolicySource, valid_policy
from tests.support.forked import gateway_command
from tests.support.gateway import REPOSITORY

OWN_FIRST = REPOSITORY / "policies" / "own-first.yaml"
SPILL_OVER = REPOSITORY / "policies" / "spill-over.yaml"


def command(*more: str, hash_seed: str | None = None) -> subprocess.CompletedProcess[str]:
    if hash_seed is None:
        return gateway_command("lab", *more)
    return subprocess.run(
        [sys.executable, "-m", "gateway", "lab", *more],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip


@pytest.fixture(scope="module")
def calm() -> Lab:
    policy = valid_policy(PolicySource(str(SPILL_OVER), SPILL_OVER, "policy"), CATALOGUE)
    return run_lab([scenarios()["calm"]], [of_policy("spill-over", policy), *rivals()])


def test_the_seed_decides_and_not_the_hashes_of_the_process(calm: Lab) -> None:
    """This process, which played `calm`, has hashes by chance."""
    found = command("--json", "--policy", str(SPILL_OVER), "--scenario", "calm", hash_seed="1")
    assert found.returncode == 0, found.stderr
    scores: list[dict[str, Any]] = json.loads(found.stdout)["scenarios"][0]["scores"]
    assert scores == [json.loads(msgspec.json.encode(one)) for one in calm.scenarios[0].scores]


def test_the_published_table_is_of_this_code(calm: Lab) -> None:
    """One scenario of docs/reference/lab.md; the others follow from the same code."""
    published = (REPOSITORY / "docs" / "reference" / "lab.md").read_text("utf-8").splitlines()
    rows = {
        line.split("  ")[1]: line.split() for line in published[_at(published, "calm:") :][:20] if line.startswith("  ")
    }
    for score in calm.scenarios[0].scores:
        assert f"{score.attainment:.2%}" in rows[score.name], f"{score.name}: run `python -m benchmarks.lab`"
        assert f"${score.total_usd:.3f}" in rows[score.name]


def _at(lines: list[str], begins: str) -> int:
    return next(number for number, line in enumerate(lines) if line.startswith(begins))


def test_where_there_is_room_nobody_is_noticeably_better_than_the_oracle_and_the_policy_leaks_nothing(
    calm: Lab,
) -> None:
    """It cannot know the requests to come, so that a hundredth better is possible (docs/lab.md)."""
    oracle, *others = calm.scenarios[0].scores
    assert oracle.attainment > 0.99
    assert all(one.regret > -0.01 for one in others)
    assert sum(one.regret > 0.05 for one in others) >= len(others) - 1
    assert [one.leaks for one in others if one.is_policy] == [0]
    assert all(one.unknown_attempts == 0 for one in others)


def test_the_shipped_policy_is_a_fifth_cheaper_than_the_best_of_the_others(calm: Lab) -> None:
    (found,) = calm.scenarios[0].against
    assert found.policy == "spill-over"
    assert found.cheaper >= 0.2


@pytest.mark.long
@pytest.mark.parametrize("name", ["burst", "slow-down", "quota"])
def test_what_keeps_the_objective_as_often_as_own_machines_to_the_full_costs_a_fifth_more(name: str) -> None:
    policy = valid_policy(PolicySource(str(OWN_FIRST), OWN_FIRST, "policy"), CATALOGUE)
    (played,) = run_lab([scenarios()[name]], [of_policy("own-first", policy), *rivals()]).scenarios
    (found,) = played.against
    assert found.cheaper >= 0.2


def score(name: str, attainment: float, usd: float, *, is_policy: bool = False) -> Score:
    return Score(
        name=name, is_policy=is_policy, requests=100, attainment=attainment, total_usd=usd, billed_usd=usd,
        unknown_attempts=0, refused=0, failed=0, leaks=0, first_output_p95_s=None, total_p95_s=None, regret=0.0,
        billed_regret=0.0, answered={},
    )  # fmt: skip


def test_a_policy_stands_beside_the_cheapest_of_those_that_keep_as_much() -> None:
    oracle, ours = score("oracle", 1.0, 0.1), score("ours", 0.98, 1.0, is_policy=True)
    others = [score("cheap", 0.9, 0.5), score("dear", 0.99, 4.0), score("good", 0.98, 2.0)]
    (found,) = against([oracle, ours, *others])
    assert (found.other, found.as_good, found.cheaper) == ("good", True, 0.5)
    (found,) = against([oracle, ours, *others[:1], score("better", 0.97, 1.25)])
    assert (found.other, found.as_good, found.cheaper) == ("better", False, 0.2)


def test_a_catalogue_of_ones_own_takes_the_parts_of_the_labs(tmp_path: Path) -> None:
    """Other names; and one without own hardware, for which what happens to it is left out."""
    commercial = {
        "hosting": "commercial",
        "base_url": "http://theirs/v1",
        "clearance": "restricted",
        "api_key": "${env:K}",
        "provider": "openai",
        "model": "gpt-4o-mini",
    }
    own = {
        "hosting": "self_hosted",
        "provider": "vllm",
        "model": "m",
        "base_url": "http://gpu/v1",
        "own_cost": {"gpu_hour_usd": 2.0, "tokens_per_s": 2500},
    }
    few = {
        "dear": commercial | {"price": {"input_usd_per_mtok": 5.0, "output_usd_per_mtok": 9.0}},
        "cheap": commercial | {"price": {"input_usd_per_mtok": 0.1, "output_usd_per_mtok": 0.4}},
    }
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: [{name: all, prefer: {order: [cheap, dear]}}]")
    for deployments, left_out in ((few, "slow-down, outage"), (few | {"gpu": own}, "")):
        of = tmp_path / "gateway.yaml"
        of.write_text(json.dumps({"deployments": deployments, "models": {"m": {"deployments": list(deployments)}}}))
        done = command("--catalogue", str(of), "--policy", str(policy), "--scenario", "calm", "--json")
        assert done.returncode == 0, done.stderr
        assert (f"left out, as no deployment can take the part: {left_out}" in done.stderr) == bool(left_out)
        (played,) = json.loads(done.stdout)["scenarios"]
        (ours,) = [one for one in played["scores"] if one["is_policy"]]
        assert set(ours["answered"]) == set(deployments)
        assert ours["answered"]["cheap"] > 0.9 * ours["requests"]
    done = command("--catalogue", str(of), "--policy", str(OWN_FIRST))
    assert done.returncode == 1
    assert "home" in done.stderr
    unpriced = {"x": commercial | {"model": "nobody-lists-this"}}
    of.write_text(json.dumps({"deployments": unpriced, "models": {"m": {"deployments": ["x"]}}}))
    done = command("--catalogue", str(of))
    assert done.returncode == 1
    assert "x has no price, and the lab compares costs" in done.stderr


def test_a_policy_that_keeps_hardly_anything_is_not_called_cheaper() -> None:
    oracle, ours = score("oracle", 1.0, 0.1), score("ours", 0.18, 0.3, is_policy=True)
    for others in (
        [score("good", 0.98, 2.0)],
        [score("good", 0.98, 2.0), score("as bad", 0.19, 1.0)],
        [score("worse", 0.1, 1.0)],
    ):
        (found,) = against([oracle, ours, *others])
        said = against_sentence(found)
        assert "cheaper" not in said
        most = max(one.attainment for one in others)
        assert said == f"ours: keeps 18.0%, others up to {most:.1%}: too little for its cost to say anything"
    (found,) = against([oracle, replace(ours, attainment=0.97), score("good", 0.98, 2.0)])
    assert against_sentence(found).startswith("ours: 85.0% cheaper than good")


def test_everyone_is_in_the_picture_where_it_is() -> None:
    """Not at the edge, as if it kept as much as the axis begins with."""
    scores = [score("oracle", 1.0, 0.1), *(score(f"keeps {kept}", kept, 0.3) for kept in (0.0, 0.18, 0.84, 0.85, 0.97))]
    for least in range(1, 6):
        some = (scores[0], *scores[least:])
        played = PlayedScenario(name="x", sentence="y", requests=9, scores=some, against=())
        picture = lab_picture(Lab(seed=0, miss_usd=0.0, scenarios=(played,)))
        places = [float(x) for x in re.findall(r'<circle cx="([-0-9.]+)" cy="[-0-9.]+" r="3.5"', picture)]
        assert len(set(places)) == len(some) - 1
        assert all(42.0 <= x <= 282.0 for x in places)


def test_a_picture_and_a_table_show_everyone(calm: Lab) -> None:
    root = ET.fromstring(lab_picture(calm))
    titles = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}title")]
    names = [one.name for one in calm.scenarios[0].scores]
    assert sorted(title.rpartition(": ")[0] for title in titles) == sorted(names)
    lines = lab_sentences(calm)
    assert all(any(line.strip().startswith(f"{name}  ") for line in lines) for name in names)
    empty = Lab(seed=0, miss_usd=0.0, scenarios=(PlayedScenario(name="x", sentence="y", requests=0, scores=(score("<", 0, 0),), against=()),))  # fmt: skip
    ET.fromstring(lab_picture(empty))


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (("--policy", "policies/canary.yaml"), 1, "policies/canary.yaml"),
        (("--policy", "nowhere.yaml"), 1, "nowhere.yaml: document: expected a readable UTF-8 file"),
        (("--world", "w.yaml"), 2, "--model and --world are of a --catalogue"),
        (("--scenario", "storm"), 2, "'storm' is not one of 'calm'"),
    ],
)
def test_what_cannot_be_played_is_said(more: tuple[str, ...], status: int, said: str) -> None:
    done = command(*more)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""
