"""Deployments' behaviour from the journal, how well it fits what it was not fitted to, and what of it is in doubt.

The first part of the attempts is fitted, the later part is predicted and held against the record. What can be fitted is; it
is in doubt, by a factor of all its times, where too little was seen, where it does not predict that later part, where the
record shows only a part of what was there, or, after a simulation, where that asked for far more than was ever seen.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from gateway.insight.fit_batching import fit_batching
from gateway.insight.fit_commercial import fit_commercial, most_in
from gateway.insight.measure import MeasuredQuantiles, quantiles
from gateway.insight.replayed import replayed
from gateway.insight.rows import RequestRow
from gateway.insight.sample import Sample
from gateway.insight.world import Behaviour
from gateway.values.deployment import Deployment, Hosting
from gateway.values.outcome import Outcome

FEWEST = 100  # answers in full, for no doubt; of a server of one's own streams, whose first output is seen
LEAST = 5  # for any fit
_FITTED = 0.7  # of the answers in full, and what came between them; the rest is predicted
MOST_OFF, MOST_OFF_P95 = 0.2, 0.3  # of the median and the 95th percentile, each way
MOST_OTHERS = 0.1  # of the requests at a server, those that are not the gateway's
FAR, FEW = 1.25, 0.02  # beyond the largest prompt times this is far; a share that may be
BUSY, CHANCE = 1.5, 2.0  # so is a minute beyond the busiest times this, and so many times the root of it
# by how many times what is in doubt may be off: where too few were seen, so much over the root of their number
_FEW_OFF, _SHARED_OFF, _PARTLY_OFF, _BEYOND_OFF, ASSUMED_OFF, _MOST_OFF = 3.0, 1.5, 1.5, 2.0, 3.0, 5.0
_SLACK_S = 0.01  # which no quantile has to be nearer than
_MINUTE_S = 60.0


class Held(msgspec.Struct, frozen=True):
    """One kind of time in the later part: as predicted, and as recorded."""

    predicted: MeasuredQuantiles
    recorded: MeasuredQuantiles


class DeploymentFit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one deployment. `behaviour` is None where there were too few answers for any. What was seen: `largest_prompt` and,
    in its busiest minute, `most_per_minute`. `doubts` say why it may be wrong; its times are then up to `off` times as long,
    or as short.
    """

    answered: int
    behaviour: Behaviour | None = None
    first_output: Held | None = None
    total: Held | None = None
    largest_prompt: int = 0
    most_per_minute: int = 0
    doubts: tuple[str, ...] = ()
    off: float = 1.0

    def doubted(self, why: str, off: float) -> "DeploymentFit":
        """The same, with one doubt more."""
        return replace(self, doubts=(*self.doubts, why), off=min(max(self.off, off), _MOST_OFF))


def fit(deployment: Deployment, samples: Sequence[Sample]) -> DeploymentFit:
    """From its attempts, in any order."""
    of = _looked_at(deployment, samples)
    found, in_order, whole = DeploymentFit(answered=len(of.whole)), of.samples, of.whole
    for why in of.partly:
        found = found.doubted(why, _PARTLY_OFF)
    if len(whole) < FEWEST:
        what = "streams" if deployment.hosting is Hosting.SELF_HOSTED and of.batches else "requests"
        said = f"{len(whole)} {what} answered in full are on record, {FEWEST} are needed"
        found = found.doubted(said, 1.0 + _FEW_OFF / math.sqrt(max(len(whole), LEAST)))
    if len(whole) < LEAST:
        return found
    if (others := _others(in_order)) > MOST_OTHERS:
        found = found.doubted(f"{others:.0%} of the requests there are not this gateway's", _SHARED_OFF)
    fitted = fit_batching if of.batches else fit_commercial
    cut = whole[int(len(whole) * _FITTED)]
    times = replayed(fitted(in_order[:cut]), in_order)[cut:]
    later = [(one, time) for one, time in zip(in_order[cut:], times, strict=True) if one.is_whole]
    first = _held([(time[0], one.first_s) for one, time in later])
    total = _held([(time[1], one.total_s) for one, time in later])
    if len(whole) >= FEWEST:  # of fewer the later ones are too few for quantiles
        is_seen = any(one.is_whole_stream for one, _ in later)
        off = [*(_off("first output", first) if is_seen else ()), *_off("whole answer", total)]
        if off:
            said = f"it does not predict its later attempts: {'; '.join(why for why, _ in off)}"
            found = found.doubted(said, max(times for _, times in off))
    return replace(
        found,
        behaviour=fitted(in_order),
        first_output=first,
        total=total,
        largest_prompt=max(in_order[at].prompt_tokens for at in whole),
        most_per_minute=most_in([one.began for one in in_order], _MINUTE_S),
    )


