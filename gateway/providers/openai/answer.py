"""Decode: is this 2xx body an answer, and what does it say of itself?"""

import contextlib

import msgspec

from gateway.providers.openai.wire import (
    ABSENT,
    FAILED,
    Said,
    as_usage,
    is_answer,
    is_present,
    of_output,
    without_surrogates,
)
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome


class _Choice(msgspec.Struct, gc=False):
    message: Said | None = None
    finish_reason: str | None = None


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT


_decode_body = msgspec.json.Decoder(_Body).decode


def decode(body: bytes) -> WholeAnswer:
    """Raises AttemptFailed: an error in the answer, malformed, or empty (FAULTS S15)."""
    parsed = _parse(body)
    if is_present(parsed.error):
        raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a 2xx whose body holds an error")
    if not parsed.choices:
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without choices")
    said = [choice.message for choice in parsed.choices]
    if None in said:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a choice without a message")
    if any(choice.finish_reason in FAILED for choice in parsed.choices):
        raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a choice that ended with an error")
    usage = as_usage(parsed.usage, parsed.service_tier)
    finish = parsed.choices[0].finish_reason
    any_output = any(message.holds_output() for message in said if message is not None)
    if not is_answer(any_output=any_output, finish_reason=finish, usage=usage):
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx whose choices hold nothing")
    return WholeAnswer(body, of_output(usage, any_output=any_output), parsed.model, finish)


def _parse(body: bytes) -> _Body:
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    try:
        return _decode_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode_body(without_surrogates(body))
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"not a chat completion: {problem}") from None
