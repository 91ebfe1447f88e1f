"""A commercial deployment: times are drawn from a distribution, whatever else it does, and it has rate limits."""

import math

from gateway.insight.clock import Clock
from gateway.insight.server import EpisodeFailures, Foreseen, Job, fail
from gateway.insight.world import Service
from gateway.values.headroom import Headroom, Quota
from gateway.values.outcome import Outcome
from gateway.values.worker import VllmMetrics

_MINUTE_S = 60.0
_REFUSES_AFTER_S = 0.05
_LEAST_PAUSE_S = 0.01


class CommercialServer:
    """One of these is one deployment of a provider."""

    def __init__(self, service: Service, failures: EpisodeFailures, clock: Clock) -> None:
        self._service = service
        self._failures = failures
        self._clock = clock
        limits = service.limits
        self._requests = None if limits.requests_per_minute is None else _Bucket(limits.requests_per_minute, clock)
        self._tokens = None if limits.tokens_per_minute is None else _Bucket(limits.tokens_per_minute, clock)

    def begin(self, job: Job) -> None:
        """It is refused, fails, or is answered at times that are drawn now."""
        now = self._clock.now
        fails, first, pace = job.drawn()
        if self._failures.refuses(job, fails):
            return
        pause_s = self._pause_s(job)
        if pause_s > 0:
            self._clock.at(now + _REFUSES_AFTER_S, self._refuse, (job, pause_s))
            return
        self._take(job)
        self._clock.at(now + self._first_s(job, first), self._first, job)
        job.pace_s = self._pace_s(pace)

    def leave(self, job: Job) -> None:
        """Nothing more comes of it."""
        job.is_over = True

    def generated(self, job: Job) -> int:
        """At its own pace since its first."""
        if job.first_at is None:
            return 0
        return min(1 + int((self._clock.now - job.first_at) / job.pace_s), job.output_tokens)

    def is_up(self) -> bool:
        """Not while all requests fail."""
        return self._failures.is_up()

    @staticmethod
    def gauges() -> VllmMetrics | None:
        """A provider does not say how full it is."""
        return None

    def foresee(self, prompt_tokens: int, output_tokens: int, chance: int) -> Foreseen | None:
        """All of it is drawn as soon as a job begins."""
        job = Job(prompt_tokens, output_tokens, chance)
        fails, first, pace = job.drawn()
        if self._failures.fails(fails) or self._pause_s(job) > 0:
            return None
        first_s = self._first_s(job, first)
        return Foreseen(first_s, first_s + (job.output_tokens - 1) * self._pace_s(pace))

    def _first_s(self, job: Job, drawn: float) -> float:
        line = self._service.first_output
        typical_s = line.median_s + job.prompt_tokens * line.per_prompt_token_s
        return typical_s * math.exp(line.sigma * drawn) * self._failures.slower()

    def _pace_s(self, drawn: float) -> float:
        pace = self._service.output_token
        return pace.median_s * math.exp(pace.sigma * drawn) * self._failures.slower()

    def _first(self, job: Job) -> None:
        if job.is_over:
            return
        job.first_at = now = self._clock.now
        self._tell(job)
        job.asker.gave_output()
        if not job.is_over:
            self._clock.at(now + (job.output_tokens - 1) * job.pace_s, self._end, job)

    @staticmethod
    def _end(job: Job) -> None:
        if not job.is_over:
            job.is_over = True
            job.asker.ended(Outcome.OK, 200, None)

    def _refuse(self, what: tuple[Job, float]) -> None:
        job, pause_s = what
        if not job.is_over:
            self._tell(job)
            fail((job, Outcome.RATE_LIMITED, pause_s))

    def _pause_s(self, job: Job) -> float:
        """How long until its limits allow this job; 0 if they do."""
        wanted = job.prompt_tokens + job.output_tokens
        pause_s = max(self._requests.pause_s(1.0) if self._requests else 0.0,
                      self._tokens.pause_s(wanted) if self._tokens else 0.0)  # fmt: skip
        return max(pause_s, _LEAST_PAUSE_S) if pause_s > 0 else 0.0

    def _take(self, job: Job) -> None:
        if self._requests:
            self._requests.take(1.0)
        if self._tokens:
            self._tokens.take(job.prompt_tokens + job.output_tokens)

    def _tell(self, job: Job) -> None:
        if self._service.limits.told and (self._requests or self._tokens):
            job.asker.told(
                Headroom(
                    self._requests.quota() if self._requests else None, self._tokens.quota() if self._tokens else None
                )
            )


class _Bucket:
    """Fills up in a minute."""

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._full = self._level = per_minute
        self._clock = clock
        self._at = clock.now

    def pause_s(self, wanted: float) -> float:
        self._fill()
        lacking = min(wanted, self._full) - self._level
        return lacking / self._full * _MINUTE_S if lacking > 0 else 0.0

    def take(self, wanted: float) -> None:
        self._level -= wanted

    def quota(self) -> Quota:
        """What is left, and when it is full again."""
        self._fill()
        return Quota(max(self._level, 0.0), self._at + (self._full - self._level) / self._full * _MINUTE_S)

    def _fill(self) -> None:
        now = self._clock.now
        self._level = min(self._level + (now - self._at) * self._full / _MINUTE_S, self._full)
        self._at = now
