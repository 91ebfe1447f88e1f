"""A decision as sentences, for people. Built from the value alone, so a live one and a recorded one read the same."""

from gateway.values.decision import Candidate, Cause, Decision, Reason

_SENTENCES: dict[Cause, str] = {
    Cause.CLEARANCE: "the request is {needed}, its clearance is {has}",
    Cause.REQUIREMENT: "the rule requires {needed}, it has {has}",
    Cause.CAPABILITY: "it lacks {needed}",
    Cause.CONTEXT: "the request needs about {needed} tokens, its context holds {has}",
    Cause.OUTPUT: "{needed} output tokens are asked for, it gives at most {has}",
    Cause.HEALTH: "it is {has}",
    Cause.COST: "it may cost {has} USD, the ceiling is {needed} USD",
}


def reason_sentence(reason: Reason) -> str:
    """One reason as a clause."""
    has = "unknown" if reason.has is None else reason.has
    return _SENTENCES[reason.cause].format(needed=reason.needed, has=has)


def decision_sentences(decision: Decision) -> list[str]:
    """What was asked, which rule spoke, what became of each candidate, what will be tried."""
    facts = decision.facts
    shape = "stream" if facts.stream else "whole answer"
    lines = [
        f"{facts.model!r} was asked for: {facts.sensitivity.value}, about {facts.prompt_tokens} prompt tokens, {shape}.",
        f"Rule {decision.rule!r} of policy {decision.revision} matched.",
    ]
    lines += [candidate_sentence(candidate) for candidate in decision.candidates]
    if decision.attempts:
        lines.append(f"To be tried, in order: {', '.join(decision.attempts)}.")
    else:
        lines.append("No candidate is left: the request is refused.")
    return lines


def candidate_sentence(candidate: Candidate) -> str:
    """Why a deployment was left out, or its rank and numbers."""
    if candidate.against:
        return f"{candidate.deployment}: left out; {'; '.join(map(reason_sentence, candidate.against))}."
    cost = candidate.predicted_cost_usd
    reading = candidate.reading
    first = "unknown" if reading.first_output_s is None else f"{reading.first_output_s * 1e3:.0f} ms"
    return (
        f"{candidate.deployment}: eligible, number {(candidate.rank or 0) + 1}; {reading.health.value}, "
        f"{reading.in_flight} in flight, first output {first}, "
        f"costs at most {'unknown' if cost is None else f'{cost:.6f} USD'}."
    )
