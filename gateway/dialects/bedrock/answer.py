"""Decode: is this 2xx body an answer, and what does it say of itself?"""

import msgspec

from gateway.dialects.bedrock.reported_usage import read_usage
from gateway.dialects.bedrock.stop import BLOCKED, BROKEN, KNOWN
from gateway.dialects.bedrock.wire import Block, Converse, read
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_decoder = msgspec.json.Decoder(Converse)


def decode(body: bytes) -> WholeAnswer:
    """Raises AttemptFailed: an error in the answer, malformed, cut short, or empty."""
    found = read_converse(body)
    message = found.output.message if found.output is not None else None
    if message is None or message.content is None:
        if found.output is None and found.message is not None:
            raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a 2xx whose body holds an error")
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "not an answer of Converse: it has no content")
    any_output = any(map(holds_output, message.content))
    told = of_output(read_usage(found.usage, found.service_tier), any_output=any_output)
    reason = found.stop_reason
    if reason in BROKEN:
        raise broken(reason)
    if reason is None and any_output:
        raise AttemptFailed(Outcome.TRUNCATED, "an answer without a stopReason")
    if not is_answer(any_output=any_output, reason=reason, usage=told.usage):
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "an answer that holds nothing")
    return WholeAnswer(body, told.usage, None, reason, told.counts, anomalies_of(told, reason))


def read_converse(body: bytes) -> Converse:
    """Raises AttemptFailed if it is none."""
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    found = read(_decoder, body)
    if found is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an answer of Converse")
    return found


def holds_output(block: Block) -> bool:
    """True if a caller would see something."""
    return bool(block.words()) or block.tool_use is not None or block.reasoning_content is not None


def broken(reason: str | None) -> AttemptFailed:
    """The model's own failure, which Bedrock found."""
    return AttemptFailed(Outcome.ERROR_IN_ANSWER, f"the model's output was no answer: {reason}")


def is_answer(*, any_output: bool, reason: str | None, usage: Usage | None) -> bool:
    """Is a finished answer one, though it may hold nothing? Yes if it was blocked, or ended with what it generated."""
    if any_output or reason in BLOCKED:
        return True
    return usage is not None and reason in KNOWN and usage.completion_tokens > 0


def anomalies_of(told: ReportedUsage, reason: str | None) -> tuple[Anomaly, ...]:
    """What was odd about it."""
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    return odd if reason in KNOWN | BROKEN else (Anomaly.UNKNOWN_FINISH_REASON, *odd)
