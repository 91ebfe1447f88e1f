"""OpenAI's Responses as a dialect, both sides.

Sources: OpenAI's OpenAPI description 2.3.0 (CreateResponse, Response, ResponseStreamEvent); Open Responses, 2026-04-24.
"""

from collections.abc import Mapping

from gateway.dialects.contract import Prepared, Preparer, StreamDecoder
from gateway.dialects.openai.failure import failure
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.responses.answer import decode
from gateway.dialects.responses.request import encode, prepare
from gateway.dialects.responses.sealed import sealed_body
from gateway.dialects.responses.stream import ResponseStreamDecoder
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request

_FOREIGN_THOUGHTS = "invalid_encrypted_content"  # of another account: another candidate may read them, or do without


class ResponsesTranslator(Preparer):
    """The five verbs. A deployment's base URL ends with `/v1`. `owner`: who encrypts thoughts there, so that it alone gets
    them back. `thinking`: how the names of models begin that think, and so can be asked for their thoughts.
    """

    def __init__(self, owner: str = "", thinking: tuple[str, ...] = ()) -> None:
        self.form = ("responses", owner)
        self._owner = owner
        self._thinking = thinking

    def owned_by(self, owner: str) -> "ResponsesTranslator":
        """The same for the deployments of this owner."""
        return ResponsesTranslator(owner, self._thinking)

    def prepare(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """The request without thoughts of others, which are refused."""
        return prepare(request, self._owner, pause)

    def restored(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """What is made of a request that comes from another dialect."""
        return prepare(request, self._owner, pause)

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name; nothing is kept there."""
        return encode(request, target, self._thinking)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:  # noqa: ARG002 - the verb's
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        answer = decode(body)
        try:
            marked = sealed_body(body, self._owner)
        except (ValueError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an encrypted thought that cannot be read") from None
        return WholeAnswer(marked, answer.usage, answer.model, answer.finish_reason, answer.counts, answer.anomalies)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """A decoder that forwards what comes. It always knows how many tokens came."""
        return ResponseStreamDecoder(self._owner)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        found = failure(status, headers, body, now)
        return found.replaced(outcome=Outcome.FIELD_REFUSED) if found.code == _FOREIGN_THOUGHTS else found

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now)
