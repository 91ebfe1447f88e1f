"""A translator for a caller and a provider of different dialects, made of the provider's own translator and both dialects.

The provider's translator judges and accounts for what comes, as for a caller of its own dialect; what it would forward is
read into the canonical chat and written in the caller's dialect. So n surfaces and m dialects are n + m pieces.
"""

from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import Dialect, EventReader, EventWriter, StreamDecoder, TokenCounter, Translator
from gateway.dialects.known_names import repeatable
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request


class Translated:
    """The verbs of a translator. `asks`: the dialect of callers; `answers`: that of the provider and its `translator`."""

    def __init__(self, asks: Dialect, answers: Dialect, translator: Translator) -> None:
        self._asks = asks
        self._answers = answers
        self._translator = translator

    def encode(self, request: Request, target: Deployment) -> Call:
        """The call, and what of the request is lost on the way. Raises AttemptFailed (field_refused): what has no form here
        may have one at another provider.
        """
        try:
            own, lost = self._own(request)
        except AttemptFailed as none:
            raise AttemptFailed(
                Outcome.FIELD_REFUSED, none.detail, status=none.status, message=none.message, param=none.param
            ) from None
        call = self._translator.encode(own, target)
        lost = repeatable(lost)
        return msgspec.structs.replace(call, lost=(*call.lost, *lost)) if lost else call

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer in the caller's dialect. Raises AttemptFailed if it is none."""
        answer = self._translator.decode(body, request)
        return msgspec.structs.replace(answer, body=self._asks.whole(self._answers.reply(answer.body), request))

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:
        """A decoder whose chunks are in the caller's dialect."""
        decoder = self._translator.decoder(
            msgspec.structs.replace(request, wants_usage=True, fields={}), remember=remember
        )
        return _TranslatedDecoder(decoder, self._answers.reader(), self._asks.writer(request))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return self._translator.failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return self._translator.headroom(headers, now)

    def _own(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        """The request as a caller of the provider's dialect would have sent it."""
        chat = self._asks.chat(request.fields)
        fields, lost = self._answers.fields(chat)
        if request.facts.stream:
            fields["stream"] = msgspec.Raw(b"true")
        own = msgspec.structs.replace(request, fields=fields, wants_usage=False)
        return own, (*chat.unsaid, *lost)


class _CountingTranslated(Translated):
    """Of a provider whose server counts tokens."""

    def __init__(self, asks: Dialect, answers: Dialect, translator: Translator, counter: TokenCounter) -> None:
        super().__init__(asks, answers, translator)
        self._counter = counter

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted."""
        own, _ = self._own(request)
        return self._counter.encode_count(own, target)

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body."""
        return self._counter.decode_count(body)


def translated(asks: Dialect, answers: Dialect, translator: Translator) -> Translator:
    """A translator between two dialects, with what of the provider's skills survives that."""
    if isinstance(translator, TokenCounter):
        return _CountingTranslated(asks, answers, translator, translator)
    return Translated(asks, answers, translator)


class _TranslatedDecoder:
    """It has no beginning that another could go on with: that is in the provider's dialect."""

    def __init__(self, decoder: StreamDecoder, reader: EventReader, writer: EventWriter) -> None:
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
        """None."""
        return None

    def _translated(self, chunk: Chunk) -> Chunk:
        if chunk.failure is not None:
            self._over = True
            return chunk
        try:
            written = self._writer.write(self._reader.read(chunk.forward)) if chunk.forward else b""
        except AttemptFailed as failed:
            self._over = True
            return Chunk(b"", failure=failed)
        if chunk.done:
            self._over = True
            written += self._writer.end()
        return Chunk(written, chunk.output, chunk.done)
