"""What became of a request, as sentences: the decision's own, then each attempt, then the end."""

from gateway.routing.sentences import decision_sentences
from gateway.values.outcome import CONSEQUENCES
from gateway.values.records import Attempt, RequestFinished


def record_sentences(record: RequestFinished) -> list[str]:
    """A finished request, for people."""
    attempts = [_attempt(number, attempt) for number, attempt in enumerate(record.attempts, 1)]
    return [*decision_sentences(record.decision), *attempts, _end(record)]


def _attempt(number: int, attempt: Attempt) -> str:
    parts = [CONSEQUENCES[attempt.outcome].sentence + (f" ({attempt.detail})" if attempt.detail else "")]
    if attempt.status is not None:
        parts.append(f"HTTP {attempt.status}")
    if attempt.resent:
        parts.append("sent again on a new connection, the first was dead")
    if attempt.lost:
        parts.append(f"sent without {', '.join(attempt.lost)}")
    if attempt.adapted:
        parts.append(f"adapted {'; '.join(attempt.adapted)}")
    if attempt.continues:
        parts.append(f"went on after {attempt.continues} characters of the answer")
    if attempt.first_output_s is not None:
        parts.append(f"first output after {_ms(attempt.first_output_s)}")
    parts.append(f"{_ms(attempt.duration_s)} in all")
    parts += [f"odd about its answer: {anomaly.value}" for anomaly in attempt.anomalies]
    if attempt.usage is not None:
        about = "about " if attempt.usage.estimated else ""
        parts.append(f"{about}{attempt.usage.prompt_tokens} + {attempt.usage.completion_tokens} tokens")
    parts.append("cost unknown" if attempt.cost_usd is None else f"cost {attempt.cost_usd:.6f} USD")
    at = f" at {attempt.base_url}" if attempt.base_url else ""
    return f"Attempt {number}, {attempt.deployment}{at}: {attempt.outcome.value}; {', '.join(parts)}."


def _end(record: RequestFinished) -> str:
    fault = f"; at fault: {record.fault.value}" if record.fault else ""
    by = f" by {record.answered_by}" if record.answered_by else ""
    return (
        f"Ended as {record.outcome.value}{by} after {_ms(record.duration_s)}, "
        f"of which {_ms(record.overhead_s)} were the gateway's own{fault}."
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
