"""Attempts and decisions as the state hears of them."""

from typing import Any

from gateway.values.decision import Bounds, Decision
from gateway.values.deployment import Deployment, Hardware, Hosting, Price, Timeouts
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.slo import Slo
from gateway.values.usage import Usage


def asked(prompt_tokens: int = 100, *, stream: bool = True, **more: Any) -> Facts:
    return Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=prompt_tokens,
        max_output_tokens=None, stream=stream, **more,
    )  # fmt: skip


def decision(facts: Facts | None = None, slo: Slo | None = None, rule: str = "r") -> Decision:
    return Decision("d", 0.0, "1-x", rule, facts or asked(), 0, (), (), Bounds(1.0, 1), slo)


def attempt(outcome: Outcome = Outcome.OK, first_output_s: float | None = None, **more: Any) -> Attempt:
    fields = {"deployment": "a", "started_s": 0.0, "duration_s": 1.0} | more
    return Attempt(outcome=outcome, first_output_s=first_output_s, **fields)


def used(prompt: int, completion: int = 10, **more: Any) -> Usage:
    return Usage(prompt_tokens=prompt, completion_tokens=completion, **more)


def machine(hardware: Hardware | None, price: Price | None = None) -> Deployment:
    """A self-hosted deployment `a`."""
    return Deployment(
        name="a", provider="vllm", model="m", base_url="http://h/v1", hosting=Hosting.SELF_HOSTED, region=None,
        clearance=Sensitivity.PUBLIC, capabilities=frozenset(), context_tokens=None, max_output_tokens=None,
        price=price, timeouts=Timeouts(), own_cost=hardware,
    )  # fmt: skip
