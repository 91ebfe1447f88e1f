"""A decision as sentences, for people. Built from the value alone, so a live one and a recorded one read the same."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from gateway.routing.scores import Mix, Parts, parts
from gateway.values.admissibility import Health
from gateway.values.decision import Candidate, Cause, Decision, Reason, Tier
from gateway.values.request import Facts
from gateway.values.slo import Slo, Target
from gateway.values.surface import Surface

_SENTENCES: dict[Cause, str] = {
    Cause.CLEARANCE: "the request is {needed}, its clearance is {has}",
    Cause.REQUIREMENT: "the rule requires {needed}, it has {has}",
    Cause.CAPABILITY: "it lacks {needed}",
    Cause.SURFACE: "it does not serve {needed}",
    Cause.CONTEXT: "the request needs about {needed} tokens, its context holds {has}",
    Cause.OUTPUT: "{needed} output tokens are asked for, it gives at most {has}",
    Cause.LIMIT: "it is at its limit of {has} at once",
    Cause.RATE_LIMIT: "its rate limit allows {has} tokens for another {needed} s",
    Cause.SCOPE: "the key may ask for none of {needed}",
    Cause.FIELD: "the answer depends on {needed}, which {has} does not take",
    Cause.LOSS: "{needed} would be lost there, and nothing may be",
    Cause.COST: "it may cost {has}, the ceiling is {needed}",
}

_SMALL_USD = 0.1

_STATES: dict[str, str] = {
    Health.SHUT.value: "it is shut: its circuit breaker is open after failures",
    Health.PROBING.value: "it is probing: it failed, and as many requests as may test its recovery are under way",
    Health.DOWN.value: "it is down: its server does not run, or fails its health checks",
}

_TIERS: dict[Tier, str] = {
    Tier.PROBE: "this request is a probe: it tests how it does now",
    Tier.READY: "",
    Tier.LATE: "predicted to miss the rule's objective or the deadline, or to wait too long in its queue",
    Tier.BURNING: "moved back, it misses the rule's objective too often",
    Tier.LAST_RESORT: "not of the model's pool, the rule falls back to it",
    Tier.RESTING: "asked last, it refused one request after the other for what will last",
}


def reason_sentence(reason: Reason) -> str:
    """One reason as a clause."""
    has = "unknown" if reason.has is None else reason.has
    if reason.cause is Cause.HEALTH:
        return _STATES.get(str(has), f"it is {has}")
    if reason.cause is Cause.RATE_LIMIT and not has:
        return f"it takes no request for another {reason.needed} s"
    if reason.cause is Cause.COST:
        return _SENTENCES[Cause.COST].format(needed=_amount(reason.needed), has=_amount(reason.has))
    return _SENTENCES[reason.cause].format(needed=reason.needed, has=has)


def decision_sentences(decision: Decision) -> list[str]:
    """What was asked, which rule spoke, what became of each candidate, what will be tried."""
    lines = [
        _asked(decision.facts),
        *_of_batch(decision.facts),
        f"Rule {decision.rule!r} of policy {decision.revision} matched.",
    ]
    if decision.slo is not None:
        lines.append(_objective(decision.slo))
    if decision.refused:
        return [*lines, "The rule refuses the request for what it carries."]
    lines += [candidate_sentence(*one) for one in zip(decision.candidates, _ordered_by(decision), strict=True)]
    if decision.attempts:
        lines.append(f"To be tried, in order: {', '.join(decision.attempts)}{_address(decision)}.")
        if decision.hedge_after_s is not None:
            lines.append(
                f"Without an answer after {_seconds(decision.hedge_after_s)} a second attempt may start beside it."
            )
        if decision.continues:
            able = " or ".join(one.deployment for one in decision.candidates if one.continues)
            lines.append(f"If the stream breaks after its output has begun, {able} may go on with it.")
    else:
        lines.append("No candidate is left: the request is refused.")
    return lines


def _address(decision: Decision) -> str:
    """Numbered from 1, in the order of the configuration."""
    if decision.address is None:
        return ""
    reading = decision.candidates[0].reading
    of = "" if reading is None else f" of {len(reading.workers)}"
    return f"; the first attempt goes to address {decision.address + 1}{of} of {decision.attempts[0]}"


def candidate_sentence(candidate: Candidate, about: Sequence[str] = ()) -> str:
    """Why a deployment was left out, or its rank and numbers; then what else is to be said about it."""
    if candidate.against:
        return f"{candidate.deployment}: left out; {'; '.join(map(reason_sentence, candidate.against))}{_instead(candidate)}."
    said = [f"number {(candidate.rank or 0) + 1}"]
    if candidate.tier is not None and _TIERS[candidate.tier]:
        said.append(_TIERS[candidate.tier])
    if candidate.reading is not None:
        health = candidate.reading.health
        state = "health unknown" if health is Health.UNKNOWN else health.value
        said.append(f"{state}, {candidate.reading.in_flight} in flight{_of_limit(candidate)}")
    said.append(f"first output {_seconds(candidate.first_output_s)}, in all {_seconds(candidate.total_s)}")
    said.append(f"costs {_usd(candidate.expected_usd)}, at most {_usd(candidate.most_usd)}")
    if candidate.lost:
        said.append(f"sent without {', '.join(candidate.lost)}")
    if candidate.unsaid:
        said.append(f"its translation loses {', '.join(candidate.unsaid)}")
    if candidate.adapted:
        said.append(f"it adapts {'; '.join(candidate.adapted)}")
    if candidate.slo is not None:
        judged = candidate.slo
        said.append(f"kept the objective in {judged.attainment:.1%} of {judged.requests}, burn {judged.burn:.1f}")
    return f"{candidate.deployment}: eligible, {'; '.join([*said, *about])}."


def _ordered_by(decision: Decision) -> Iterator[list[str]]:
    """For each candidate what the rule's weights or its objective make of it."""
    weights = sum(candidate.weight or 0.0 for candidate in decision.candidates)
    scores = {} if decision.mix is None else parts(decision)
    for candidate in decision.candidates:
        said: list[str] = []
        if candidate.weight is not None:
            said.append(f"weight {candidate.weight:g} of {weights:g}")
        elif weights:
            said.append("no weight: a fallback only")
        if decision.mix is not None and candidate.deployment in scores:
            said.append(_scored(candidate.score, scores[candidate.deployment], decision.mix))
            is_read = candidate.reading is not None and candidate.reading.latency is not None
            if decision.slo is not None and candidate.score is not None and not is_read:
                said.append("ranked after those of known latency, its own is unknown")
        yield said


