"""Transcriptions and translations of the OpenAI dialect: sound in a form goes there, text comes back, in several formats.

Sources: OpenAI's OpenAPI description 2.3.0 (CreateTranscriptionRequest, CreateTranscriptionResponse*,
CreateTranslation*); Mistral's Python SDK (TranscriptionStreamTextDelta, -Done, -Segment, -Language, which passes on as it
is; 2026-11); vLLM (speech_to_text/protocol.py of November 2026: a stream of chunks like a chat's, which ends with
[DONE]; it says usage where `stream_include_usage` asks for it).

Plain text is asked for as JSON, which says how much sound was heard, and given as text.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from gateway.dialects.contract import HeadJudge, StreamDecoder
from gateway.dialects.openai.audio_usage import Seconds, read_audio_usage
from gateway.dialects.openai.beside_chat import BesideChat, read_answer, says_error
from gateway.dialects.openai.form import encode_form
from gateway.dialects.openai.typed_events import Typed, TypedEvents, as_sent
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.answer import Chunk, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.units import Units
from gateway.values.usage import Usage

_FORMAT = "response_format"
_TIMED = frozenset({"srt", "vtt"})
_TEXT_MEDIA = "text/plain; charset=utf-8"
_MOMENT = re.compile(rb"--> (?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{3})")
_LAST = "transcript.text.done"

_decode_text = msgspec.json.Decoder(str | None).decode
_encode = msgspec.json.Encoder().encode


class _Answer(msgspec.Struct, gc=False):
    text: str
    duration: float | str | None = None  # vLLM's is a text
    usage: msgspec.Raw = ABSENT


_decoder = msgspec.json.Decoder(_Answer)


class TranscriptionsTranslator(BesideChat, HeadJudge):
    """The verbs. `asks_usage`: the member by which a stream is asked to say what was used, where there is one."""

    def __init__(self, path: str, asks_usage: str | None = None, ways: Ways = USUAL) -> None:
        super().__init__(path, ways)
        self._asks_usage = asks_usage

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's form with the target's model name. Raises AttemptFailed where there is none."""
        upload = request.upload
        if upload is None:
            raise AttemptFailed(
                Outcome.BAD_REQUEST, "no form", message="Missing required parameter: 'file'.", param="file"
            )
        fields = dict(request.fields)
        if _format(request) == "text":
            fields[_FORMAT] = msgspec.Raw(b'"json"')
        if request.facts.stream and self._asks_usage is not None:
            fields[self._asks_usage] = msgspec.Raw(b'"true"')
        request, path = msgspec.structs.replace(request, fields=fields), self._ways.path(self._path, target)
        return encode_form(path, request, upload, target)

    def media(self, request: Request, headers: Mapping[str, str], *, delimited: bool) -> str | None:  # noqa: ARG002 - the verb's
        """Subtitles have no last word: they are whole where HTTP says so."""
        if _format(request) in _TIMED and not delimited:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "subtitles of which nothing says where they end")
        return None

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer, in the format that was asked for. Raises AttemptFailed if it is none."""
        wanted = _format(request)
        if wanted in _TIMED:
            return _subtitles(body, wanted)
        answer = read_answer(body, _decoder, "transcript")
        usage = read_audio_usage(answer.usage) or _by_duration(answer.duration)
        if wanted == "text":
            return WholeAnswer(answer.text.encode() + b"\n", usage, None, None, media=_TEXT_MEDIA)
        return WholeAnswer(body, usage, None, None)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """Of a stream in either form."""
        return _TranscriptEvents()


def _format(request: Request) -> str:
    return _decode_text(request.fields.get(_FORMAT, ABSENT)) or "json"


def _by_duration(duration: float | str | None) -> Usage | None:
    """The verbose answer says how long the sound is."""
    try:
        seconds = msgspec.convert(duration, Seconds, strict=False)
    except msgspec.ValidationError:
        return None
    return None if seconds is None else _heard(seconds)


def _heard(seconds: float, *, estimated: bool = False) -> Usage:
    return Usage(prompt_tokens=0, completion_tokens=0, units=Units(audio_s=seconds), estimated=estimated)


def _subtitles(body: bytes, wanted: str) -> WholeAnswer:
    """How long the sound was is estimated by the end of the last."""
    if body.lstrip()[:1] == b"{":
        outcome = Outcome.ERROR_IN_ANSWER if says_error(body) else Outcome.MALFORMED_ANSWER
        raise AttemptFailed(outcome, f"JSON for {wanted}")
    try:
        body.decode()
    except UnicodeDecodeError:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"no {wanted}: it is not UTF-8") from None
    ends = [_seconds(one) for one in _MOMENT.finditer(body)]
    if wanted == "vtt" and not body.lstrip(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        outcome = Outcome.MALFORMED_ANSWER if body.strip() else Outcome.EMPTY_ANSWER
        raise AttemptFailed(outcome, "no vtt: its first word is missing")
    if wanted == "srt" and body.strip() and not ends:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no srt: it has no times")
    usage = _heard(max(ends), estimated=True) if ends else None
    return WholeAnswer(body, usage, None, None, media=_TEXT_MEDIA)


def _seconds(moment: re.Match[bytes]) -> float:
    hours, minutes, seconds, thousandths = (int(one or 0) for one in moment.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


# -- streams


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Mistrals(msgspec.Struct, gc=False):
    text: str


_choices = msgspec.json.Decoder(list[_Choice]).decode
_text_of = msgspec.json.Decoder(_Mistrals).decode
_DELTA, _DONE = "transcription.text.delta", "transcription.done"  # Mistral's


class _TranscriptEvents(TypedEvents):
    """Of OpenAI's form, or of vLLM's or Mistral's, which become OpenAI's."""

    def __init__(self) -> None:
        super().__init__(_LAST)
        self._said: list[str] = []  # vLLM's, for the last event
        self._finish: str | None = None

    def _usage(self, event: Typed, before: Usage | None) -> Usage | None:
        return read_audio_usage(event.usage) or before

    def _events(self, event: Typed, data: bytes) -> Iterator[tuple[str, bytes]]:
        if event.type in (_DELTA, _DONE):
            yield self._mistrals(event, data)
            return
        if not is_present(event.choices):
            yield from super()._events(event, data)
            return
        try:
            choices = _choices(event.choices)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "choices that cannot be read") from None
        for one in choices:
            self._finish = one.finish_reason or self._finish
            if one.delta is not None and one.delta.content:
                self._said.append(one.delta.content)
                yield _delta(one.delta.content)

    def _mistrals(self, event: Typed, data: bytes) -> tuple[str, bytes]:
        try:
            text = _text_of(data).text
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event without a text") from None
        if event.type == _DELTA:
            return _delta(text)
        event.type = self._last
        return _done(text, self._used)

    def _done_came(self) -> Chunk:
        """vLLM's last word."""
        if self._finish is None:
            raise AttemptFailed(Outcome.TRUNCATED, "[DONE] came before the transcript had ended")
        return self._finished(as_sent(*_done("".join(self._said), self._used)))

    def _unstreamed(self, body: bytes) -> Iterator[tuple[str, bytes]]:
        """whisper-1 does not stream, and says so by answering as ever."""
        answer = read_answer(body, _decoder, "transcript")
        self._used = read_audio_usage(answer.usage) or _by_duration(answer.duration)
        if answer.text:
            yield _delta(answer.text)
        yield _done(answer.text, self._used)


def _delta(text: str) -> tuple[str, bytes]:
    kind = "transcript.text.delta"
    return kind, _encode({"type": kind, "delta": text})


def _done(text: str, usage: Usage | None) -> tuple[str, bytes]:
    event: dict[str, object] = {"type": _LAST, "text": text}
    if usage is not None and usage.units is not None and usage.units.audio_s is not None:
        event["usage"] = {"type": "duration", "seconds": usage.units.audio_s}
    elif usage is not None:
        into, out = usage.prompt_tokens, usage.completion_tokens
        event["usage"] = {"type": "tokens", "input_tokens": into, "output_tokens": out, "total_tokens": into + out}
    return _LAST, _encode(event)
