"""A translator for a caller and a provider of different dialects, made of the provider's own translator and both dialects.

The provider's translator judges and accounts for what comes, as for a caller of its own dialect; what it would forward is
read into the canonical chat and written in the caller's dialect. So n surfaces and m dialects are n + m pieces.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

from gateway.dialects.contract import (
    Adapted,
    Continuer,
    Dialect,
    EventReader,
    EventWriter,
    PathNamer,
    Prepared,
    Preparer,
    ProviderSide,
    Restorer,
    StreamDecoder,
    TokenCounter,
    Translator,
)
from gateway.dialects.known_names import noted, repeatable
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.chat import Began, Event, TextDelta
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request

_Named = TypeVar("_Named", Began, PartialAnswer)


class Translated(Preparer):
    """The verbs of a translator. `asks`: the dialect of callers; `answers`: that of the provider and its `translator`."""

    def __init__(self, asks: Dialect, answers: ProviderSide, translator: Translator) -> None:
        self._restorer = translator if isinstance(translator, Restorer) else None
        self.form = answers if self._restorer is None else (answers, self._restorer.form)
        self._asks = asks
        self._answers = answers
        self._translator = translator

    def prepare(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """The request as a caller of the provider's dialect would have sent it."""
        try:
            chat = self._asks.chat(request.fields, pause)
        except AttemptFailed as none:
            raise _has_no_form(none, none.param) from None
        named = partial(self._asks.caller_path, chat) if isinstance(self._asks, PathNamer) else str
        try:
            fields, deviations = self._answers.fields(chat, pause)
        except AttemptFailed as none:
            raise _has_no_form(none, None if none.param is None else named(none.param)) from None
        if request.facts.stream:
            fields["stream"] = msgspec.Raw(b"true")
        own = msgspec.structs.replace(request, fields=fields, wants_usage=False)
        lost = [named(one) for one in deviations if not isinstance(one, Adapted)]
        adapted = noted((named(one.path), one.note) for one in deviations if isinstance(one, Adapted))
        restored = Prepared(own) if self._restorer is None else self._restorer.restored(own, pause)
        return Prepared(restored.request, repeatable((*chat.unsaid, *lost, *restored.lost)), adapted)

    def encode(self, request: Request, target: Deployment) -> Call:
        """The call of what was prepared."""
        return self._translator.encode(request, target)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer in the caller's dialect. Raises AttemptFailed if it is none."""
        answer = self._translator.decode(body, request)
        reply = self._answers.reply(answer.body)
        if not (reply.id and reply.model):
            reply = msgspec.structs.replace(reply, id=reply.id or request.id, model=reply.model or request.facts.model)
        return msgspec.structs.replace(answer, body=self._asks.whole(reply, request))

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:
        """A decoder whose chunks are in the caller's dialect."""
        decoder = self._translator.decoder(_of_provider(request), remember=remember)
        return _TranslatedDecoder(decoder, self._answers.reader(), self._asks.writer(request), request)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return self._translator.failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return self._translator.headroom(headers, now)


class _Counting(Translated):
    """Of a provider whose server counts tokens."""

    _translator: Any

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted."""
        counter: TokenCounter = self._translator
        return counter.encode_count(request, target)

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body."""
        counter: TokenCounter = self._translator
        return counter.decode_count(body)


class _Continuing(Translated):
    """Of a provider whose server goes on with an answer. The caller's stream goes on where it broke, whatever dialect the
    provider that began it speaks.
    """

    _translator: Any

    def continued(self, request: Request, beginning: PartialAnswer, pause: Pause = no_pause) -> Request | None:
        """What has the answer continued."""
        continuer: Continuer = self._translator
        return continuer.continued(request, beginning, pause)

    def continuation_decoder(self, request: Request, beginning: PartialAnswer) -> StreamDecoder:
        """Its writer is where the one was that wrote the beginning: that is plain text, so it holds nothing back."""
        continuer: Continuer = self._translator
        decoder = continuer.continuation_decoder(_of_provider(request), beginning)
        writer = self._asks.writer(request)
        writer.write([Began(beginning.id, beginning.model), TextDelta(beginning.text)])
        return _TranslatedDecoder(decoder, self._answers.reader(), writer, request, goes_on=True)


class _CountingContinuing(_Counting, _Continuing):
    """Of one whose server does both."""


def translated(asks: Dialect, answers: ProviderSide, translator: Translator) -> Translator:
    """A translator between two dialects, with the provider's skills."""
    counts, continues = isinstance(translator, TokenCounter), isinstance(translator, Continuer)
    if counts and continues:
        return _CountingContinuing(asks, answers, translator)
    kind = _Counting if counts else _Continuing if continues else Translated
    return kind(asks, answers, translator)


def _has_no_form(none: AttemptFailed, path: str | None) -> AttemptFailed:
    """It may have one at another provider. `path`: what its caller calls the member."""
    if none.outcome is not Outcome.BAD_REQUEST:
        return none
    message = none.message
    if message is not None and none.param is not None and path is not None:
        message = message.replace(none.param, path)
    return none.replaced(outcome=Outcome.FIELD_REFUSED, message=message, param=path)


def _of_provider(request: Request) -> Request:
    """What its decoder is to know: the caller's members are not its own."""
    return msgspec.structs.replace(request, wants_usage=True, fields={})


class _TranslatedDecoder:
    """`goes_on`: what comes goes on with a stream that has begun. An answer without an id or a model's name gets those of the
    request: callers need some.
    """

    def __init__(
        self,
        decoder: StreamDecoder,
        reader: EventReader,
        writer: EventWriter,
        request: Request,
        *,
        goes_on: bool = False,
    ) -> None:
        self._request = request
        self._goes_on = goes_on
        self._is_wrong = False  # what came could not be translated
        self._decoder = decoder
        self._reader = reader
        self._writer = writer
        self._over = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole events in what has arrived."""
        chunks: list[Chunk] = []
        for chunk in self._decoder.feed(data):
            if self._over:
                break
            chunks.append(self._translated(chunk))
        return chunks

    def end(self) -> Chunk:
        """The body has ended."""
        return self._translated(self._decoder.end())

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""
        return self._decoder.summary()

    def tokens(self) -> int:
        """About how many tokens of output have come."""
        return self._decoder.tokens()

    def beginning(self) -> PartialAnswer | None:
        """What was said, without the provider's own words for it."""
        begun = None if self._is_wrong else self._decoder.beginning()
        return None if begun is None else msgspec.structs.replace(self._named(begun), head=b"")

    def _events(self, data: bytes) -> list[Event]:
        events = self._reader.read(data)
        if self._goes_on:
            return [event for event in events if not isinstance(event, Began)]
        if events and isinstance(events[0], Began):
            events[0] = self._named(events[0])
        return events

    def _named(self, begun: _Named) -> _Named:
        if begun.id and begun.model:
            return begun
        request = self._request
        return msgspec.structs.replace(begun, id=begun.id or request.id, model=begun.model or request.facts.model)

    def _translated(self, chunk: Chunk) -> Chunk:
        if chunk.failure is not None:
            self._over = True
            return chunk
        try:
            written = self._writer.write(self._events(chunk.forward)) if chunk.forward else b""
        except AttemptFailed as failed:
            self._over = self._is_wrong = True
            return Chunk(b"", failure=failed)
        if chunk.done:
            self._over = True
            written += self._writer.end()
        return Chunk(written, chunk.output, chunk.done)
