"""A plan: a policy compiled against a catalogue. Immutable, whole or not at all; a request ends on the one it began with.

Two tables inside remember what was worked out before. They change no result: only how soon it is there.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from gateway.routing.conditions import Expression
from gateway.routing.document import Fallback
from gateway.routing.fields import PoolFields
from gateway.routing.forecast import Forecast
from gateway.routing.space import Atoms, Space
from gateway.values.decision import Bounds, Candidate, Cause, Reason
from gateway.values.deployment import Capability, Deployment
from gateway.values.finding import SensitiveKind
from gateway.values.hedge import Hedge
from gateway.values.priority import Priority
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.slo import Slo
from gateway.values.surface import SERVES, Serves, Surface
from gateway.values.taken_fields import UNKNOWN_FIELDS, TakenFields

_REMEMBERED = 20_000  # combinations at most; then the table starts anew
_REMEMBERED_TIERS = 16


class Place(msgspec.Struct, frozen=True):
    """A deployment's place in a pool under one rule. `against` are the rule's own requirements that it fails.

    `position` is its number in the order to try; `weight` its share, None where it is a fallback only; `salt` is a hash
    of its name. `last_resort`: it is not of the model's pool, but the rule's fallback names it. `names`: what requests
    that reach it may ask for. `takes`: which members of a body its servers take; `lost`: those left out there.
    """

    name: str
    deployment: Deployment
    against: tuple[Reason, ...]
    position: int
    weight: float | None
    last_resort: bool
    salt: int
    names: frozenset[str]
    takes: TakenFields = UNKNOWN_FIELDS
    lost: tuple[str, ...] = ()


class Preference(msgspec.Struct, frozen=True):
    """What puts eligible deployments in order. `mix` is None without an objective; its parts add up to 1.

    `mix`: cost, latency, quality, load. `weighted`: by the places' weights, split by `split_by`.
    """

    mix: tuple[float, float, float, float] | None
    weighted: bool
    split_by: str
    explore: float


class Split(msgspec.Struct, frozen=True):
    """A pool as a class of requests meets it: what never changes is decided.

    `by_hardware`: some of the eligible have their costs from what they run on. `seen` remembers forecasts.
    """

    eligible: tuple[Place, ...]
    left_out: tuple[Candidate, ...]
    by_hardware: bool
    seen: dict[tuple[bool, bool, str | None], list[Forecast | None]]

    def forecasts(self, facts: Facts) -> list[Forecast | None]:
        """Those of the eligible, in their order, as far as they were needed before; the caller fills the list."""
        key = (facts.stream, facts.exact_tokens, facts.service_tier)
        found = self.seen.get(key)
        if found is None:
            if len(self.seen) >= _REMEMBERED_TIERS:
                self.seen.clear()
            found = self.seen[key] = [None] * len(self.eligible)
        return found


# the model, the sensitivity, the capabilities needed, the key's models, the members of the body: all, and essential ones;
# the surface, whether nothing may be lost, and what translations lose
SplitKey = tuple[
    str,
    Sensitivity,
    frozenset[Capability],
    frozenset[str] | None,
    frozenset[str],
    frozenset[str],
    Surface,
    bool,
    tuple[tuple[str, tuple[str, ...]], ...],
]


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule with everything decided that can be decided before a request comes.

    `pools` holds, for each name that can be asked for, its deployments in the order to try. `bounds` are the rule's own.
    """

    name: str
    when: Expression
    pools: dict[str, tuple[Place, ...]]
    bounds: Bounds
    slo: Slo | None
    preference: Preference
    fallback: Fallback
    refuse: bool
    exact_tokens: bool
    hedge: Hedge | None = None
    priority: Priority | None = None  # None: the key's
    lossless: bool = False  # who would lose a member of the request is left out
    splits: dict[SplitKey, Split] = {}

    def split(self, facts: Facts) -> Split:
        """The pool of the model asked for. Raises KeyError if there is none."""
        key = (
            facts.model,
            facts.sensitivity,
            facts.needs,
            facts.scope,
            facts.extra_fields,
            facts.essential_fields,
            facts.surface,
            facts.strict,
            facts.losses,
        )
        found = self.splits.get(key)
        if found is None:
            found = _split(self.pools[facts.model], facts, lossless=self.lossless or facts.strict)
            if len(self.splits) >= _REMEMBERED:
                self.splits.clear()
            self.splits[key] = found
        return found


