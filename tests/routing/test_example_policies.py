"""The policies of `policies/`: each is valid, fits the published schema, and does what its first lines say."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from gateway.documents import load_struct, parse
from gateway.routing.compile import check_policy, compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.settings import schema
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Snapshot
from tests.support.gateway import REPOSITORY

FILES = sorted((REPOSITORY / "policies").glob("*.yaml"))


def deployment(name: str, hosting: Hosting, region: str, price: Price | None) -> Deployment:
    return Deployment(
        name=name, provider="openai", model=name, base_url="http://127.0.0.1:1/v1", hosting=hosting, region=region,
        clearance=Sensitivity.RESTRICTED, capabilities=frozenset(), context_tokens=None, max_output_tokens=1000,
        price=price, timeouts=Timeouts(),
    )  # fmt: skip


CATALOGUE = Catalogue(
    deployments={
        "home": deployment("home", Hosting.SELF_HOSTED, "eu", None),
        "cheap": deployment("cheap", Hosting.COMMERCIAL, "us", Price(input_usd_per_mtok=0.1, output_usd_per_mtok=0.4)),
        "dear": deployment("dear", Hosting.COMMERCIAL, "eu", Price(input_usd_per_mtok=10, output_usd_per_mtok=50)),
    },
    models={"chat": Model(name="chat", deployments=("dear", "cheap", "home"))},
)


def plan(name: str) -> Plan:
    file = REPOSITORY / "policies" / f"{name}.yaml"
    policy, problems = load_struct(parse(file.read_text(), file.name), Policy)
    assert policy is not None, problems
    check_policy(policy, CATALOGUE, lambda *problem: pytest.fail(str(problem)))
    return compile_plan(policy, CATALOGUE, number=1, default_deadline_s=600)


def ask(name: str, **facts: object) -> Decision:
    base: dict[str, object] = {
        "model": "chat", "sensitivity": Sensitivity.PUBLIC, "needs": frozenset(), "prompt_tokens": 100,
        "max_output_tokens": 500, "stream": False,
    }  # fmt: skip
    return decide(plan(name), Facts(**{**base, **facts}), Snapshot(0.0, {}), decision_id="d", seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_is_valid_and_fits_the_published_schema(file: Path) -> None:
    assert plan(file.stem).rules
    jsonschema.Draft202012Validator(schema(Policy, "Gateway policy")).validate(yaml.safe_load(file.read_text()))


def test_sensitive_stays_home() -> None:
    assert ask("sensitive-stays-home", sensitivity=Sensitivity.CONFIDENTIAL).attempts == ("home",)
    assert ask("sensitive-stays-home").attempts == ("dear", "cheap", "home")


def test_data_stays_in_region() -> None:
    assert ask("data-stays-in-region", tags={"region": "eu"}).attempts == ("dear", "home")
    assert ask("data-stays-in-region", tags={"region": "us"}).attempts == ("cheap",)


def test_cost_ceiling() -> None:
    decision = ask("cost-ceiling")
    assert decision.attempts == ("cheap",)
    causes = {one.deployment: [reason.cause for reason in one.against] for one in decision.candidates}
    assert causes == {"dear": [Cause.COST], "cheap": [], "home": [Cause.COST]}


def test_interactive_and_batch() -> None:
    assert ask("interactive-and-batch", stream=True).bounds.deadline_s == 30
    assert ask("interactive-and-batch", tags={"kind": "batch"}).bounds.max_attempts == 5
    assert ask("interactive-and-batch").bounds.deadline_s == 120


def test_long_context() -> None:
    assert ask("long-context", prompt_tokens=20_000).rule == "long"
    assert ask("long-context").rule == "the-rest"


def test_per_team() -> None:
    assert ask("per-team", team="hr").attempts == ("home",)
    assert ask("per-team", team="research").bounds.deadline_s == 900
