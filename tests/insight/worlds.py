"""Small worlds for simulations: deployments, how they behave, traffic, and a policy's plan."""

from collections.abc import Iterable
from typing import Any

from gateway.insight.chooser import Chooser, Planned
from gateway.insight.simulate import Simulation
from gateway.insight.traffic import Arrival
from gateway.insight.world import Batching, Behaviour, FirstOutput, Service, Spread, World
from gateway.routing.compile import compile_plan
from gateway.routing.document import Policy, Rule
from gateway.values.deployment import Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.records import RequestFinished
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity

BEGAN = 1_700_000_000.0


def deployment(name: str, *, own: bool = False, **more: Any) -> Deployment:
    base: dict[str, Any] = {
        "provider": "vllm" if own else "openai", "model": "m", "base_url": f"http://{name}/v1",
        "hosting": Hosting.SELF_HOSTED if own else Hosting.COMMERCIAL, "region": None, "clearance": Sensitivity.RESTRICTED,
        "capabilities": frozenset(), "context_tokens": None, "max_output_tokens": None, "timeouts": Timeouts(),
        "gauges": own, "price": None if own else Price(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0),
    }  # fmt: skip
    return Deployment(name=name, **(base | more))


def catalogue(*deployments: Deployment) -> Catalogue:
    names = tuple(one.name for one in deployments)
    return Catalogue(
        deployments={one.name: one for one in deployments}, models={"chat": Model(name="chat", deployments=names)}
    )


def planned(of: Catalogue, **rule: Any) -> Planned:
    policy = Policy(rules=[Rule(name="all", **rule)])
    return Planned(compile_plan(policy, of, number=1, default_deadline_s=600.0))


def steady(first_s: float = 0.2, token_s: float = 0.01, **more: Any) -> Behaviour:
    """A commercial deployment whose times are always the same."""
    return Behaviour(
        commercial=Service(first_output=FirstOutput(median_s=first_s), output_token=Spread(median_s=token_s)), **more
    )


def batching(**more: Any) -> Behaviour:
    return Behaviour(self_hosted=Batching(**({"prefill_tokens_per_s": 10_000, "step_s": 0.01} | more)))


def facts(prompt_tokens: int = 100, **more: Any) -> Facts:
    base: dict[str, Any] = {
        "model": "chat", "sensitivity": Sensitivity.PUBLIC, "needs": frozenset(), "max_output_tokens": None, "stream": True,
    }  # fmt: skip
    return Facts(prompt_tokens=prompt_tokens, **(base | more))


def arrivals(times: Iterable[float], output_tokens: int = 11, of: Facts | None = None, **more: Any) -> list[Arrival]:
    asked = of or facts()
    return [
        Arrival(
            id=f"{number:06d}", at=BEGAN + at, facts=asked, prompt_tokens=asked.prompt_tokens,
            output_tokens=output_tokens, seed=number * 7919, **more,
        )
        for number, at in enumerate(times)
    ]  # fmt: skip


def simulated(
    chooser: Chooser, of: Catalogue, behaviours: dict[str, Behaviour], requests: list[Arrival]
) -> list[RequestFinished]:
    """In the order in which they ended."""
    records: list[RequestFinished] = []
    world = World(deployments=behaviours)
    Simulation(chooser, of.deployments, world, began=BEGAN, finished=records.append).run(requests)
    return records
