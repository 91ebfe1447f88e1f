"""Moderations of the OpenAI dialect. Source: OpenAI's OpenAPI description 2.3.0 (CreateModerationRequest, -Response)."""

import msgspec

from gateway.dialects.openai.beside_chat import BesideChat, members_of, read_answer
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.usage import Usage


class _Result(msgspec.Struct, gc=False):
    categories: dict[str, bool | None]
    category_scores: dict[str, float | None]
    flagged: bool | None = None


class _Answer(msgspec.Struct, gc=False):
    results: list[_Result]
    model: str | None = None
    usage: msgspec.Raw = ABSENT  # Mistral's


_decoder = msgspec.json.Decoder(_Answer)
_results = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_encode = msgspec.json.Encoder().encode


class ModerationsTranslator(BesideChat):
    """The verbs. OpenAI says no usage: it is estimated by the texts."""

    def __init__(self, ways: Ways = USUAL) -> None:
        super().__init__("/moderations", ways)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it does not judge each input."""
        answer = read_answer(body, _decoder, "list of judgements")
        if not answer.results:
            raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without judgements")
        if len(answer.results) != request.inputs:
            raise AttemptFailed(Outcome.TRUNCATED, f"{len(answer.results)} judgements for {request.inputs} inputs")
        if any(one.flagged is None for one in answer.results):
            body = _with_flags(body, answer.results)
        usage = read_usage(answer.usage).usage or Usage(
            prompt_tokens=request.facts.prompt_tokens, completion_tokens=0, estimated=True
        )
        return WholeAnswer(body, usage, answer.model, None)


def _with_flags(body: bytes, results: list[_Result]) -> bytes:
    """Mistral says of each category whether it applies, and not whether any does."""
    members = members_of(body)
    flags = [any(one.categories.values()) if one.flagged is None else one.flagged for one in results]
    told = [{**one, "flagged": flag} for one, flag in zip(_results(members["results"]), flags, strict=True)]
    return _encode({**members, "results": told})
