"""What an attempt will cost, before it is made: the most it can, and what it probably will.

A self-hosted deployment's tokens cost their marginal price here: their share of the full hardware, which is paid whether
it answers or not. An attempt is charged at that rate too (`Readings.settled_usd`); the rest of the hardware is idle.
"""

from collections.abc import Sequence

from gateway.values.deployment import Capability, Deployment, Hardware
from gateway.values.request import Facts
from gateway.values.snapshot import Reading

_AUDIO = frozenset({Capability.AUDIO})
# US dollars: for a prompt token and an output token at the most, for each as usual, for the request
Rates = tuple[float, float, float, float, float]


def most_usd(
    deployment: Deployment, facts: Facts, reading: Reading, prompt_tokens: float, service_tier: str | None = None
) -> float | None:
    """The most that an attempt can cost: all the output that it may produce, every token at its dearest.

    `prompt_tokens` is the best estimate there is; `service_tier` is what the request asks for, None the usual one.
    None if the price is unknown, or if nothing bounds the output, or what the provider's own tools give the model to read.
    """
    if facts.own_tools and facts.surface in deployment.own_tools:
        return None
    if facts.units is not None and ((by_unit := _by_unit(deployment, facts)) is not None or not _is_of_text(facts)):
        return by_unit
    output: float | None = facts.max_output_tokens
    if output is None and (output := _bound(deployment, prompt_tokens)) is None:
        return None
    output *= facts.choices
    price = deployment.price
    if price is None:
        return None if deployment.own_cost is None else _own_usd(deployment.own_cost, reading, prompt_tokens + output)
    if price.tiers or service_tier is not None:
        price = price.at(prompt_tokens, service_tier)
        if price is None:
            return None
    rates = price.dearest_with_audio if facts.needs and facts.needs >= _AUDIO else price.dearest
    return None if rates is None else prompt_tokens * rates[0] + output * rates[1] + price.request_usd


def expected_usd(
    deployment: Deployment, facts: Facts, reading: Reading, prompt_tokens: float, service_tier: str | None = None
) -> float | None:
    """What an attempt will probably cost: nothing cached, and as much output for each choice as answers lately had.

    Where that was not learned yet, it is all the output that it may produce. In a request with audio every token has its
    dearest price, as nobody said how many are audio. None if the price is unknown, or if nothing says how much output.
    """
    if facts.units is not None and ((by_unit := _by_unit(deployment, facts)) is not None or not _is_of_text(facts)):
        return by_unit
    output: float | None = reading.output_tokens
    bound = facts.max_output_tokens
    if output is None or (bound is not None and bound < output):
        output = _bound(deployment, prompt_tokens) if bound is None else bound
        if output is None:
            return None
    output *= facts.choices
    price = deployment.price
    if price is None:
        return None if deployment.own_cost is None else _own_usd(deployment.own_cost, reading, prompt_tokens + output)
    if price.tiers or service_tier is not None:
        price = price.at(prompt_tokens, service_tier)
        if price is None:
            return None
    rates = price.dearest_with_audio if facts.needs and facts.needs >= _AUDIO else price.usual
    return None if rates is None else prompt_tokens * rates[0] + output * rates[1] + price.request_usd


def flat_rates(deployment: Deployment, reading: Reading, facts: Facts) -> Rates | None:
    """The rates that `most_usd` and `expected_usd` multiply with, whatever the tokens; of `facts` only needs and tier count,
    and no provider runs tools for it.

    None if the price is unknown, or depends on the prompt's length: then ask those two.
    """
    price = deployment.price
    if price is None:
        marginal = None if deployment.own_cost is None else _own_usd(deployment.own_cost, reading, 1.0)
        return None if marginal is None else (marginal, marginal, marginal, marginal, 0.0)
    if facts.service_tier is not None:
        price = price.service_tiers.get(facts.service_tier)
    if price is None or price.tiers:
        return None
    with_audio = facts.needs and facts.needs >= _AUDIO
    most = price.dearest_with_audio if with_audio else price.dearest
    usual = price.dearest_with_audio if with_audio else price.usual
    return None if most is None or usual is None else (*most, *usual, price.request_usd)


def is_saturated(reading: Reading) -> bool:
    """Whether a self-hosted deployment is full: one more request there sends another one elsewhere."""
    own = reading.own_cost
    return own is not None and own.busy is not None and own.busy >= 1.0


def with_spills(expected: Sequence[float | None], saturated: Sequence[bool]) -> list[float | None]:
    """The expected costs, where those of saturated deployments are what the spill costs.

    That is the cheapest of the candidates that are not saturated, or its own cost where that is higher: to be full makes
    nothing cheaper. If no other candidate has a known cost, then neither has the spill; if there is no other candidate,
    nothing can spill: requests wait, and cost what they do. Both sequences are of the same candidates, in any order.
    """
    if True not in saturated or False not in saturated:
        return list(expected)
    others = [usd for usd, full in zip(expected, saturated, strict=True) if usd is not None and not full]
    spill = min(others, default=None)
    return [
        usd if not full else None if usd is None or spill is None else max(usd, spill)
        for usd, full in zip(expected, saturated, strict=True)
    ]


def _by_unit(deployment: Deployment, facts: Facts) -> float | None:
    """Of a request whose units are known and have a price. What they are is said by its body: no more can be used."""
    price = deployment.price
    if facts.units is None or price is None or (usd := price.units.usd(facts.units)) is None:
        return None
    return usd + price.request_usd


def _is_of_text(facts: Facts) -> bool:
    """Whether its tokens are those of its texts: those of sound and images nobody counts before."""
    return facts.max_output_tokens is not None


def _bound(deployment: Deployment, prompt_tokens: float) -> float | None:
    """The output tokens that a deployment can give at most; None if nothing says."""
    if deployment.max_output_tokens is not None:
        return deployment.max_output_tokens
    if deployment.context_tokens is None:
        return None
    return max(deployment.context_tokens - prompt_tokens, 0)


def _own_usd(hardware: Hardware, reading: Reading, tokens: float) -> float | None:
    own = reading.own_cost
    usd_per_mtok = hardware.marginal_usd_per_mtok if own is None else own.marginal_usd_per_mtok
    return None if usd_per_mtok is None else tokens * usd_per_mtok / 1e6
