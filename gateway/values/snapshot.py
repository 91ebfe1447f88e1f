"""The world at one instant, as a decision sees it. A reading that is missing is a state of its own (law 13)."""

import math

import msgspec

from gateway.values.admissibility import OPEN, Admissibility, Health, Rejection
from gateway.values.slo import SloReading
from gateway.values.worker import WorkerReading


class Quantiles(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Numbers at the percentiles that a target may name. In JSON a list of the four, in this order."""

    p50: float
    p90: float
    p95: float
    p99: float

    def at(self, percentile: int) -> float:
        """`percentile` is 50, 90, 95 or 99."""
        if percentile == 95:
            return self.p95
        if percentile == 50:
            return self.p50
        return self.p90 if percentile == 90 else self.p99


NO_WAIT = Quantiles(0.0, 0.0, 0.0, 0.0)


class Line(msgspec.Struct, frozen=True, gc=False):
    """Seconds as a sum of what they grow with, times the spread around it, and the wait before.

    At a percentile: `wait_s.at(percentile) + spread.at(percentile) * (base_s + prompt_tokens * per_prompt_token_s +
    in_flight * per_in_flight_s + output_tokens * per_output_token_s + ahead_tokens * per_ahead_token_s)`. `in_flight`
    counts the attempts that were there before this one; `ahead_tokens` are `Reading.ahead_tokens`. Where there are any,
    the spread is `queued_spread`, if that is known. No part is negative.
    """

    base_s: float
    per_prompt_token_s: float
    per_in_flight_s: float
    spread: Quantiles
    per_output_token_s: float = 0.0
    per_ahead_token_s: float = 0.0
    wait_s: Quantiles = NO_WAIT
    queued_spread: Quantiles | None = None


class Latency(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How a deployment answered lately. A part that is None was not seen.

    `first_output` is of streams, `total` of whole answers; `output_token` is seconds for each output token of one
    choice after the first, of streams, and `output_token_in_flight` by how much these are more for each other attempt
    that was there. Learned by `gateway.learning.latency`, from the newest samples.
    """

    samples: int  # the answers it was learned from
    measured_at: float  # the newest of them, seconds since the epoch
    first_output: Line | None = None
    output_token: Quantiles | None = None
    total: Line | None = None
    output_token_in_flight: Quantiles | None = None
    falls: float | None = None  # so many times as long as usual took the newest, if far less: too few yet to believe it
    newest: float | None = None  # so many times what is predicted for 95 of 100 took the newest; None if it was cut off

    def pace_s(self, in_flight: int, percentile: int) -> float | None:
        """Seconds for each output token after the first; None if no stream was seen."""
        pace, more = self.output_token, self.output_token_in_flight
        if pace is None:
            return None
        return pace.at(percentile) + (0.0 if more is None else in_flight * more.at(percentile))

    def first_output_line(self, in_flight: int, percentile: int, ahead_tokens: int = 0) -> tuple[float, float] | None:
        """Seconds to a stream's first output: so many, and so many for each prompt token. None if no stream was seen."""
        line = self.first_output
        if line is None:
            return None
        its_spread = line.spread
        if ahead_tokens and line.queued_spread is not None:
            its_spread = line.queued_spread
        spread = its_spread.at(percentile)
        seconds = (line.base_s + in_flight * line.per_in_flight_s + ahead_tokens * line.per_ahead_token_s) * spread
        if line.wait_s is not NO_WAIT:  # nearly always nobody waits
            seconds += line.wait_s.at(percentile)
        return seconds, line.per_prompt_token_s * spread

    def total_line(
        self,
        in_flight: int,
        percentile: int,
        stream: bool,  # noqa: FBT001 - by position where it is quick
        ahead_tokens: int = 0,
    ) -> tuple[float, float, float] | None:
        """Seconds of an answer: so many, for each prompt token, for each output token of a choice after its first.

        A stream's is the sum of its parts at the percentile, so rather too long. Where only the other kind of answer
        was seen, it is that kind's: the work is the same. None if neither was.
        """
        first, line = self.first_output_line(in_flight, percentile, ahead_tokens), self.total
        pace_s = self.pace_s(in_flight, percentile)
        if first is not None and pace_s is not None and (stream or line is None):
            return *first, pace_s
        if line is None:
            return None
        spread = line.spread.at(percentile)
        seconds = (line.base_s + in_flight * line.per_in_flight_s + line.per_output_token_s) * spread
        if line.wait_s is not NO_WAIT:
            seconds += line.wait_s.at(percentile)
        return seconds, line.per_prompt_token_s * spread, line.per_output_token_s * spread

    def first_output_at(
        self, prompt_tokens: int, in_flight: int, percentile: int, ahead_tokens: int = 0
    ) -> float | None:
        """Seconds to a stream's first output; None if no stream was seen."""
        line = self.first_output_line(in_flight, percentile, ahead_tokens)
        return None if line is None else line[0] + prompt_tokens * line[1]

    def total_at(
        self,
        prompt_tokens: int,
        in_flight: int,
        output_tokens: float | None,
        percentile: int,
        stream: bool,  # noqa: FBT001 - by position where it is quick
    ) -> float | None:
        """Seconds of an answer with this many output tokens in each choice. None if they or the pace are unknown."""
        line = self.total_line(in_flight, percentile, stream)
        if output_tokens is None or line is None:
            return None
        return line[0] + prompt_tokens * line[1] + max(output_tokens - 1.0, 0.0) * line[2]


class OwnCost(msgspec.Struct, frozen=True, gc=False):
    """What a self-hosted deployment's tokens cost, in US dollars per million.

    `average`: the price of its GPU-hours over the tokens really served in the window. `marginal`: what one more token
    costs on a GPU that is paid anyway: its share of a full GPU. `busy` is in [0, 1]; at 1 the next token costs a spill.
    None is unknown.
    """

    average_usd_per_mtok: float | None
    marginal_usd_per_mtok: float | None
    busy: float | None


class Reading(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is known of one deployment. Seconds are wall-clock where absolute; None is unknown."""

    health: Health = Health.UNKNOWN
    in_flight: int = 0
    admissibility: Admissibility = OPEN
    latency: Latency | None = None
    output_tokens: float | None = None  # moving mean of what one choice of an answer has
    prompt_token_ratio: float | None = None  # prompt tokens as the provider counts them over our estimate
    own_cost: OwnCost | None = None
    quality: float | None = None  # mean of the feedback, in [0, 1]
    workers: tuple[WorkerReading, ...] = ()  # by address; empty where nothing distinguishes them or one is all
    wait_s: float | None = None  # that a request has to expect at the best of them, before the work on it begins
    ahead_tokens: int = 0  # of the prompts of streams that are there and have given nothing yet
    output_lengths: Quantiles | None = None  # how long one choice of the newest answers was, in tokens
    silent_since: float | None = None  # streams wait since then, and none that began later has output

    def rejection(self, tokens: float, now: float) -> Rejection | None:
        """What keeps a request of so many tokens (prompt, and output asked for) out; None if nothing does."""
        if self.health is Health.DOWN:
            return Rejection(Health.DOWN)
        return None if self.admissibility is OPEN else self.admissibility.rejection(self.in_flight, tokens, now)

    def closed_until(self) -> float:
        """Until then, or until the reading is another one, `rejection` keeps every request out; seconds since the epoch."""
        if self.health is Health.DOWN:
            return math.inf
        return 0.0 if self.admissibility is OPEN else self.admissibility.closed_until(self.in_flight)

    def state(self, now: float) -> Health:
        """How it is now, for people."""
        rejection = self.rejection(0.0, now)
        if rejection is not None:
            return rejection.state
        if self.admissibility.rests(now):
            return Health.RESTING
        return Health.PROBING if self.health is Health.SHUT else self.health


class Snapshot(msgspec.Struct, frozen=True):
    """`now` is seconds since the epoch. A deployment without an entry has never been read.

    `slo` holds, by rule and deployment, how the rule's objective was kept.
    """

    now: float
    readings: dict[str, Reading]
    slo: dict[str, dict[str, SloReading]] = {}

    def of(self, deployment: str) -> Reading:
        """The reading of a deployment; the unknown one where there is none."""
        return self.readings.get(deployment, UNREAD)


UNREAD = Reading()
