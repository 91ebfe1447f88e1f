"""What an attempt used, and how it went, for its record: as it was told, else as an estimate from what was seen."""

from gateway.state.slo import kept
from gateway.values.answer import StreamSummary, WholeAnswer
from gateway.values.decision import Decision
from gateway.values.outcome import Outcome
from gateway.values.request import Facts
from gateway.values.usage import Usage

_HELD_S = 1.0  # a stream that waited less for its caller has the pace of its provider


def usage_told(said: WholeAnswer | StreamSummary | None, facts: Facts) -> Usage | None:
    """The provider's own count; of a stream that was cut before it, an estimate by its events."""
    if said is None:
        return None
    if said.usage is None and isinstance(said, StreamSummary) and said.tokens:
        return Usage(prompt_tokens=facts.prompt_tokens, completion_tokens=said.tokens, estimated=True)
    return said.usage


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
