"""Which strategies of other gateways play in the lab, each in its best settings."""

from collections.abc import Callable, Mapping, Sequence

from gateway.cli.rivals.rival import Picks, Rival
from gateway.cli.rivals.strategies import (
    InOrder,
    LeastBusy,
    LowestCost,
    LowestLatency,
    RoundRobin,
    WeightedShuffle,
)
from gateway.insight.chooser import Chooser
from gateway.insight.lab.contenders import BOUNDS, Contender, Prepare
from gateway.insight.lab.scenarios import CLOUD, CLOUD_2, HOME, Scenario

_PARTS = {HOME: HOME, CLOUD: CLOUD, CLOUD_2: CLOUD_2}
_NOBODY: tuple[str, ...] = ()


def rivals(parts: Mapping[str, str] = _PARTS, names: Sequence[str] = tuple(_PARTS)) -> list[Contender]:
    """The strategies of other gateways. `parts`: who takes the parts of the lab's deployments, `names` all that there are.

    Those that spread requests are played over all three deployments and with the dearest in reserve, as neither is better
    everywhere. The lowest cost is given a limit of 60 requests a minute for the own server, the best of 30, 60, 90, 120 and
    none; the lowest latency no buffer, the better of none and a half; each the reserve where that is better for it.
    """
    even = dict.fromkeys(names, 1.0)
    limits = {parts[HOME]: (60.0, float("inf"))} if HOME in parts else {}
    reserve = (parts[CLOUD_2],) if CLOUD_2 in parts else _NOBODY  # a group of its own that others fall back to
    return [
        *_spread("weighted shuffle", lambda: WeightedShuffle(even), reserve),
        *_spread("least busy", LeastBusy, reserve),
        *_spread("round robin", RoundRobin, reserve),
        _rival("lowest latency, reserve", lambda: LowestLatency(0.0), reserve),
        _rival("lowest cost, limit", lambda: LowestCost(limits), _NOBODY),
        _rival("in order", InOrder, _NOBODY),
    ]


def _spread(name: str, picks: Callable[[], Picks], reserve: Sequence[str]) -> list[Contender]:
    return [_rival(name, picks, _NOBODY), *([_rival(f"{name}, reserve", picks, reserve)] if reserve else [])]


def _rival(name: str, picks: Callable[[], Picks], reserve: Sequence[str]) -> Contender:
    def enters(scenario: Scenario) -> tuple[Chooser, Prepare]:
        rival = Rival(name, picks(), reserve=reserve, bounds=BOUNDS, slo=scenario.slo)
        return rival, rival.see

    return Contender(name, False, enters)
