"""The simulator: traffic meets a policy and a model of the deployments, in virtual time.

What decides and what learns is the service's own: `decide`, the readings with their breakers, limits and budgets, the
fallback plan after a failure. Only the deployments and the clock are models. The same traffic, world, policy and seed give the same
result. Not simulated: the gateway's own room and detection, callers who leave, what goes on after output has begun
(a broken stream ends; a least rate is not held), counting tokens exactly.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping

from gateway.insight.batching import BatchingServer
from gateway.insight.chooser import Chooser
from gateway.insight.clock import VirtualClock
from gateway.insight.commercial import CommercialServer
from gateway.insight.server import EpisodeFailures, Server
from gateway.insight.simulated_request import SimulatedRequest
from gateway.insight.traffic import Arrival
from gateway.insight.world import Behaviour, Unpredictable, World
from gateway.learning.readings import Readings
from gateway.routing.decide import UnknownModel
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment, Hosting
from gateway.values.records import Attempt, RequestFinished

NOTHING_SAYS = "nothing says how it behaves"
_PHASES = 1000  # of the interval at which gauges are read, so that not all are at once


class Simulation:
    """One policy in one world. `deployments`, `readings`, `clock` and `chooser` may be looked at and changed by events.

    `began` is seconds since the epoch, `seed` that of all that the deployments draw. `finished` is told each request's
    end, as the service's bus would be; `watched` each attempt before it is made, `heard` each one that
    has ended, and when.
    """

    def __init__(  # noqa: PLR0913 - what a simulation is made of
        self,
        chooser: Chooser,
        deployments: Mapping[str, Deployment],
        world: World,
        *,
        began: float,
        seed: int = 0,
        finished: Callable[[RequestFinished], None],
        watched: Callable[[Decision, str], None] = lambda _decision, _name: None,
        heard: Callable[[Attempt, float], None] = lambda _attempt, _now: None,
    ) -> None:
        self.chooser = chooser
        self.seed = seed
        self.deployments = dict(deployments)
        self.clock = VirtualClock(began)
        self.readings = Readings()
        self.request_finished = self._count_down(finished)
        self.watched, self.heard = watched, heard
        self.unknown_models = 0
        self._open = 0
        self._servers = {
            name: [self._server(deployment, world.deployments[name]) for _ in deployment.addresses or (None,)]
            for name, deployment in self.deployments.items()
            if name in world.deployments
        }
        self._begin_readings()

    def server(self, name: str, address: int) -> Server:
        """That at an address of a deployment. Raises Unpredictable."""
        servers = self._servers.get(name)
        if servers is None:
            raise Unpredictable({name: NOTHING_SAYS})
        return servers[address]

    def run(self, requests: Iterable[Arrival]) -> None:
        """Play them all, in the order of their time, to the end of the last. Raises Unpredictable."""
        clock, readings = self.clock, self.readings
        for arrival in requests:
            clock.run_until(arrival.at)
            try:
                chosen = self.chooser.choose(arrival, readings.snapshot(clock.now))
            except UnknownModel:
                self.unknown_models += 1
                continue
            self._open += 1
            SimulatedRequest(self, arrival, chosen).begin()
        clock.run_while(lambda: self._open > 0)

    def _count_down(self, finished: Callable[[RequestFinished], None]) -> Callable[[RequestFinished], None]:
        def told(record: RequestFinished) -> None:
            self._open -= 1
            finished(record)

        return told

    def _server(self, deployment: Deployment, behaviour: Behaviour) -> Server:
        failures = EpisodeFailures(self.clock, behaviour.failures, behaviour.episodes, self.clock.now)
        if behaviour.self_hosted is not None:
            return BatchingServer(behaviour.self_hosted, failures, self.clock)
        if behaviour.commercial is not None:
            return CommercialServer(behaviour.commercial, failures, self.clock)
        raise Unpredictable({deployment.name: NOTHING_SAYS})

    def _begin_readings(self) -> None:
        """As `gateway.app` sets them up, and as `gateway.watch` goes on to read what runs on own machines."""
        readings, now = self.readings, self.clock.now
        every = self.deployments.values()
        readings.declare({one.name: one.own_cost for one in every if one.own_cost}, now)
        readings.workers.declare(every)
        readings.declare_limits({one.name: one.max_in_flight for one in every if one.max_in_flight})
        for one in every:
            if one.hosting is Hosting.SELF_HOSTED and one.name in self._servers:
                for address in range(len(one.addresses)):
                    phase = zlib.crc32(f"{one.name}/{address}".encode()) % _PHASES / _PHASES
                    self.clock.at(now + phase * one.scrape_s, self._scrape, (one, address))

    def _scrape(self, what: tuple[Deployment, int]) -> None:
        deployment, address = what
        name, now, readings = deployment.name, self.clock.now, self.readings
        server = self._servers[name][address]
        if not server.is_up():
            readings.workers.silent(name, address, now, refused=True)
            if readings.workers.all_down(name):
                readings.down(name)
        else:
            readings.workers.answered(name, address, now)
            readings.up(name)
            if deployment.gauges and (gauges := server.gauges()) is not None:
                readings.workers.gauged(name, address, gauges, now)
        self.clock.at(now + deployment.scrape_s, self._scrape, what)
