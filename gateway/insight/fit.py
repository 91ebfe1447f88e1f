"""Deployments' behaviour from the journal, how well it fits what it was not fitted to, and when there is none.

The first part of the attempts is fitted, the later part is predicted and held against the record. A model is refused if
too little was seen, if it does not predict that part, or, after a simulation, if it was asked about prompts or loads far
from all that was seen.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec

from gateway.insight.fit_batching import fit_batching
from gateway.insight.fit_commercial import fit_commercial, most_in
from gateway.insight.measure import Quantiles, quantiles
from gateway.insight.replayed import replayed
from gateway.insight.row import Row
from gateway.insight.sample import Sample
from gateway.insight.world import Behaviour
from gateway.values.deployment import Deployment, Hosting

FEWEST = 100  # answers in full; of a server of one's own streams, whose first output is seen
_FITTED = 0.7  # of the answers in full, and what came between them; the rest is predicted
MOST_OFF, MOST_OFF_P95 = 0.2, 0.3  # of the median and the 95th percentile, each way
MOST_OTHERS = 0.1  # of the requests at a server, those that are not the gateway's
FAR, FEW = 1.25, 0.02  # beyond the largest prompt times this is far; a share that may be
BUSY, CHANCE = 1.5, 2.0  # so is a minute beyond the busiest times this, and so many times the root of it
_SLACK_S = 0.01  # which no quantile has to be nearer than
_MINUTE_S = 60.0


class Held(msgspec.Struct, frozen=True):
    """One kind of time in the later part: as predicted, and as recorded."""

    predicted: Quantiles
    recorded: Quantiles


class Fit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one deployment. `refused` says why there is no behaviour. What was seen: `largest_prompt` and, in its busiest
    minute, `most_per_minute`.
    """

    answered: int
    behaviour: Behaviour | None = None
    first_output: Held | None = None
    total: Held | None = None
    largest_prompt: int = 0
    most_per_minute: int = 0
    refused: str | None = None


def fit(deployment: Deployment, samples: Sequence[Sample]) -> Fit:
    """From its attempts, in any order."""
    is_own = deployment.hosting is Hosting.SELF_HOSTED
    in_order = sorted(samples, key=lambda one: one.began)
    whole = [at for at, one in enumerate(in_order) if (one.is_whole_stream if is_own else one.is_whole)]
    if len(whole) < FEWEST:
        said = f"{len(whole)} {'streams' if is_own else 'requests'} answered in full are on record, {FEWEST} are needed"
        return Fit(answered=len(whole), refused=said)
    if (others := _others(in_order)) > MOST_OTHERS:
        return Fit(answered=len(whole), refused=f"{others:.0%} of the requests there are not this gateway's")
    cut = whole[int(len(whole) * _FITTED)]
    fitted = fit_batching if is_own else fit_commercial
    behaviour = fitted(in_order[:cut])
    times = replayed(behaviour, in_order)[cut:]
    later = [(one, time) for one, time in zip(in_order[cut:], times, strict=True) if one.is_whole]
    first = _held([(time[0], one.first_s) for one, time in later])
    total = _held([(time[1], one.total_s) for one, time in later])
    off = [
        *(_off("first output", first) if any(one.is_whole_stream for one, _ in later) else ()),
        *_off("whole answer", total),
    ]
    return Fit(
        answered=len(whole),
        behaviour=fitted(in_order) if not off else None,
        first_output=first,
        total=total,
        largest_prompt=max(in_order[at].prompt_tokens for at in whole),
        most_per_minute=most_in([one.began for one in in_order], _MINUTE_S),
        refused=f"it does not predict its later attempts: {'; '.join(off)}" if off else None,
    )


def beyond(fits: Mapping[str, Fit], rows: Sequence[Row]) -> dict[str, str]:
    """What of a simulation's attempts lies far outside all that was seen of a deployment that was fitted."""
    found: dict[str, str] = {}
    for name, one in fits.items():
        if one.behaviour is None:
            continue
        asked = [(row.at, tried.prompt_tokens) for row in rows for tried in row.tried if tried.deployment == name]
        large = sum(tokens > FAR * one.largest_prompt for _, tokens in asked)
        if large > FEW * len(asked):
            found[name] = (
                f"{large} of {len(asked)} prompts are longer than {FAR * one.largest_prompt:.0f} tokens; "
                f"{one.largest_prompt} is the longest on record"
            )
        most = most_in([at for at, _ in asked], _MINUTE_S)
        if most > BUSY * one.most_per_minute + CHANCE * math.sqrt(one.most_per_minute):
            found[name] = f"{most} requests in a minute; {one.most_per_minute} is the most on record"
    return found


def _others(samples: Sequence[Sample]) -> float:
    """Of the requests that vLLM said it had, the share that the gateway did not send."""
    read = [one.there for one in samples if one.there is not None]
    every = sum(there for there, _ in read)
    return sum(max(there - own, 0) for there, own in read) / every if every else 0.0


def _held(pairs: Sequence[tuple[float | None, float | None]]) -> Held:
    known = [(predicted, seen) for predicted, seen in pairs if predicted is not None and seen is not None]
    return Held(quantiles(one for one, _ in known), quantiles(one for _, one in known))


def _off(what: str, held: Held) -> list[str]:
    found = []
    for rank, most in (("p50", MOST_OFF), ("p95", MOST_OFF_P95)):
        predicted, recorded = getattr(held.predicted, rank), getattr(held.recorded, rank)
        if predicted is None or recorded is None:
            found.append(f"no {what} to compare")
        elif abs(predicted - recorded) > _SLACK_S and abs(math.log(predicted / recorded)) > math.log(1 + most):
            found.append(f"{what} {rank} {predicted:.3f} s, recorded {recorded:.3f} s")
    return found
