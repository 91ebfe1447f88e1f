"""What would have been: the numbers of those that a decision left out too. For `explain`; a decision itself has no use for them."""

from msgspec.structs import replace

from gateway.routing.cost import expected_usd, is_saturated, most_usd, with_spills
from gateway.routing.filters import prompt_tokens_at
from gateway.routing.forecast import STALE_AFTER_S, length_at, percentiles
from gateway.values.decision import Candidate, Decision
from gateway.values.deployment import Deployment
from gateway.values.snapshot import UNREAD, Reading, Snapshot


def with_counterfactuals(decision: Decision, deployments: dict[str, Deployment], snapshot: Snapshot) -> Decision:
    """The decision, where each candidate that was left out has its reading, cost and times as if it had been eligible."""
    found = tuple(
        _predicted(decision, candidate, deployments[candidate.deployment], snapshot) if candidate.against else candidate
        for candidate in decision.candidates
    )
    usd = with_spills([one.expected_usd for one in found], [is_saturated(one.reading or UNREAD) for one in found])
    priced = [replace(one, expected_usd=its) if one.against else one for one, its in zip(found, usd, strict=True)]
    return replace(decision, candidates=tuple(priced))


def _predicted(decision: Decision, candidate: Candidate, deployment: Deployment, snapshot: Snapshot) -> Candidate:
    facts = decision.facts
    reading = snapshot.readings.get(deployment.name, UNREAD)
    prompt = prompt_tokens_at(facts, reading)
    first, total = _times(decision, reading, prompt, snapshot.now)
    return replace(
        candidate,
        reading=reading,
        quality=deployment.quality if reading.quality is None else reading.quality,
        most_usd=most_usd(deployment, facts, reading, prompt, facts.service_tier),
        expected_usd=expected_usd(deployment, facts, reading, prompt, facts.service_tier),
        first_output_s=first,
        total_s=total,
    )


def _times(decision: Decision, reading: Reading, prompt: float, now: float) -> tuple[float | None, float | None]:
    latency, facts, at = reading.latency, decision.facts, percentiles(decision.slo)
    if latency is None or now > latency.measured_at + STALE_AFTER_S:
        return None, None
    wait_s = reading.wait_s or 0.0
    first = latency.first_output_line(reading.in_flight, at.first, reading.ahead_tokens)
    total = latency.total_line(reading.in_flight, at.total, facts.stream, reading.ahead_tokens)
    known = [tokens for tokens in (facts.max_output_tokens, length_at(reading, at.total)) if tokens is not None]
    return (
        None if first is None else wait_s + first[0] + prompt * first[1],
        None
        if total is None or not known
        else wait_s + total[0] + prompt * total[1] + max(min(known) - 1, 0) * total[2],
    )
