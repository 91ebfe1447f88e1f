"""Hard filters by what is read of a deployment, and by what a request needs of it: one table, which is asked wherever a
request may be sent. `decide` asks it of each candidate, and so do `explain`, `replay` and the simulator;
`gateway.routing.eligibility` asks it again before each attempt but the first.

What never changes for a class of requests (clearance, capabilities, the rule's requirements) is in `gateway.routing.plan`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from gateway.values.admissibility import OPEN, Health, Rejection
from gateway.values.decision import Cause, Reason
from gateway.values.deployment import Deployment
from gateway.values.request import Facts
from gateway.values.snapshot import Reading


class Asked(NamedTuple):
    """One request at one deployment. `prompt_tokens` are as the deployment counts them (`prompt_tokens_at`).

    `most_usd` is the most that an attempt can cost, None if unknown; `spent_usd` what others of the request may have cost.
    `now` is seconds since the epoch.
    """

    deployment: Deployment
    facts: Facts
    reading: Reading
    now: float
    prompt_tokens: float
    most_usd: float | None
    ceiling_usd: float | None
    spent_usd: float = 0.0


class Clear(NamedTuple):
    """Which requests a filter need not be asked of, as it lets them all pass while the reading is the same: those of at most so
    many tokens (prompt and output asked for), of at most so many output tokens, from so many seconds since the epoch on.
    """

    tokens: float = math.inf
    output_tokens: float = math.inf
    since: float = 0.0


BATCH_SHARE = 0.75  # of the requests that a deployment takes at once, at least one
_NONE_IS_CLEAR = Clear(since=math.inf)


def _never(_deployment: Deployment, _reading: Reading) -> Clear:
    return _NONE_IS_CLEAR


class Filter(NamedTuple):
    """`against` gives the reason that keeps a request out, one of `causes`, or None.

    `clear` only saves time: without it the filter is asked of every candidate of every request. Of a reading it looks at
    nothing but health and admissibility (and numbers that these bound): `is_as_clear`. `is_passing`: only the
    moment stands against the deployment. `by_estimate`: an exact count of the prompt may take the reason away.
    """

    causes: frozenset[Cause]
    against: Callable[[Asked], Reason | None]
    clear: Callable[[Deployment, Reading], Clear] = _never
    is_passing: bool = False
    by_estimate: bool = False


def reasons_against(asked: Asked) -> tuple[Reason, ...]:
    """Of every filter, in the table's order; nothing if the request may go there."""
    found = [one.against(asked) for one in FILTERS]
    return tuple([reason for reason in found if reason is not None])


def is_kept_out(asked: Asked) -> bool:
    """Whether any filter has a reason."""
    return any(one.against(asked) is not None for one in FILTERS)


def clear_of_all(deployment: Deployment, reading: Reading) -> Clear:
    """The requests that no filter need be asked of."""
    every = [one.clear(deployment, reading) for one in FILTERS]
    return Clear(
        min([one.tokens for one in every]), min([one.output_tokens for one in every]), max([one.since for one in every])
    )


def is_as_clear(before: Reading, reading: Reading) -> bool:
    """Whether the same requests are clear of all as before, of one deployment: where nothing speaks against it."""
    return before.admissibility is OPEN is reading.admissibility and before.health is reading.health


def prompt_tokens_at(facts: Facts, reading: Reading) -> float:
    """The prompt's tokens as the deployment counts them, as far as its answers taught."""
    ratio = None if facts.exact_tokens else reading.prompt_token_ratio
    return facts.prompt_tokens if ratio is None else facts.prompt_tokens * ratio


def tokens_at(facts: Facts, reading: Reading) -> float:
    """Of the prompt, and of the output that is asked for: what counts against a rate limit."""
    return prompt_tokens_at(facts, reading) + (facts.max_output_tokens or 0)


def _context(asked: Asked) -> Reason | None:
    """Each of several inputs has a context of its own."""
    facts, holds = asked.facts, asked.deployment.context_tokens
    longest = facts.longest_prompt_tokens
    needed = (asked.prompt_tokens if longest is None else longest) + (facts.max_output_tokens or 0)
    return None if holds is None or needed <= holds else Reason(Cause.CONTEXT, math.ceil(needed), holds)


def _output(asked: Asked) -> Reason | None:
    wanted, most = asked.facts.max_output_tokens or 0, asked.deployment.max_output_tokens
    return None if most is None or wanted <= most else Reason(Cause.OUTPUT, wanted, most)


def _admission(asked: Asked) -> Reason | None:
    reading, now = asked.reading, asked.now
    rejection = reading.rejection(asked.prompt_tokens + (asked.facts.max_output_tokens or 0), now)
    return None if rejection is None else _of_rejection(rejection, reading, now)


def _of_rejection(rejection: Rejection, reading: Reading, now: float) -> Reason:
    if rejection.state is Health.LIMITED:
        return Reason(Cause.LIMIT, reading.in_flight + 1, reading.admissibility.limit)
    if rejection.state is Health.REFUSING:
        for_s = max(round((rejection.until or now) - now, 1), 0.1)
        return Reason(Cause.RATE_LIMIT, for_s, 0 if rejection.left is None else int(rejection.left))
    return Reason(Cause.HEALTH, Health.ADMITTING.value, rejection.state.value)


def _admitted(_deployment: Deployment, reading: Reading) -> Clear:
    headroom = reading.admissibility.headroom
    left = math.inf if headroom is None or headroom.tokens is None else headroom.tokens.left
    return Clear(tokens=left, since=reading.closed_until())


def _place_for_batch(asked: Asked) -> Reason | None:
    """Lines of batches leave some of a deployment's places free for requests that somebody waits for."""
    reading, most = asked.reading, _places_for_batches(asked.reading)
    return Reason(Cause.LIMIT, reading.in_flight + 1, most) if asked.facts.batch and reading.in_flight >= most else None


def _places_for_batches(reading: Reading) -> float:
    limit = reading.admissibility.limit
    return math.inf if limit is None else max(int(limit * BATCH_SHARE), 1)


def over_ceiling(asked: Asked) -> Reason | None:
    """The reason, where an attempt may cost more than is left for the request."""
    ceiling, most, spent = asked.ceiling_usd, asked.most_usd, asked.spent_usd
    if ceiling is None or (most is not None and spent + most <= ceiling):
        return None
    return Reason(Cause.COST, ceiling, most)


FILTERS: tuple[Filter, ...] = (
    Filter(
        frozenset({Cause.CONTEXT}),
        _context,
        lambda deployment, _: Clear(tokens=math.inf if (most := deployment.context_tokens) is None else most),
        by_estimate=True,
    ),
    Filter(
        frozenset({Cause.OUTPUT}),
        _output,
        lambda deployment, _: Clear(output_tokens=math.inf if (most := deployment.max_output_tokens) is None else most),
    ),
    Filter(frozenset({Cause.HEALTH, Cause.LIMIT, Cause.RATE_LIMIT}), _admission, _admitted, is_passing=True),
    Filter(
        frozenset({Cause.LIMIT}),
        _place_for_batch,
        lambda _, reading: Clear() if reading.in_flight < _places_for_batches(reading) else _NONE_IS_CLEAR,
        is_passing=True,
    ),
    # who has a ceiling is looked at for it in `decide`
    Filter(frozenset({Cause.COST}), over_ceiling, lambda _deployment, _reading: Clear(), by_estimate=True),
)
PASSING = frozenset[Cause]().union(*(one.causes for one in FILTERS if one.is_passing))
BY_ESTIMATE = frozenset[Cause]().union(*(one.causes for one in FILTERS if one.by_estimate))