def _instead(candidate: Candidate) -> str:
    """What it would have been, as far as that is known."""
    known = [
        f"costs {_usd(candidate.expected_usd)}, at most {_usd(candidate.most_usd)}"
        if candidate.most_usd is not None
        else "",
        f"first output {_seconds(candidate.first_output_s)}" if candidate.first_output_s is not None else "",
        f"in all {_seconds(candidate.total_s)}" if candidate.total_s is not None else "",
    ]
    return f" (else: {', '.join(filter(None, known))})" if any(known) else ""


def _of_limit(candidate: Candidate) -> str:
    limit = candidate.reading.admissibility.limit if candidate.reading is not None else None
    return "" if limit is None else f" of at most {limit}"


def found_sentence(facts: Facts) -> str:
    """What detection said of the request; never what it found."""
    if facts.detection_failed:
        return "it could not be looked at to its end"
    return f"found: {', '.join(kind.value for kind in facts.found)}" if facts.found else "nothing found"


def _asked(facts: Facts) -> str:
    shape = "stream" if facts.stream else "whole answer"
    about = "" if facts.exact_tokens else "about "
    found = f" ({found_sentence(facts)})" if facts.found or facts.detection_failed else ""
    tokens = f"{about}{facts.prompt_tokens} prompt tokens{_counted(facts)}"
    if facts.surface is Surface.EMBEDDINGS:
        return f"{facts.model!r} was asked for embeddings: {facts.sensitivity.value}{found}, {tokens}."
    bound = facts.max_output_tokens
    output = "any number of output tokens" if bound is None else f"at most {bound} output tokens"
    return f"{facts.model!r} was asked for: {facts.sensitivity.value}{found}, {tokens}, {output}, {shape}."


def _of_batch(facts: Facts) -> list[str]:
    return [] if facts.batch is None else [f"It is line {facts.batch_line} of {facts.batch}."]


def _counted(facts: Facts) -> str:
    if facts.counted_at is None:
        return ""
    return f" (counted by {facts.counted_at})" if facts.exact_tokens else f" ({facts.counted_at} did not count them)"


def _objective(slo: Slo) -> str:
    named: tuple[tuple[str, Target | None], ...] = (
        ("first output", slo.first_output),
        ("output token", slo.output_token),
        ("whole answer", slo.total),
    )
    parts = [f"{one.percentile} of 100 {name}s under {one.under_s:g} s" for name, one in named if one is not None]
    return f"Its objective: {', '.join(parts)}."


def _scored(score: float | None, scores: Parts, mix: Mix) -> str:
    """The score, and what it is the sum of."""
    named = zip(("cost", "latency", "quality", "load"), mix, msgspec.structs.astuple(scores), strict=True)
    weighed = [(f"{name} {_two(part)}", weight) for name, weight, part in named if weight]
    if len(weighed) == 1:
        return f"score {_two(score)} ({weighed[0][0]})"
    return f"score {_two(score)} ({' + '.join(f'{weight:.2f} x {part}' for part, weight in weighed)})"


def _two(score: float | None) -> str:
    return "unknown" if score is None else f"{score:.2f}"


def _seconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1e3:.0f} ms"


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"{_digits(usd)} USD"


def _amount(value: object) -> str:
    """Of a reason, which is of any kind."""
    return _usd(float(value) if isinstance(value, int | float) else None)


def _digits(usd: float) -> str:
    """Six decimals; of a small amount six digits that count, never an exponent: two that differ look different."""
    return f"{usd:.6f}" if usd >= _SMALL_USD or usd == 0 else f"{Decimal(f'{usd:.6g}'):f}"
