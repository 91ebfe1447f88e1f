"""What the translators of surfaces beside conversations share: JSON goes there, a whole JSON comes back, and errors are
OpenAI's or of a form that its dialect reads.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai.failure import failure
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.openai.request import encode_to
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

T = TypeVar("T")


class BesideChat(ABC):
    """The verbs, without streams. `path`: after the base URL; `ways` as `OpenAITranslator` has them."""

    def __init__(self, path: str, ways: Ways = USUAL) -> None:
        self._path = path
        self._ways = ways

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name."""
        return encode_to(self._path, request, target, ask_usage=False, ways=self._ways)

    @abstractmethod
    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer to `request`. Raises AttemptFailed if it is none."""

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """There is none, unless a translator says otherwise."""
        raise TypeError(f"{self._path} is not streamed")

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now, self._ways)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now, self._ways.rate_headers)


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_answer(body: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    """A 2xx body, of which `decoder` reads what the gateway must understand: `what`. Raises AttemptFailed if it is none."""
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if says_error(body):
            raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a 2xx whose body holds an error") from None
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"no {what}") from None


def says_error(body: bytes) -> bool:
    """Whether it is an object with a member `error`."""
    try:
        return is_present(_members(body).get("error", ABSENT))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def members_of(body: bytes) -> dict[str, Any]:
    """The members of a body that was read, as they were written."""
    return dict(_members(body))
