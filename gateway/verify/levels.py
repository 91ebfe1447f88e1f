"""The levels of a universe: one for each thing that tells requests apart, with a concrete choice for each atom of it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import msgspec

from gateway.routing.plan import Plan
from gateway.values.caller import Caller
from gateway.values.deployment import Capability, Catalogue
from gateway.values.finding import SensitiveKind
from gateway.values.request import LEAST_PROMPT_TOKENS, TAG, Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Surface
from gateway.verify.finding import Example
from gateway.verify.windows import open_together

_SESSION = "0" * 16
_BATCH = "batch_0"
_PLAIN = Facts(
    model="", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=1, stream=False
)


class Level(msgspec.Struct, frozen=True):
    """One thing that tells requests apart. `put` makes the choice of a request: of the members of its facts."""

    name: str
    choices: tuple[Any, ...]
    put: Callable[[dict[str, Any], Any], None]

    def mask(self, wanted: Callable[[Any], bool]) -> int:
        """The choices that are wanted, as bits."""
        return sum(1 << index for index, choice in enumerate(self.choices) if wanted(choice))


def levels_of(plan: Plan, catalogue: Catalogue, callers: tuple[Caller, ...], now: float) -> Iterator[Level]:
    """All levels, of which those that decide who may answer come first. Windows of time are looked at from `now` on."""
    space, detection = plan.space, plan.detection
    yield Level("model", (*catalogue.models, *catalogue.deployments), _put("model"))
    yield Level("caller", callers, _put_caller)
    yield Level("sensitivity", tuple(Sensitivity), _put("sensitivity"))
    yield Level("surface", _surfaces(plan), _put("surface"))
    yield Level("stream", (False, True), _put("stream"))
    prompts = _amounts(_cuts(plan, "prompt_tokens"), LEAST_PROMPT_TOKENS)
    yield Level("prompt_tokens", prompts, _put_amount("prompt_tokens"))
    outputs = (*_amounts(_cuts(plan, "output_tokens"), 1), None)
    yield Level("output_tokens", outputs, _put_amount("max_output_tokens"))
    for capability in reversed(Capability):  # an example that needs any, needs the most usual
        yield Level(f"needs.{capability.value}", (False, True), _put_need(capability))
    for dimension in space.dimensions:
        of, _, name = dimension.name.partition(".")
        if of == "tags":
            given = [value for value in dimension.atoms if isinstance(value, str) and _can_be_sent(name, value)]
            yield Level(dimension.name, (None, *given), _put_tag(name))
        elif of == "found":
            looked_for = SensitiveKind(name) in detection.kinds
            yield Level(dimension.name, (False, True) if looked_for else (False,), _put_found(SensitiveKind(name)))
        elif of == "session":
            yield Level(of, (None, _SESSION), _put("session"))
        elif of == "batch":
            yield Level(of, (None, _BATCH), _put("batch"))
        elif of == "time":
            yield Level(of, tuple(open_together(space.windows.windows, now).items()), _put_time)


def _surfaces(plan: Plan) -> tuple[Surface, ...]:
    """Chat, and all if the policy tells surfaces apart."""
    return tuple(Surface) if "surface" in plan.space.index else (Surface.CHAT,)


def _cuts(plan: Plan, name: str) -> tuple[int, ...]:
    at = plan.space.index.get(name)
    return () if at is None else plan.space.dimensions[at].cuts


def told_apart(plan: Plan, callers: Collection[Caller]) -> tuple[Caller, ...]:
    """One of each that the policy and its own rights tell apart; without keys the one who needs none."""
    apart: dict[Any, Caller] = {}
    names = {name: plan.space.dimensions[at].atoms for name, at in plan.space.index.items() if name in ("key", "team")}
    tags = {dimension.name for dimension in plan.space.dimensions}
    for one in callers or (Caller.anonymous(),):
        key = one.key if one.key in names.get("key", ()) else None
        team = one.team if one.team in names.get("team", ()) else None
        told = tuple(pair for pair in one.tags if f"tags.{pair[0]}" in tags)
        apart.setdefault((key, team, one.floor, one.models, told), one)
    return tuple(apart.values())


def request_of(picked: Iterable[tuple[Level, int]]) -> Example:
    """The request that has these choices; as plain as can be in all others."""
    members: dict[str, Any] = {**msgspec.structs.asdict(_PLAIN), "at": 0.0, "tags": {}}
    for level, choice in picked:
        level.put(members, level.choices[choice])
    at = members.pop("at")
    return Example(Facts(**{**members, "found": tuple(sorted(members["found"], key=lambda one: one.value))}), at)


def _amounts(cuts: tuple[int, ...], least: int) -> tuple[tuple[int, int | None], ...]:
    """Stretches of a number that a policy does not tell apart: first and last; None is no end."""
    begins = [least, *(cut for cut in cuts if cut > least)]
    return tuple(zip(begins, [*(begin - 1 for begin in begins[1:]), None], strict=True))


def _can_be_sent(name: str, value: str) -> bool:
    return TAG.fullmatch(name) is not None and TAG.fullmatch(value) is not None


Members = dict[str, Any]
Put = Callable[[Members, Any], None]


def _put(name: str) -> Put:
    return lambda members, choice: members.update({name: choice})


def _put_caller(members: Members, caller: Caller) -> None:
    members.update(key=caller.key, team=caller.team, scope=caller.models)


def _put_need(capability: Capability) -> Put:
    def put(members: Members, choice: bool) -> None:  # noqa: FBT001 - of a level with yes and no
        if choice:
            members["needs"] |= {capability}
            if capability is Capability.MULTIPLE_CHOICES:
                members["choices"] = 2

    return put


def _put_found(kind: SensitiveKind) -> Put:
    def put(members: Members, choice: bool) -> None:  # noqa: FBT001 - of a level with yes and no
        if choice:
            members["found"] = (*members["found"], kind)

    return put


def _put_tag(name: str) -> Put:
    def put(members: Members, choice: str | None) -> None:
        if choice is not None:
            members["tags"] = {**members["tags"], name: choice}

    return put


def _put_amount(name: str) -> Put:
    def put(members: Members, choice: tuple[int, int | None] | None) -> None:
        members[name] = None if choice is None else choice[0]

    return put


def _put_time(members: Members, choice: tuple[tuple[bool, ...], float]) -> None:
    members["at"] = choice[1]
