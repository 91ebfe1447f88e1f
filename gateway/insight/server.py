"""What a simulated deployment is to those who ask it, and what both kinds have in common: failures and episodes."""

import math
from collections.abc import Iterable
from copy import copy
from statistics import NormalDist
from typing import NamedTuple, Protocol

from gateway.insight.clock import Clock
from gateway.insight.world import Episode, Failures
from gateway.routing.chance import hashed, shares
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome
from gateway.values.worker import VllmMetrics

_STATUS = {Outcome.SERVER_ERROR: 500, Outcome.OVERLOADED: 503}
_FAILS, _FIRST, _PACE = (hashed(word) for word in ("fails", "first", "pace"))
_normal = NormalDist().inv_cdf


class Asker(Protocol):
    """Who sent a job, and hears what becomes of it."""

    def told(self, headroom: Headroom) -> None:
        """The head of the answer said what is left of the rate limits."""

    def gave_output(self) -> None:
        """The first output came."""

    def ended(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        """It is over. Nothing follows."""


class _Nobody:
    """Asks in thought only."""

    def told(self, headroom: Headroom) -> None:
        """It does not matter."""

    def gave_output(self) -> None:
        """It does not matter."""

    def ended(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        """It does not matter."""


class Job:
    """A request at a server. `output_tokens` are those that it would generate, at least 1. `chance` is its own seed.

    `first_at` is when its first output came; `is_over` whether the server is done with it, `is_left` whether its caller is.
    """

    __slots__ = (
        "asker",
        "chance",
        "ends",
        "first_at",
        "is_left",
        "is_over",
        "left",
        "output_tokens",
        "pace_s",
        "prompt_tokens",
    )

    def __init__(self, prompt_tokens: int, output_tokens: int, chance: int, asker: Asker | None = None) -> None:
        self.prompt_tokens = prompt_tokens
        self.output_tokens = max(output_tokens, 1)
        self.chance = chance
        self.asker: Asker = asker or _Nobody()
        self.first_at: float | None = None
        self.is_over = self.is_left = False
        self.left = float(prompt_tokens)  # of the prompt, to be worked on
        self.ends = self.pace_s = 0.0

    def copied(self) -> "Job":
        """As it is now, asked by nobody."""
        job = copy(self)
        job.asker = _Nobody()
        return job

    def drawn(self) -> tuple[float, float, float]:
        """Three numbers of its own: in (0, 1) whether it fails; standard normal for its first output and for its pace."""
        fails, first, pace = shares(self.chance, (_FAILS, _FIRST, _PACE))
        return fails, _normal(first), _normal(pace)


class Foreseen(NamedTuple):
    """When a job would have its first output, and its end; seconds from now."""

    first_s: float
    total_s: float


class Server(Protocol):
    """One address of a deployment. A job is told to its asker only by events of the clock, never while `begin` runs."""

    def begin(self, job: Job) -> None:
        """A request comes in."""

    def leave(self, job: Job) -> None:
        """Its caller has gone: the work on it stops. It is told nothing more."""

    def generated(self, job: Job) -> int:
        """Output tokens that it has by now."""

    def is_up(self) -> bool:
        """Whether it answers when it is asked how it is: not while all requests fail."""

    def gauges(self) -> VllmMetrics | None:
        """What it says of itself; None if it says nothing."""

    def foresee(self, prompt_tokens: int, output_tokens: int, chance: int) -> Foreseen | None:
        """What would become of a job that began now, if none began after it; None if it would fail. Nothing is changed."""


class EpisodeFailures:
    """How one server's usual behaviour is changed by its episodes. `began` is when the first request comes."""

    def __init__(self, clock: Clock, usual: Failures, episodes: Iterable[Episode], began: float) -> None:
        self._clock = clock
        self._usual = usual
        self._began = began
        self._episodes = [(began + one.start_s, began + one.end_s, one) for one in episodes]

    def slower(self) -> float:
        """How many times as long everything takes now."""
        now = self._clock.now
        return math.prod(one.slower for start, end, one in self._episodes if start <= now < end)

    def failures(self) -> Failures:
        """How it fails now."""
        now = self._clock.now
        for start, end, one in self._episodes:
            if one.failures is not None and start <= now < end:
                return one.failures
        return self._usual

    def is_up(self) -> bool:
        """Not while all requests fail."""
        return self.failures().share < 1.0

    def turns(self) -> list[float]:
        """When an episode begins or ends."""
        return sorted({at for start, end, _ in self._episodes for at in (start, end)})

    def fails(self, drawn: float) -> bool:
        """Whether a job that drew this fails."""
        return drawn < self.failures().share

    def at(self, clock: Clock) -> "EpisodeFailures":
        """The same, by another clock."""
        return EpisodeFailures(clock, self._usual, [one for _, _, one in self._episodes], self._began)

    def refuses(self, job: Job, drawn: float) -> bool:
        """Whether this job fails; if so, it is told when it is time."""
        if not self.fails(drawn):
            return False
        failures = self.failures()
        if failures.outcome != "silent":
            self._clock.at(self._clock.now + failures.after_s, fail, (job, Outcome(failures.outcome), None))
        return True


def fail(what: tuple[Job, Outcome, float | None]) -> None:
    """Tell it, if it still matters: the job, how it ended, and what is asked for before the next."""
    job, outcome, retry_after_s = what
    if not job.is_over:
        job.is_over = True
        status = 429 if outcome is Outcome.RATE_LIMITED else _STATUS.get(outcome)
        job.asker.ended(outcome, status, retry_after_s)
