"""Deployments whose time to the first output is drawn, in simulated time, behind the service's own readings and decisions.

Requests arrive by chance, each is decided when it arrives, and what comes back is learned when it comes: answers overlap,
and nothing is known before it could be. No clock is read; a seed is the whole story.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from gateway.learning.readings import Readings
from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.values.decision import Decision, Tier
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.usage import Usage
from tests.insight.worlds import catalogue, deployment, facts

START = 1.7e9
ANSWER_S = 1.0  # from the first output to the end


class Seen(NamedTuple):
    """One request: when it came, its prompt, what was forecast, what came, and how the deployment stood."""

    at: float  # seconds since the source's beginning
    prompt: int
    forecast_s: float | None
    first_s: float
    tier: Tier | None

    @property
    def is_slower(self) -> bool:
        """Than was forecast."""
        return self.forecast_s is not None and self.first_s > self.forecast_s


# seconds since the beginning, prompt tokens -> seconds to the first output
Times = Callable[[float, int], float]


class Source:
    """One deployment, `a`, that gives its first output after `times`. The objective names `percentile` and `under_s`."""

    def __init__(self, times: Times, *, own: bool = False, percentile: int = 95, under_s: float = 2.0) -> None:
        self.readings = Readings()
        self.seen: list[Seen] = []
        self._times = times
        slo = SloEntry(first_output=TargetEntry(under_s=under_s, percentile=percentile))
        rule = Rule(name="r", slo=slo, prefer=Prefer(order=["a"]))
        self._plan = compile_plan(
            Policy(rules=[rule]), catalogue(deployment("a", own=own)), number=1, default_deadline_s=60.0
        )
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0

    def behaves(self, times: Times) -> None:
        """From now on it answers like this."""
        self._times = times

    def asked(self, arrivals: Iterator[tuple[float, int]]) -> list[Seen]:
        """Play these: when each comes, in seconds since the beginning, and its prompt's tokens."""
        for at, prompt in arrivals:
            self._until(START + at)
            self._arrives(START + at, prompt)
        self._until(float("inf"))
        return self.seen

    def forecast(self, at: float, prompt: int) -> Decision:
        """What a request would be decided by at that time."""
        return decide(self._plan, asked(prompt), self.readings.snapshot(START + at), decision_id="d", seed=2**31)

    def _arrives(self, now: float, prompt: int) -> None:
        decision = self.forecast(now - START, prompt)
        first_s = self._times(now - START, prompt)
        found = decision.candidates[0]
        self.seen.append(Seen(now - START, prompt, found.first_output_s, first_s, found.tier))
        hold = self.readings.began("a", now, prompt, streamed=prompt)
        attempt = Attempt(
            deployment="a", outcome=Outcome.OK, started_s=0.0, duration_s=first_s + ANSWER_S, first_output_s=first_s,
            usage=Usage(prompt_tokens=prompt, completion_tokens=50), in_flight=hold.in_flight,
        )  # fmt: skip
        self._at(now + first_s, lambda then: self.readings.gave_output("a", hold, then))
        self._at(now + first_s + ANSWER_S, lambda then: self.readings.ended(attempt, hold, decision, then))

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what))

    def _until(self, now: float) -> None:
        while self._events and self._events[0][0] <= now:
            when, _, what = heapq.heappop(self._events)
            what(when)


def asked(prompt: int) -> Facts:
    """A stream with so many tokens of prompt, counted exactly."""
    return facts(prompt_tokens=prompt, exact_tokens=True, stream=True)


class Queue:
    """An own server that works on one prompt after the other: a line, and whoever is before one."""

    def __init__(self, base_s: float = 0.04, per_token_s: float = 0.127e-3) -> None:
        self.base_s, self.per_token_s, self.free_at = base_s, per_token_s, 0.0

    def __call__(self, at: float, prompt: int) -> float:
        """Seconds from when it came to when it is done."""
        self.free_at = max(self.free_at, at) + self.base_s + self.per_token_s * prompt
        return self.free_at - at


def arrivals(
    chance: random.Random, until_s: float, rate: Callable[[float], float], prompts: tuple[int, int] = (50, 2000)
) -> Iterator[tuple[float, int]]:
    """Poisson, so many a second as `rate` says for the time; prompts are spread evenly by their logarithm."""
    at, (low, high) = 0.0, prompts
    while True:
        at += chance.expovariate(rate(at))
        if at >= until_s:
            return
        yield at, round(low * (high / low) ** chance.random())
