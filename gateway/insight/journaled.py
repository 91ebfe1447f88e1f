"""Traffic from the journal: what was asked, as it was decided about, and how long the answers were.

A record holds no text, and none is needed. What the caller itself had set as its deadline and ceiling is told from what
its rule set in the revision that decided; where that is not known, nothing is taken for the caller's own.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from gateway.insight.rows import RequestRow, row_of
from gateway.insight.sample import Sample, samples_of
from gateway.insight.traffic import Arrival, Traffic
from gateway.journal.journal import JournalRecord
from gateway.routing.plan import Plan
from gateway.values.decision import Decision
from gateway.values.outcome import Outcome
from gateway.values.records import RequestFinished, answering
from gateway.values.surface import Surface
from gateway.values.usage import Usage

PlanOf = Callable[[str], Plan | None]  # of the revision of this name; None if it is not known
UNREADABLE = "records of another version"
NO_LENGTH = "no answer of this model has a known length"


class Recorded(msgspec.Struct, frozen=True):
    """What a journal holds: the traffic, what became of it, and by deployment what its attempts show."""

    traffic: Traffic
    rows: list[RequestRow]
    samples: dict[str, list[Sample]]


def read_journal(
    records: Iterable[JournalRecord], source: str, plan_of: PlanOf, told: Callable[[], None] | None = None
) -> Recorded:
    """`told` hears of each record that was read."""
    decode = msgspec.json.Decoder(RequestFinished).decode
    rows: list[RequestRow] = []
    samples: dict[str, list[Sample]] = {}
    arrivals: list[tuple[Arrival, Outcome | None]] = []  # with how it ended where no length is known
    left_out: Counter[str] = Counter()
    for one in records:
        if told is not None:
            told()
        try:
            record = decode(one.record)
        except msgspec.DecodeError:
            left_out[UNREADABLE] += 1
            continue
        rows.append(row_of(record))
        for name, sample in samples_of(record):
            samples.setdefault(name, []).append(sample)
        usage = _usage(record)
        arrivals.append((_arrival(record, usage, plan_of), None if usage is not None else record.outcome))
    lengths: dict[str, list[int]] = {}
    for arrival, unknown in arrivals:
        if unknown is None:
            lengths.setdefault(arrival.facts.model, []).append(arrival.output_tokens)
    usual = {model: round(statistics.median(known)) for model, known in lengths.items()}
    assumed: Counter[str] = Counter()
    requests: list[Arrival] = []
    for arrival, unknown in arrivals:
        length = usual.get(arrival.facts.model)
        if unknown is None:
            requests.append(arrival)
        elif length is None:
            left_out[NO_LENGTH] += 1
        else:
            assumed[unknown.value] += 1
            requests.append(msgspec.structs.replace(arrival, output_tokens=length))
    requests.sort(key=lambda one: (one.at, one.id))
    traffic = Traffic(source=source, requests=tuple(requests), left_out=dict(left_out), assumed=dict(assumed))
    return Recorded(traffic, rows, samples)


def _usage(record: RequestFinished) -> Usage | None:
    """Of the answer, where it is whole and counted; of embeddings, of all the parts that they were asked in."""
    if record.decision.facts.surface is Surface.EMBEDDINGS:
        used = [one.usage for one in record.attempts if one.outcome is Outcome.OK]
        told = [usage.prompt_tokens for usage in used if usage is not None]
        is_known = record.outcome is Outcome.OK and len(told) == len(used)
        return Usage(prompt_tokens=sum(told), completion_tokens=0) if is_known else None
    (last,) = answering(record.attempts)[-1:] or (None,)
    if last is None or last.outcome is not Outcome.OK or last.usage is None or last.usage.estimated or last.continues:
        return None
    return last.usage


def _arrival(record: RequestFinished, usage: Usage | None, plan_of: PlanOf) -> Arrival:
    decision, facts = record.decision, record.decision.facts
    deadline_s, max_cost_usd = _own_bounds(decision, plan_of(decision.revision))
    return Arrival(
        id=decision.id,
        at=decision.at - record.queued_s,
        facts=facts,
        prompt_tokens=facts.prompt_tokens if usage is None else usage.prompt_tokens,
        output_tokens=0 if usage is None else usage.completion_tokens,
        seed=decision.seed,
        deadline_s=deadline_s,
        max_cost_usd=max_cost_usd,
    )


def _own_bounds(decision: Decision, plan: Plan | None) -> tuple[float | None, float | None]:
    """What the caller asked for, where it is tighter than its rule."""
    bounds, rule = decision.bounds, None if plan is None else plan.by_name.get(decision.rule)
    if rule is None:
        return None, None
    deadline_s = bounds.deadline_s if bounds.deadline_s < rule.bounds.deadline_s else None
    return deadline_s, bounds.max_cost_usd if bounds.max_cost_usd != rule.bounds.max_cost_usd else None
