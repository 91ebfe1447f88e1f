"""Decide: filter hard, predict, score, order, explain. Deciding never acts; the same inputs give the same decision (law 14).

One pass over the eligible deployments makes a `ScoredCandidate` of each that passes the filters (`gateway.routing.filters`); then
they are put in order (`gateway.routing.order`) and become candidates.
"""

import math

from gateway.routing.address import first_address
from gateway.routing.cost import expected_usd, is_saturated, most_usd, with_spills
from gateway.routing.filters import Asked, reasons_against
from gateway.routing.forecast import forecast
from gateway.routing.hedge import hedge_after
from gateway.routing.lateness import ScoredCandidate
from gateway.routing.order import ordered
from gateway.routing.plan import CompiledRule, Plan, goes_on
from gateway.values.decision import Bounds, Candidate, Decision
from gateway.values.request import Facts
from gateway.values.snapshot import UNREAD, Snapshot


class UnknownModel(Exception):
    """No model or deployment of this name is in the plan."""


def decide(  # noqa: PLR0913 - the inputs of a decision, each one named
    plan: Plan,
    facts: Facts,
    snapshot: Snapshot,
    *,
    decision_id: str,
    seed: int,
    deadline_s: float | None = None,
    max_cost_usd: float | None = None,
) -> Decision:
    """The decision for one request. `deadline_s` and `max_cost_usd` are the caller's own bounds.

    Raises UnknownModel. A decision without attempts is a refusal, and its candidates say why.
    """
    rule = plan.match(facts, snapshot.now)
    if facts.model not in rule.pools:
        raise UnknownModel(facts.model)
    bounds = rule.bounds if deadline_s is None and max_cost_usd is None else _bounds(rule, deadline_s, max_cost_usd)
    candidates: tuple[Candidate, ...] = ()
    attempts: tuple[str, ...] = ()
    hedge_after_s: float | None = None
    address: int | None = None
    if not rule.refuse:
        ranked, left_out = _candidates(rule, facts, snapshot, bounds, seed)
        attempts = tuple([one.deployment for one in ranked[: bounds.max_attempts]])
        candidates = (*ranked, *left_out)
        if ranked and (first := ranked[0].reading) is not None and first.workers:
            deployment = next(one.deployment for one in rule.pools[facts.model] if one.name == attempts[0])
            address = first_address(deployment, first, facts, seed=seed, now=snapshot.now)
        if rule.hedge is not None:
            hedge_after_s = hedge_after(rule.hedge, facts, ranked, snapshot.now)
    return Decision(
        decision_id, snapshot.now, plan.revision, rule.name, facts, seed, candidates, attempts, bounds,
        rule.slo, rule.preference.mix, rule.refuse, hedge_after_s,
        goes_on(rule, facts) and any(one.continues for one in candidates),
        address,
    )  # fmt: skip


def _bounds(rule: CompiledRule, deadline_s: float | None, max_cost_usd: float | None) -> Bounds:
    own = rule.bounds
    return Bounds(
        own.deadline_s if deadline_s is None else min(deadline_s, own.deadline_s),
        own.max_attempts,
        min((usd for usd in (max_cost_usd, own.max_cost_usd) if usd is not None), default=None),
        own.first_output_s,
        own.idle_s,
        own.min_output_tokens_per_s,
    )


def _candidates(  # noqa: C901 - the loop that every request goes through for each deployment: one call less is a tenth
    rule: CompiledRule, facts: Facts, snapshot: Snapshot, bounds: Bounds, seed: int
) -> tuple[list[Candidate], list[Candidate]]:
    """Those with a rank, by it; and those left out."""
    split = rule.split(facts)
    forecasts = split.forecasts(facts)
    read, now, slo, ceiling = snapshot.readings.get, snapshot.now, rule.slo, bounds.max_cost_usd
    asked, choices, tier = facts.prompt_tokens, facts.choices, facts.service_tier
    longest_input = facts.longest_prompt_tokens
    bound = facts.max_output_tokens
    wanted = 0 if bound is None else bound
    all_output = wanted * choices
    is_flat = bound is not None and not facts.own_tools and facts.units is None
    longest = math.inf if bound is None else max(bound - 1.0, 0.0)  # tokens after the first
    scored: list[ScoredCandidate] = []
    most: float | None
    expected: float | None
    left_out: list[Candidate] = []
    readings = [read(place.name, UNREAD) for place in split.eligible]
    for index, (place, reading, seen) in enumerate(zip(split.eligible, readings, forecasts, strict=True)):
        if seen is None or seen[0] is not reading:
            seen = forecasts[index] = forecast(place.deployment, reading, facts, slo, seen)  # noqa: PLW2901 - the newer one
        (
            _, clear_since, room, most_output, ratio, flat, most_in, most_out, usual_in, usual_out, fee, learned,
            first, first_per_prompt, total, total_per_prompt, total_per_output, fresh_until, quality, likely,
            queued_s, slowed_s, slowed_per_output,
        ) = seen  # fmt: skip
        prompt = asked if ratio is None else asked * ratio
        output = learned if bound is None or (learned is not None and learned < bound) else bound
        if flat and is_flat and output is not None:
            most = prompt * most_in + all_output * most_out + fee
            expected = prompt * usual_in + output * choices * usual_out + fee
        else:
            most = most_usd(place.deployment, facts, reading, prompt, tier)
            expected = expected_usd(place.deployment, facts, reading, prompt, tier)
        if (
            (prompt if longest_input is None or longest_input < prompt else longest_input) + wanted > room
            or wanted > most_output
            or now < clear_since
            or (ceiling is not None and (most is None or most > ceiling))
        ):
            reasons = reasons_against(Asked(place.deployment, facts, reading, now, prompt, most, ceiling))
            if reasons:  # else it is a rate limit that has been reset since, or several inputs
                left_out.append(Candidate(place.name, reasons, None, None, reading))
                continue
        if now > fresh_until:
            first = total = None
        if first is not None:
            first += prompt * first_per_prompt
        if total is not None:
            after = likely if likely < longest else longest  # noqa: FURB136 - min takes three times as long
            if after == math.inf:
                total = None
            else:
                total += prompt * total_per_prompt + after * total_per_output
                slowed_s += after * slowed_per_output
        scored.append((place, reading, most, expected, first, total, quality, queued_s, slowed_s))
    if split.by_hardware:
        scored = _with_spills(scored)
    left_out += split.left_out
    return ordered(rule, facts, snapshot, bounds, scored, seed), left_out


def _with_spills(scored: list[ScoredCandidate]) -> list[ScoredCandidate]:
    """A full self-hosted deployment's next request costs what it sends elsewhere."""
    expected = with_spills([one[3] for one in scored], [is_saturated(one[1]) for one in scored])
    return [(*one[:3], usd, *one[4:]) for one, usd in zip(scored, expected, strict=True)]
