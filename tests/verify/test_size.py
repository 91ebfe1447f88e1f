"""Large policies: what is worked out is bounded by work, not by the clock; and what was not worked out is said."""

import random

from gateway.providers.vendors import SKILLS
from gateway.routing.compile import compile_plan
from gateway.routing.document import Fallback, Limits, Policy, Require, Rule, Time, When
from gateway.values.caller import Caller, Role
from gateway.values.deployment import Capability, Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.sensitivity import Sensitivity
from gateway.verify import FindingKind, Report, Severity, verify

NOW = 1.75e9


def world(rules: int, deployments: int, seed: int) -> tuple[Policy, Catalogue, list[Caller]]:
    """Rules of all kinds, on teams, tags, sizes, needs, classes and times; three hundred keys."""
    chance = random.Random(seed)
    price = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=3.0)
    places = {
        f"d{at}": Deployment(
            name=f"d{at}", provider="vllm", model="m", base_url=f"http://h{at // 2}/v1",
            hosting=chance.choice(list(Hosting)), region=chance.choice(["eu", "us", "cn"]),
            clearance=chance.choice(list(Sensitivity)), capabilities=frozenset(chance.sample(list(Capability), 4)),
            context_tokens=chance.choice([8192, 131072]), max_output_tokens=chance.choice([None, 4096]),
            price=chance.choice([None, price]), timeouts=Timeouts(),
        )
        for at in range(deployments)
    }  # fmt: skip
    models = {f"m{at}": Model(name=f"m{at}", deployments=tuple(chance.sample(list(places), 8))) for at in range(10)}
    keys = [
        Caller(
            key=f"k{at}", role=Role.APPLICATION, team=f"t{at % 50}", floor=chance.choice(list(Sensitivity)),
            models=chance.choice([None, None, frozenset(["m1", "m2"])]),
        )
        for at in range(300)
    ]  # fmt: skip
    made = [rule(chance, f"r{at}") for at in range(rules - 1)]
    return Policy(rules=[*made, Rule(name="last")]), Catalogue(deployments=places, models=models), keys


def rule(chance: random.Random, name: str) -> Rule:
    fields = chance.choice(
        [
            {"team": [f"t{chance.randrange(60)}"]},
            {"tags": {f"g{chance.randrange(60)}": "x"}, "sensitivity": chance.sample(list(Sensitivity), 2)},
            {"model": [f"m{chance.randrange(10)}"], "stream": chance.random() < 0.5},
            {"min_prompt_tokens": chance.choice([1000, 20000]), "needs": [chance.choice(list(Capability))]},
            {"tags": {f"g{chance.randrange(60)}": "y"}, "min_prompt_tokens": chance.choice([8000, 50000])},
        ]
    )
    zone = chance.choice(["Europe/Berlin", "Asia/Shanghai", "America/New_York"])
    time = Time(days=["sat"], start=f"{chance.randrange(24):02}:00", end="18:00", timezone=zone)
    return Rule(
        name=name,
        when=When(**fields, time=time if chance.random() < 0.1 else None),
        require=Require(region=chance.choice([None, ["eu"], ["us", "cn"]])),
        limits=Limits(max_cost_usd=chance.choice([None, None, 0.01])),
        fallback=Fallback(to=chance.choice([[], ["m1"]])),
    )


def verified(made: tuple[Policy, Catalogue, list[Caller]], **work: int) -> Report:
    policy, catalogue, callers = made
    plan = compile_plan(policy, catalogue, number=1, default_deadline_s=60)
    return verify(policy, catalogue, callers, plan, SKILLS, now=NOW, **work)


def test_two_hundred_rules_and_fifty_deployments_are_worked_out_whole() -> None:
    for seed in range(2):
        report = verified(world(200, 50, seed))
        assert report.complete
        assert {FindingKind.NEVER_MATCHES, FindingKind.NO_CANDIDATE, FindingKind.FALLBACK} <= {
            one.kind for one in report.findings
        }


def test_what_was_not_worked_out_is_said_and_nothing_false_is_claimed() -> None:
    """With less work allowed there are fewer findings, each of them one that all the work gives, too."""
    made = world(60, 20, seed=1)
    whole = verified(made)
    assert whole.complete
    said = {(one.kind, one.path, one.sentence) for one in whole.findings}
    complete = []
    for work in (10, 1_000, 3_000, 10_000, 30_000):
        report = verified(made, work=work)
        unproved = [one for one in report.findings if one.kind is FindingKind.NOT_PROVED]
        assert report.complete is not bool(unproved)
        assert all(one.severity is Severity.NOTE for one in unproved)
        assert {(one.kind, one.path, one.sentence) for one in report.findings if one not in unproved} <= said
        complete.append(report.complete)
    assert not complete[0]


def test_more_dimensions_than_can_be_looked_at() -> None:
    rules = [Rule(name=f"r{at}", when=When(tags={f"t{at}": "x"})) for at in range(500)]
    _, catalogue, _ = world(1, 10, seed=0)
    report = verified((Policy(rules=[*rules, Rule(name="last")]), catalogue, []))
    assert not report.complete
    assert [one.kind for one in report.findings] == [FindingKind.NOT_PROVED]
