"""What an attempt used, and how it went, for its record: as it was told, else as an estimate from what was seen."""

from gateway.state.slo import kept
from gateway.state.tokens import generated_after
from gateway.values.answer import StreamSummary, WholeAnswer
from gateway.values.decision import Decision
from gateway.values.outcome import Outcome
from gateway.values.request import Facts
from gateway.values.snapshot import Reading
from gateway.values.usage import Usage

# the provider was at work, and was told to stop
STOPPED = frozenset({
    Outcome.HEDGE_LOST, Outcome.CALLER_LEFT, Outcome.LIMIT_PASSED, Outcome.DEADLINE_EXCEEDED, Outcome.GATEWAY_STOPPED,
})  # fmt: skip
_HELD_S = 1.0  # a stream that waited less for its caller has the pace of its provider


def usage_told(said: WholeAnswer | StreamSummary | None, facts: Facts) -> Usage | None:
    """The provider's own count; of a stream that was cut before it, an estimate by its events."""
    if said is None:
        return None
    if said.usage is None and isinstance(said, StreamSummary) and said.tokens:
        return Usage(prompt_tokens=facts.prompt_tokens, completion_tokens=said.tokens, estimated=True)
    return said.usage


def usage_until_stopped(facts: Facts, reading: Reading, duration_s: float) -> Usage | None:
    """What a whole answer, or a stream that showed nothing yet, may have used until it was given up; as an estimate."""
    generated = 0.0 if facts.stream else generated_after(duration_s, reading, facts.prompt_tokens)
    if generated is None:
        return None
    return Usage(prompt_tokens=facts.prompt_tokens, completion_tokens=round(generated * facts.choices), estimated=True)


def is_held_by_caller(streamed_s: float, read_s: float) -> bool:
    """Whether most of a stream's time since its first output went by without anybody waiting for the provider."""
    held_s = streamed_s - read_s
    return held_s > _HELD_S and held_s > streamed_s / 2


def kept_objective(  # noqa: PLR0913 - what an objective is about
    decision: Decision,
    outcome: Outcome,
    usage: Usage | None,
    *,
    first_output_s: float | None,
    duration_s: float,
    held_by_caller: bool,
) -> bool | None:
    """Whether the attempt kept the rule's objective; None if it does not count, or there is none."""
    if decision.slo is None:
        return None
    return kept(
        decision.slo,
        outcome,
        stream=decision.facts.stream,
        first_output_s=first_output_s,
        duration_s=duration_s,
        output_tokens=None if usage is None else usage.completion_tokens / decision.facts.choices,
        held_by_caller=held_by_caller,
    )
