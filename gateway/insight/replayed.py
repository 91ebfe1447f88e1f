"""Recorded attempts at one deployment, played again by a model of it: what times it gives, beside those on record."""

import math
from collections.abc import Sequence

from gateway.insight.batching import BatchingServer
from gateway.insight.clock import VirtualClock
from gateway.insight.commercial import CommercialServer
from gateway.insight.sample import Sample
from gateway.insight.server import EpisodeFailures, Job, Server
from gateway.insight.world import Behaviour, Failures, RateLimits
from gateway.routing.chance import hashed
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome

_LEAST_S = 1e-4
Times = tuple[float | None, float | None]  # to the first output, and in all; None if it was not reached


class _Watch:
    """Hears what becomes of one attempt."""

    __slots__ = ("_began", "_clock", "first_s", "total_s")

    def __init__(self, clock: VirtualClock, began: float) -> None:
        self._clock, self._began = clock, began
        self.first_s: float | None = None
        self.total_s: float | None = None

    def told(self, headroom: Headroom) -> None:
        """Of no interest."""

    def gave_output(self) -> None:
        self.first_s = self._clock.now - self._began

    def ended(self, outcome: Outcome, _status: int | None, _retry_after_s: float | None) -> None:
        if outcome is Outcome.OK:
            self.total_s = self._clock.now - self._began


def replayed(behaviour: Behaviour, samples: Sequence[Sample]) -> list[Times]:
    """Of each sample, in their order, which is that of time. Those that were cut off leave when they did."""
    clock = VirtualClock(samples[0].began)
    servers: dict[int, Server] = {}
    watches: list[_Watch] = []
    for one in samples:
        clock.run_until(one.began)
        watch = _Watch(clock, one.began)
        watches.append(watch)
        if one.outcome is not Outcome.OK and one.first_s is None:
            continue  # it was refused, or failed: it took no room
        server = servers.get(one.address)
        if server is None:
            server = servers[one.address] = _server(behaviour, clock)
        job = Job(one.prompt_tokens, max(one.output_tokens, 1), hashed(f"replayed/{len(watches)}"), watch)
        server.begin(job)
        if one.outcome is not Outcome.OK:
            clock.at(one.began + one.total_s, server.leave, job)
    clock.run_while(lambda: True)
    return [(watch.first_s, watch.total_s) for watch in watches]


def error_of(times: Sequence[Times], samples: Sequence[Sample]) -> float:
    """How far they are off: the mean size of the logarithm of predicted over seen, of first outputs of whole answers."""
    errors = [
        abs(math.log(max(first_s, _LEAST_S) / max(one.first_s, _LEAST_S)))
        for (first_s, _), one in zip(times, samples, strict=True)
        if one.is_whole_stream and first_s is not None and one.first_s is not None
    ]
    return sum(errors) / len(errors) if errors else math.inf


def _server(behaviour: Behaviour, clock: VirtualClock) -> Server:
    failures = EpisodeFailures(clock, Failures(), (), clock.now)
    if behaviour.self_hosted is not None:
        return BatchingServer(behaviour.self_hosted, failures, clock)
    if behaviour.commercial is not None:
        service = behaviour.commercial
        return CommercialServer(type(service)(
            first_output=service.first_output, output_token=service.output_token, limits=RateLimits()
        ), failures, clock)  # fmt: skip
    raise ValueError("a behaviour is of one of two kinds")