class Detecting(msgspec.Struct, frozen=True):
    """What is looked for in requests, the class that each kind makes of one, and that of a failure."""

    kinds: frozenset[SensitiveKind]
    classes: dict[SensitiveKind, Sensitivity]
    if_it_fails: Sensitivity
    time_limit_s: float
    reports: bool = False  # what is found decides nothing: every class is public


def goes_on(rule: CompiledRule, facts: Facts) -> bool:
    """Whether a stream of this request that breaks is to be gone on with: a conversation's can be."""
    return facts.stream and rule.fallback.after_output == "continue" and SERVES[facts.surface] is Serves.CHAT


class Plan(msgspec.Struct, frozen=True):
    """`revision` is what answers and records carry: a number, and the start of `content`, the hash of all it is made of."""

    revision: str
    content: str
    rules: tuple[CompiledRule, ...]
    by_name: dict[str, CompiledRule]
    detection: Detecting
    space: Space
    matches: dict[Atoms, CompiledRule] = {}

    def match(self, facts: Facts, now: float) -> CompiledRule:
        """The first rule that matches; one always does. `now` is seconds since the epoch."""
        return self._at(self.space.atoms(facts, now))

    def cleared(self, facts: Facts, now: float) -> set[str]:
        """The deployments that may see the request under every rule that may match once its prompt is counted."""
        atoms, at = self.space.atoms(facts, now), self.space.index.get("prompt_tokens")
        rules = [self._at(atoms)]
        if at is not None:
            cuts = self.space.dimensions[at].cuts
            rules = [self._at((*atoms[:at], atom, *atoms[at + 1 :])) for atom in range(len(cuts) + 1)]
        eligible = [() if rule.refuse else rule.split(facts).eligible for rule in rules]
        return set.intersection(*({place.name for place in places} for places in eligible))

    def _at(self, atoms: Atoms) -> CompiledRule:
        found = self.matches.get(atoms)
        if found is None:
            found = next(rule for rule in self.rules if rule.when.holds(atoms))
            if len(self.matches) >= _REMEMBERED:
                self.matches.clear()
            self.matches[atoms] = found
        return found


PlanSource = Callable[[str | None, str], Plan]  # for a request of this session, if it has one, with this decision's id


def _split(pool: tuple[Place, ...], facts: Facts, *, lossless: bool) -> Split:
    serves = SERVES[facts.surface]
    fields = PoolFields([place.takes.on(serves) for place in pool if not place.last_resort], facts)
    against = {place.position: place.against + _static_reasons(place, facts, fields) for place in pool}
    if lossless:
        losses = dict(facts.losses)
        for place in pool:
            lost = (*fields.unheeded(place.takes.on(serves)), *losses.get(place.name, ()))
            if lost:
                against[place.position] += (Reason(Cause.LOSS, ", ".join(dict.fromkeys(lost)), None),)
    eligible = tuple(place for place in pool if not against[place.position])
    return Split(
        tuple(
            replace(place, lost=lost) if (lost := fields.lost(place.takes.on(serves))) else place for place in eligible
        ),
        tuple(Candidate(place.name, against[place.position]) for place in pool if against[place.position]),
        any(place.deployment.own_cost is not None for place in eligible),
        {},
    )


def _static_reasons(place: Place, facts: Facts, fields: PoolFields) -> tuple[Reason, ...]:
    """What no reading changes: clearance, surface, capabilities, fields, and whether a key could ask for a last resort."""
    deployment = place.deployment
    reasons: list[Reason] = []
    if place.last_resort and facts.scope is not None and facts.scope.isdisjoint(place.names):
        reasons.append(Reason(Cause.SCOPE, ", ".join(sorted(place.names)), None))
    if not deployment.clearance.covers(facts.sensitivity):
        reasons.append(Reason(Cause.CLEARANCE, facts.sensitivity.value, deployment.clearance.value))
    if facts.surface not in deployment.surfaces:
        reasons.append(Reason(Cause.SURFACE, SERVES[facts.surface].value, None))
    if not facts.needs <= deployment.capabilities:
        lacking = sorted(need.value for need in facts.needs - deployment.capabilities)
        reasons.append(Reason(Cause.CAPABILITY, ", ".join(lacking), None))
    reasons += fields.against(place.takes.on(SERVES[facts.surface]), deployment.provider)
    return tuple(reasons)
