"""Every shipped policy, and README's, in the lab's burst: what own machines cannot answer in time, others do.

Each plays over its own deployments: those of one's own behave like the lab's own GPU, commercial ones like its cheap one.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from gateway.insight.lab.contenders import of_policy
from gateway.insight.lab.results import Score
from gateway.insight.lab.run import run_lab
from gateway.insight.lab.scenarios import CLOUD, HOME, Scenario, scenarios
from gateway.insight.world import World
from gateway.policies.source import policy_in, valid_policy
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from gateway.values.deployment import Catalogue, Hosting
from tests.support.gateway import REPOSITORY
from tests.support.readme import readme_configuration

POLICIES = sorted((REPOSITORY / "policies").glob("*.yaml"))
KEPT = 0.95


def played(file: Path, scenario: Scenario, seed: int = 0) -> Score:
    """What came of the file's policy."""
    catalogue = load(str(file), {}, OFFERS, without_secrets=True).catalogue
    contender = of_policy(file.stem, valid_policy(policy_in(file), catalogue))
    (found,) = run_lab([over(scenario, catalogue)], [contender], seed=seed).scenarios
    return found.scores[1]


def over(scenario: Scenario, catalogue: Catalogue) -> Scenario:
    """The same with other deployments. What says nothing of its cost runs on hardware like the lab's own."""
    like = {
        name: scenario.world.deployments[HOME if one.hosting is Hosting.SELF_HOSTED else CLOUD]
        for name, one in catalogue.deployments.items()
    }
    hardware = scenario.catalogue.deployments[HOME].own_cost
    priced = {
        name: one if one.has_price else replace(one, own_cost=hardware) for name, one in catalogue.deployments.items()
    }
    return replace(scenario, catalogue=replace(catalogue, deployments=priced), world=World(deployments=like))


@pytest.mark.long
@pytest.mark.parametrize("file", POLICIES, ids=lambda file: file.stem)
def test_a_shipped_policy_keeps_the_objective_in_a_burst(file: Path) -> None:
    assert played(file, scenarios()["burst"]).attainment > KEPT


@pytest.mark.parametrize("deadline_s", [60, 10])
def test_readmes_example_answers_a_burst_in_time(deadline_s: float, tmp_path: Path) -> None:
    config: dict[str, Any] = readme_configuration()
    config["policy"]["rules"][-1]["limits"]["deadline_s"] = deadline_s
    file = tmp_path / "readme.yaml"
    file.write_text(yaml.safe_dump(config))
    found = played(file, scenarios()["burst"])
    assert found.attainment > KEPT
    assert 1 - (found.refused + found.failed) / found.requests > KEPT
