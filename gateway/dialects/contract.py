"""The contracts of a dialect: bytes in, values out; no socket, no clock, no async.

A `Translator` is what the flow works with: a request becomes a call, an answer or a stream is judged, accounted for and
given on. Where caller and provider speak the same dialect it is the dialect's own, and bytes pass through. Where they do
not, `gateway.dialects.translated` makes one of the provider's translator and two `Dialect`s, by way of the canonical chat.

So a vendor's stream is tested from a file, one byte at a time. Nothing here may know of HTTP clients or of policy.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from gateway.values.answer import Chunk, PartialAnswer, StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.chat import Chat, Event, Reply
from gateway.values.deployment import Deployment
from gateway.values.error_view import ErrorView
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request


class StreamDecoder(Protocol):
    """One stream of one attempt. Its state is never shared or reused (FAULTS S7)."""

    def feed(self, data: bytes) -> list[Chunk]:
        """Take what has arrived and give the whole events in it. After `done` or `failure` comes nothing more."""

    def end(self) -> Chunk:
        """The body has ended without `done`: a chunk that is done after all, or a failure (law 3)."""

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""

    def tokens(self) -> int:
        """About how many tokens of output have come. Only a decoder that remembers knows."""

    def beginning(self) -> PartialAnswer | None:
        """What another server could go on with; None where it is no plain text. Only a decoder that remembers knows."""


class Translator(Protocol):
    """A dialect as five verbs."""

    def encode(self, request: Request, target: Deployment) -> Call:
        """The request as a call to `target`; as it was prepared, where the translator is a `Preparer`."""

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer to `request`. Raises AttemptFailed if it is none."""

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:
        """A decoder for the stream that answers `request`. `remember`: keep what is said."""

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means. `headers` have lower-case names; `body` may be cut; `now`: seconds since the epoch."""

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow, as any answer's `headers` say; None if they say nothing."""


class HeadJudge(ABC):
    """A translator to which the head of a 2xx says something, as not all of its answers are JSON or events."""

    @abstractmethod
    def media(self, request: Request, headers: Mapping[str, str], *, delimited: bool) -> str | None:
        """The media type in which the caller gets a stream; None: it is one of events. `delimited`: the answer says where it
        ends. Raises AttemptFailed where the answer is none of the kind that was asked for.
        """


class Prepared(msgspec.Struct, frozen=True):
    """A request as calls are made of it. `lost`: what of the caller's it does not say, by member or path; `adapted`: what it
    says otherwise, as `path: note`. All else is passed.
    """

    request: Request
    lost: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()


