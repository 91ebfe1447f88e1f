"""Speech of the OpenAI dialect: sound as it is made, or events that hold it.

Source: OpenAI's OpenAPI description 2.3.0 (CreateSpeechRequest, CreateSpeechResponseStreamEvent). Sound has no last word: it
is whole where HTTP says so, so an answer that does not say where it ends is none.
"""

import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import HeadJudge, StreamDecoder
from gateway.dialects.openai.audio_usage import read_audio_usage
from gateway.dialects.openai.beside_chat import BesideChat
from gateway.dialects.openai.typed_events import Typed, TypedEvents
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.units import Units
from gateway.values.usage import Usage

_MEDIA = re.compile(
    r"(audio/[a-z0-9.+-]{1,40}|application/octet-stream)(; ?[a-z0-9_-]{1,20}=[a-z0-9.\"_-]{1,40}){0,3}", re.IGNORECASE
)
_UNTOLD = ("", "binary/octet-stream")


class SpeechTranslator(BesideChat, HeadJudge):
    """The verbs. All answers are streams."""

    def __init__(self, ways: Ways = USUAL) -> None:
        super().__init__("/audio/speech", ways)

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name."""
        call = super().encode(request, target)
        accept = "*/*" if request.binary else "text/event-stream"
        return msgspec.structs.replace(
            call, headers=tuple((name, accept if name == "accept" else value) for name, value in call.headers)
        )

    def media(self, request: Request, headers: Mapping[str, str], *, delimited: bool) -> str | None:
        """The provider's word for the sound. Raises AttemptFailed for what is none, or has no end."""
        if not request.binary:
            return None
        said = headers.get("content-type", "").strip()
        if said in _UNTOLD:
            said = "application/octet-stream"
        if not _MEDIA.fullmatch(said):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a 2xx that is no sound")
        if not delimited:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "sound of which nothing says where it ends")
        return said

    def decode(self, body: bytes, request: Request) -> WholeAnswer:  # noqa: ARG002 - the verb's
        """There is none."""
        raise TypeError("speech is streamed")

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """Of sound, or of events."""
        units = request.facts.units or Units()
        return _Sound(units) if request.binary else _SpeechEvents(units)


class _Sound:
    """Bytes, as they come."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._any = False

    def feed(self, data: bytes) -> list[Chunk]:
        """All of it is output."""
        self._any = self._any or bool(data)
        return [Chunk(data, output=True)] if data else []

    def end(self) -> Chunk:
        """HTTP has said that it is whole."""
        if not self._any:
            return Chunk(b"", failure=AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without sound"))
        return Chunk(b"", done=True)

    def summary(self) -> StreamSummary:
        """What is spoken is billed by its text, as soon as there is any sound. Tokens are not said."""
        usage = Usage(prompt_tokens=0, completion_tokens=0, units=self._units) if self._any else None
        return StreamSummary(usage, None, None, 0)

    def tokens(self) -> int:
        """Nobody says."""
        return 0

    def beginning(self) -> PartialAnswer | None:
        """Nobody goes on with it."""
        return None


class _SpeechEvents(TypedEvents):
    def __init__(self, units: Units) -> None:
        super().__init__("speech.audio.done")
        self._units = units

    def _usage(self, event: Typed, before: Usage | None) -> Usage | None:
        if event.type == "speech.audio.done":
            return read_audio_usage(event.usage, self._units) or before
        return before or Usage(prompt_tokens=0, completion_tokens=0, units=self._units)
