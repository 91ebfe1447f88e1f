"""What an attempt may have used that was given up while the provider was at work, and that showed nothing: an estimate."""

from gateway.values.outcome import Outcome
from gateway.values.request import Facts
from gateway.values.snapshot import Reading
from gateway.values.usage import Usage

_STOPPED = frozenset({
    Outcome.HEDGE_LOST, Outcome.CALLER_LEFT, Outcome.LIMIT_PASSED, Outcome.DEADLINE_EXCEEDED, Outcome.GATEWAY_STOPPED,
})  # fmt: skip


def usage_until_stopped(outcome: Outcome, facts: Facts, reading: Reading, duration_s: float) -> Usage | None:
    """Of a whole answer, or of a stream without output, so long after it was sent. None if it was not stopped, or if too
    little is known.
    """
    if outcome not in _STOPPED:
        return None
    generated = 0.0 if facts.stream else _generated_after(duration_s, reading, facts.prompt_tokens)
    if generated is None:
        return None
    return Usage(
        prompt_tokens=facts.prompt_tokens,
        completion_tokens=round(generated * facts.choices),
        service_tier=facts.service_tier,
        estimated=True,
    )


def _generated_after(seconds: float, reading: Reading, prompt_tokens: int) -> float | None:
    """Output tokens of a choice so long after the request was sent; None if too little is known.

    At the usual pace where streams showed it, else by the share of the time that a usual answer takes.
    """
    latency, usual = reading.latency, reading.output_tokens
    if latency is None or usual is None:
        return None
    if pace := latency.pace_s(reading.in_flight, 50):
        return min(seconds / pace, usual)
    total_s = latency.total_at(prompt_tokens, reading.in_flight, usual, 50, stream=False)
    return usual * min(seconds / total_s, 1.0) if total_s else None
