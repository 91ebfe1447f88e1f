"""The bodies of transcriptions, translations and speech: checked as far as the gateway must understand them, the facts drawn.

Source: OpenAI's OpenAPI description 2.3.0 (CreateTranscriptionRequest, CreateTranslationRequest, CreateSpeechRequest). The
members of a form are texts.
"""

import msgspec

from gateway.providers.fields_beside_chat import uncommon
from gateway.surfaces.body_fields import model_in, shape
from gateway.surfaces.chat_body import Shape, text_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read
from gateway.values.pause import Pause, no_pause
from gateway.values.surface import Serves
from gateway.values.units import Units

FILES = frozenset({"file"})
FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
_TRUE, _FALSE = frozenset({"true", "True", "1"}), frozenset({"", "false", "False", "0"})

_text = msgspec.json.Decoder(str | None)
_said = msgspec.json.Decoder(str)
_flag = msgspec.json.Decoder(bool | str | None)


def transcriptions_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    return _heard(fields, Serves.TRANSCRIPTIONS, pause)


def translations_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """The same of translations."""
    return _heard(fields, Serves.TRANSLATIONS, pause)


def _heard(fields: Fields, serves: Serves, pause: Pause) -> Shape:
    """How long the sound is, nobody knows before it was heard."""
    model = model_in(fields)
    wanted = optional(fields, "response_format", _text) or "json"
    if wanted not in FORMATS:
        raise invalid("response_format", f"one of {', '.join(FORMATS)}, found {wanted[:64]!r}")
    stream = flag_in(fields, "stream")
    if stream and wanted not in ("json", "text", "diarized_json"):
        raise invalid("stream", f"false: {wanted} is not streamed")
    prompt = optional(fields, "prompt", _text) or ""
    return shape(
        model,
        text_tokens(prompt, pause),
        max_output_tokens=None,
        stream=stream,
        units=Units(),
        extra=uncommon(fields, serves),
    )


def speech_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """Raises ApiError 400 with the path of the field and what was expected. All speech is streamed: sound, or events."""
    model = model_in(fields)
    text: str = read(fields, "input", _said)
    if not text:
        raise invalid("input", "a text, found an empty one")
    form = optional(fields, "stream_format", _text) or "audio"
    if form not in ("audio", "sse"):
        raise invalid("stream_format", f"audio or sse, found {form[:64]!r}")
    instructions = optional(fields, "instructions", _text) or ""
    return shape(
        model,
        text_tokens(text, pause) + (text_tokens(instructions, pause) if instructions else 0),
        max_output_tokens=None,
        stream=True,
        units=Units(characters=len(text)),
        binary=form == "audio",
        extra=uncommon(fields, Serves.SPEECH),
    )


def flag_in(fields: Fields, name: str) -> bool:
    """Of JSON, or as forms write it. Raises ApiError 400."""
    flag = optional(fields, name, _flag)
    if isinstance(flag, str) and flag not in _TRUE | _FALSE:
        raise invalid(name, f"true or false, found {flag[:64]!r}")
    return flag in _TRUE if isinstance(flag, str) else bool(flag)