def beyond(fits: Mapping[str, DeploymentFit], rows: Sequence[RequestRow]) -> dict[str, list[str]]:
    """What of a simulation's attempts lies far outside all that was seen of a deployment that was fitted."""
    found: dict[str, list[str]] = {}
    for name, one in fits.items():
        if not one.most_per_minute:
            continue
        asked = [(row.at, tried.prompt_tokens) for row in rows for tried in row.tried if tried.deployment == name]
        large = sum(tokens > FAR * one.largest_prompt for _, tokens in asked)
        if large > FEW * len(asked):
            found.setdefault(name, []).append(
                f"{large} of {len(asked)} prompts are longer than {FAR * one.largest_prompt:.0f} tokens; "
                f"{one.largest_prompt} is the longest on record"
            )
        most = most_in([at for at, _ in asked], _MINUTE_S)
        if most > BUSY * one.most_per_minute + CHANCE * math.sqrt(one.most_per_minute):
            found.setdefault(name, []).append(
                f"{most} requests in a minute; {one.most_per_minute} is the most on record"
            )
    return found


def with_beyond(fits: Mapping[str, DeploymentFit], sides: Sequence[Sequence[RequestRow]]) -> dict[str, DeploymentFit]:
    """The same fits, in doubt where any of these simulations asked for far more than was seen."""
    found = dict(fits)
    for rows in sides:
        for name, reasons in beyond(fits, rows).items():
            for why in reasons:
                found[name] = found[name].doubted(why, _BEYOND_OFF)
    return found


class _LookedAt(NamedTuple):
    """Samples in the order of time, and which of them are answers in full. `batches`: they are to be fitted as those of a
    server that batches. `partly`: what the record does not show.
    """

    samples: list[Sample]
    whole: list[int]
    batches: bool
    partly: list[str]


def _looked_at(deployment: Deployment, samples: Sequence[Sample]) -> _LookedAt:
    """Answers whose tokens nobody counted are taken by their estimates, if too few others are there; and a server of one's
    own by its whole answers, as if it did not feel its load, if it gave too few streams.
    """
    in_order, partly = sorted(samples, key=lambda one: one.began), []
    batches = deployment.hosting is Hosting.SELF_HOSTED
    counted = sum(one.is_whole for one in in_order)
    estimated = sum(one.outcome is Outcome.OK and not one.counted and one.output_tokens > 0 for one in in_order)
    if counted < FEWEST and estimated > counted:
        in_order = [replace(one, counted=one.counted or one.output_tokens > 0) for one in in_order]
        partly.append(f"the tokens of {estimated} answers are estimates")
    if batches and sum(one.is_whole_stream for one in in_order) < LEAST <= sum(one.is_whole for one in in_order):
        batches = False
        partly.append("it gave no streams, which would show who waited: it is taken not to feel its load")
    whole = [at for at, one in enumerate(in_order) if (one.is_whole_stream if batches else one.is_whole)]
    return _LookedAt(in_order, whole, batches, partly)


def _others(samples: Sequence[Sample]) -> float:
    """Of the requests that vLLM said it had, the share that the gateway did not send."""
    read = [one.there for one in samples if one.there is not None]
    every = sum(there for there, _ in read)
    return sum(max(there - own, 0) for there, own in read) / every if every else 0.0


def _held(pairs: Sequence[tuple[float | None, float | None]]) -> Held:
    known = [(predicted, seen) for predicted, seen in pairs if predicted is not None and seen is not None]
    return Held(quantiles(one for one, _ in known), quantiles(one for _, one in known))


def _off(what: str, held: Held) -> list[tuple[str, float]]:
    """What is off, and by how many times."""
    found = []
    for rank, most in (("p50", MOST_OFF), ("p95", MOST_OFF_P95)):
        predicted, recorded = getattr(held.predicted, rank), getattr(held.recorded, rank)
        if predicted is None or recorded is None:
            found.append((f"no {what} to compare", _PARTLY_OFF))
        elif abs(predicted - recorded) > _SLACK_S and abs(math.log(predicted / recorded)) > math.log(1 + most):
            times = max(predicted, recorded) / min(predicted, recorded)
            found.append((f"{what} {rank} {predicted:.3f} s, recorded {recorded:.3f} s", times))
    return found
