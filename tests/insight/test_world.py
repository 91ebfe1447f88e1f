"""The document `world`: what is wrong with one is told with its place."""

import pytest

from gateway.insight.world import read_world
from gateway.values.problem import InvalidDocument

GOOD = """
deployments:
  home:
    self_hosted: {prefill_tokens_per_s: 9000, step_s: 0.012, max_running: 64}
    episodes:
      - {start_s: 600, end_s: 900, slower: 10}
  cloud:
    commercial:
      first_output: {median_s: 0.4, sigma: 0.3, per_prompt_token_s: 0.00005}
      output_token: {median_s: 0.012}
      limits: {requests_per_minute: 500}
    failures: {share: 0.01, outcome: overloaded}
"""


def test_a_world_is_read() -> None:
    world = read_world(GOOD, "world.yaml", ["home", "cloud"])
    home, cloud = world.deployments["home"], world.deployments["cloud"]
    assert home.self_hosted is not None
    assert home.self_hosted.batched_tokens == 2048
    assert home.episodes[0].slower == 10
    assert cloud.commercial is not None
    assert cloud.commercial.limits.requests_per_minute == 500


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  home:", "  hom:", "world.yaml:3:3: deployments.hom: expected the name of a deployment of the configuration, found 'hom' (did you mean 'home'?)"),
        ("step_s", "stepp_s", "world.yaml:4:"),
        ("step_s: 0.012", "step_s: 0", "world.yaml:4:47: deployments.home.self_hosted.step_s: expected more than 0"),
        ("    self_hosted: {prefill_tokens_per_s: 9000, step_s: 0.012, max_running: 64}\n", "", "world.yaml:3:3: deployments.home: expected exactly one of 'self_hosted' and 'commercial', found none of them"),
        ("end_s: 900", "end_s: 600", "world.yaml:6:24: deployments.home.episodes[0].end_s: expected a time after start_s"),
        ("overloaded", "tired", "world.yaml:12:29: deployments.cloud.failures.outcome: expected one of"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as invalid:
        read_world(GOOD.replace(old, new), "world.yaml", ["home", "cloud"])
    assert str(invalid.value.problems[0]).startswith(said)