class Preparer(ABC):
    """A translator that puts a request into a form of its own before calls can be made of it. It takes long for a long one,
    and is done once. `form`: what was prepared for one translator serves all of that form.
    """

    form: object

    @abstractmethod
    def prepare(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """Raises AttemptFailed (field_refused) for what has no form here: it may have one at another provider. `pause` is
        called between steps.
        """


@runtime_checkable
class Restorer(Protocol):
    """A dialect whose providers encrypt what they want back, each its own. `form` tells them apart."""

    form: object

    def restored(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """A request of this dialect with what this provider encrypted as it made it, and without what others did."""


@runtime_checkable
class Continuer(Protocol):
    """A dialect whose server goes on with an answer that another one began."""

    def continued(self, request: Request, beginning: PartialAnswer, pause: Pause = no_pause) -> Request | None:
        """What has the answer continued, to be encoded; None if this request's cannot be. `request` as prepared."""

    def continuation_decoder(self, request: Request, beginning: PartialAnswer) -> StreamDecoder:
        """A decoder whose events read as more of the stream that began the answer."""


@runtime_checkable
class TokenCounter(Protocol):
    """A dialect whose server counts the tokens of a prompt."""

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted; of the request as it was prepared."""

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body. Raises AttemptFailed if there is none."""


class Joiner(Protocol):
    """The answers to the parts of one request become one. `size`: how many bytes that has by now."""

    size: int

    def add(self, body: bytes, pause: Pause) -> None:
        """The answer to the next part. Raises AttemptFailed where it does not go together with those before."""

    def body(self) -> Sequence[bytes]:
        """The whole, in blocks."""


@runtime_checkable
class Batcher(Protocol):
    """A dialect whose requests can be asked in parts, and whose answers may be large: `pause` is called between two steps."""

    def most(self, request: Request) -> tuple[int, int | None]:
        """How many inputs, and tokens, of this request are asked at once."""

    def parts(self, request: Request, most_inputs: int, most_tokens: int | None = None) -> list[Request]:
        """The request as several, in order."""

    def decode_in_steps(self, body: bytes, request: Request, pause: Pause) -> WholeAnswer:
        """`decode` of a long body."""

    def joiner(self) -> Joiner:
        """For one request."""

    def of_whole(self, failed: AttemptFailed, before: int) -> AttemptFailed:
        """What a provider says of an input of a part, said of the whole request: so many inputs are before that part."""


Fields = dict[str, msgspec.Raw]  # the members of a body, in order


class Adapted(msgspec.Struct, frozen=True):
    """A member of a chat, by its name or path, that a body says otherwise. `note`: what became of it, in words of ours: never
    a value.
    """

    path: str
    note: str


Deviation = (
    str | Adapted
)  # what of a chat a body does not say as it was: what is lost by its name alone, or what is adapted


class EventReader(Protocol):
    """Reads the events of one stream, as the dialect's own decoder forwards them: whole, in order, and no errors."""

    def read(self, data: bytes) -> list[Event]:
        """What they say. Raises AttemptFailed if they cannot be read."""


class EventWriter(Protocol):
    """Writes one stream."""

    def write(self, events: Sequence[Event]) -> bytes:
        """The events in the dialect; some may be held back until more is known."""

    def end(self) -> bytes:
        """What is held back, and what ends a complete stream."""


class ProviderSide(Protocol):
    """How one wire format says what the canonical chat holds, to and from a provider."""

    @property
    def name(self) -> str:
        """Dialects of one name are one: bytes pass through."""

    def fields(self, chat: Chat, pause: Pause = no_pause) -> tuple[Fields, tuple[Deviation, ...]]:
        """A body without the model's name and `stream`, and what of the chat it does not say as it was: names of the chat's
        members, or paths like `turns[2].parts[0].detail`. A bare name is lost; `Adapted` has a note. Raises AttemptFailed
        (bad_request) for what must not be lost.
        """

    def reply(self, body: bytes) -> Reply:
        """A whole answer that the dialect's translator has found to be one."""

    def reader(self) -> EventReader:
        """For one stream."""


class Dialect(ProviderSide, Protocol):
    """The same, to and from callers too."""

    @property
    def id_header(self) -> str:
        """In which header its callers look for the request's id."""

    def chat(self, fields: Fields, pause: Pause = no_pause) -> Chat:
        """What a caller's body asks for. Raises AttemptFailed (bad_request, with the path) for what makes no sense. `pause` is
        called between the steps of what takes long.
        """

    def whole(self, reply: Reply, request: Request) -> bytes:
        """A whole answer for the caller of `request`."""

    def error(self, view: ErrorView) -> bytes:
        """The body of an error for a caller."""

    def error_event(self, view: ErrorView) -> bytes:
        """The same as the last event of a stream that has begun."""

    def writer(self, request: Request) -> EventWriter:
        """For the stream that answers `request`."""


@runtime_checkable
class PathNamer(Protocol):
    """A caller's dialect that says what it calls the members of a chat."""

    def caller_path(self, chat: Chat, path: str) -> str:
        """A name or path of the chat, as it stands in the caller's body."""


@runtime_checkable
class Beating(Protocol):
    """A caller's dialect with an event of its own that says nothing but that the stream lives."""

    @property
    def heartbeat(self) -> bytes:
        """That event, whole. Where there is none a comment does it."""
