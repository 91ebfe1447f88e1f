"""Scores of pairs of texts: vLLM's `/v1/score`. Source: vLLM 0.32 (ScoreRequest, ScoreResponse)."""

import msgspec

from gateway.dialects.openai.beside_chat import BesideChat, read_answer
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.usage import Usage

# by what callers may name the two sides
SIDES = (("queries", "documents"), ("queries", "items"), ("data_1", "data_2"), ("text_1", "text_2"))


class _Score(msgspec.Struct, gc=False):
    index: int
    score: float


class _Answer(msgspec.Struct, gc=False):
    data: list[_Score]
    model: str | None = None
    usage: msgspec.Raw = ABSENT


_decoder = msgspec.json.Decoder(_Answer)


class ScoreTranslator(BesideChat):
    """The verbs."""

    def __init__(self, ways: Ways = USUAL) -> None:
        super().__init__("/score", ways)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it does not hold a score for each pair."""
        answer = read_answer(body, _decoder, "list of scores")
        if not answer.data:
            raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without scores")
        if len(answer.data) < request.inputs:
            raise AttemptFailed(Outcome.TRUNCATED, f"{len(answer.data)} scores for {request.inputs} pairs")
        if sorted(one.index for one in answer.data) != list(range(request.inputs)):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an index that no pair has, or that two scores have")
        told = read_usage(answer.usage)
        usage = told.usage or Usage(
            prompt_tokens=request.facts.prompt_tokens, completion_tokens=0, units=None, estimated=True
        )
        return WholeAnswer(body, usage, answer.model, None, None, (Anomaly.ODD_USAGE,) if told.odd else ())
