"""What an attempt used, and how it went, for its record: as it was told, else as an estimate from what was seen. Pure, so that
the simulator settles as the service does.
"""

import msgspec

from gateway.learning.slo import kept
from gateway.learning.stopped import usage_until_stopped
from gateway.values.answer import StreamSummary, WholeAnswer
from gateway.values.decision import Decision
from gateway.values.outcome import Outcome
from gateway.values.request import Facts
from gateway.values.snapshot import Reading
from gateway.values.usage import Counts, Usage

_NO_COUNTS = Counts()
_HELD_S = 1.0  # a stream that waited less for its caller has the pace of its provider


def usage_told(said: WholeAnswer | StreamSummary | None, facts: Facts) -> Usage | None:
    """The provider's own count; where it lacks a part, or a stream was cut before it, an estimate of what is missing:
    the prompt by what was asked, the output of a stream by its events; in the service tier that was asked for. That of a
    whole answer is unknown.
    """
    if said is None or said.usage is not None:
        return None if said is None else said.usage
    counts = said.counts or _NO_COUNTS
    seen = said.tokens if isinstance(said, StreamSummary) else 0
    completion = counts.completion_tokens or seen
    prompt = counts.prompt_tokens or facts.prompt_tokens
    if not completion:
        return None
    told = counts.told or Usage(prompt_tokens=prompt, completion_tokens=0, service_tier=facts.service_tier)
    return msgspec.structs.replace(
        told,
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=None,
        reported_usd=None,
        estimated=True,
    )


def usage_of(  # noqa: PLR0913 - what it is told by
    said: WholeAnswer | StreamSummary | None,
    facts: Facts,
    outcome: Outcome,
    reading: Reading,
    *,
    duration_s: float,
    status: int | None,
    was_sent: bool,
) -> Usage | None:
    """What an attempt used. None is unknown, or nothing: `status` is the provider's, of a refusal, or nothing `was_sent`.

    `reading`: the deployment's. What was given up while the provider was at work is estimated by the time that it had.
    """
    told = usage_told(said, facts)
    refused = status is not None and status >= 400
    return (
        told
        if told is not None or refused or not was_sent
        else usage_until_stopped(outcome, facts, reading, duration_s)
    )


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
