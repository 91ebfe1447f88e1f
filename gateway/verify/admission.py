"""Which requests a place in a pool admits, before anything is known of its health, its load and what was learned there.

Of sizes the question is whether any in a stretch can be admitted: costs are linear in the prompt between the prices'
tiers, so that the ends of the pieces decide. Sizes count as they are estimated. What a self-hosted deployment costs is
learned; no ceiling is held against it here.
"""

from collections.abc import Iterable

from gateway.routing.cost import most_usd
from gateway.routing.plan import Place
from gateway.values.deployment import Capability, Deployment
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import UNREAD
from gateway.verify.diagram import ALL, NONE
from gateway.verify.universe import Universe

Stretch = tuple[int, int | None]
_PRICED_APART = (Capability.AUDIO, Capability.MULTIPLE_CHOICES)


class PoolAdmission:
    """Sets of requests that places admit, each worked out once."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._by_place: dict[tuple[object, ...], int] = {}
        self._by_size: dict[tuple[str, float | None], int] = {}
        self._by_pool: dict[tuple[object, ...], int] = {}

    def of_pool(self, pool: Iterable[Place], ceiling: float | None) -> int:
        """What any place of a pool admits, under a rule with this ceiling in US dollars."""
        open_ones = tuple(sorted({self.of_place(place, ceiling) for place in pool}))
        found = self._by_pool.get(open_ones)
        if found is None:
            found = self._by_pool[open_ones] = self._universe.sets.either(*open_ones)
        return found

    def of_place(self, place: Place, ceiling: float | None) -> int:
        """What a place admits."""
        if place.against:
            return NONE
        names = place.names if place.last_resort else None
        key = (place.name, names, ceiling)
        found = self._by_place.get(key)
        if found is None:
            found = self._by_place[key] = self._made(place, names, ceiling)
        return found

    def _made(self, place: Place, names: frozenset[str] | None, ceiling: float | None) -> int:
        universe, deployment = self._universe, place.deployment
        lacking = [one for one in Capability if one not in deployment.capabilities]
        return universe.sets.every(
            universe.where("sensitivity", deployment.clearance.covers),
            universe.where("surface", deployment.surfaces.__contains__),
            *map(universe.not_needing, lacking),
            ALL
            if names is None
            else universe.where("caller", lambda one: one.models is None or not one.models.isdisjoint(names)),
            self._sizes(deployment, ceiling),
        )

    def _sizes(self, deployment: Deployment, ceiling: float | None) -> int:
        key = (deployment.name, ceiling)
        found = self._by_size.get(key)
        if found is None:
            found = self._by_size[key] = self._priced(deployment, ceiling)
        return found

    def _priced(self, deployment: Deployment, ceiling: float | None) -> int:
        if ceiling is None or deployment.own_cost is not None:
            return self._fitting(deployment, None, frozenset())
        sets = self._universe.sets
        parts: list[int] = []
        for needs in (frozenset(), *(frozenset({one}) for one in _PRICED_APART), frozenset(_PRICED_APART)):
            not_needed = [one for one in _PRICED_APART if one not in needs]
            here = [self._universe.needing(*needs), *(self._universe.not_needing(one) for one in not_needed)]
            parts.append(sets.every(*here, self._fitting(deployment, ceiling, needs)))
        return sets.either(*parts)

    def _fitting(self, deployment: Deployment, ceiling: float | None, needs: frozenset[Capability]) -> int:
        universe, sets = self._universe, self._universe.sets
        outputs = universe.levels[universe.index["output_tokens"]].choices
        prompts = universe.levels[universe.index["prompt_tokens"]].choices
        sets.spend(len(outputs) * len(prompts))
        by_prompts: dict[int, set[Stretch | None]] = {}
        for output in outputs:
            wanted = None if output is None else output[0]
            fits = sum(
                1 << index
                for index, prompt in enumerate(prompts)
                if _admits_any(deployment, prompt, wanted, ceiling, needs)
            )
            by_prompts.setdefault(fits, set()).add(output)
        level = universe.index["prompt_tokens"]
        return sets.either(
            *(
                sets.both(sets.where(level, fits), universe.where("output_tokens", group.__contains__))
                for fits, group in by_prompts.items()
            )
        )


def _admits_any(
    deployment: Deployment, prompt: Stretch, wanted: int | None, ceiling: float | None, needs: frozenset[Capability]
) -> bool:
    """Whether a request of any size in the stretch fits. `wanted`: the least output tokens that it asks for."""
    first, last = prompt
    room, most_output = deployment.context_tokens, deployment.max_output_tokens
    if most_output is not None and (wanted or 0) > most_output:
        return False
    if room is not None:
        last = room - (wanted or 0) if last is None else min(last, room - (wanted or 0))
        if last < first:
            return False
    if ceiling is None:
        return True
    tiers: list[str | None] = [None, *(deployment.price.service_tiers if deployment.price is not None else ())]
    return any(
        (usd := most_usd(deployment, _sized(tokens, wanted, needs), UNREAD, tokens, tier)) is not None
        and usd <= ceiling
        for tokens in _ends(deployment, first, last)
        for tier in tiers
    )


def _ends(deployment: Deployment, first: int, last: int | None) -> list[int]:
    """Where the pieces of a stretch end on which the price of a token is the same."""
    price = deployment.price
    prices = [] if price is None else [price, *price.service_tiers.values()]
    bounds = {tier.above_prompt_tokens for one in prices for tier in one.tiers}
    ends = {first, *(bounds), *(bound + 1 for bound in bounds), *(() if last is None else (last,))}
    return sorted(one for one in ends if one >= first and (last is None or one <= last))


def _sized(tokens: int, wanted: int | None, needs: frozenset[Capability]) -> Facts:
    return Facts(
        model="",
        sensitivity=Sensitivity.PUBLIC,
        needs=needs,
        prompt_tokens=tokens,
        max_output_tokens=wanted,
        stream=False,
        choices=2 if Capability.MULTIPLE_CHOICES in needs else 1,
    )
