"""`usage` of answers about sound and images: tokens by their kinds, or seconds.

Source: OpenAI's OpenAPI description 2.3.0 (TranscriptTextUsageTokens, TranscriptTextUsageDuration, SpeechAudioDoneEvent,
ImagesUsage, ImageGenUsage). vLLM's streams of transcriptions have a chat's usage.
"""

from typing import Annotated

import msgspec

from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.wire import is_present
from gateway.dialects.reported import Tokens
from gateway.values.units import Units
from gateway.values.usage import Usage

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)] | None


class _Kinds(msgspec.Struct, gc=False):
    text_tokens: Tokens = None
    audio_tokens: Tokens = None
    image_tokens: Tokens = None
    cached_tokens: Tokens = None


class _Usage(msgspec.Struct, gc=False):
    seconds: Seconds = None
    prompt_audio_seconds: Seconds = None  # Mistral's, beside tokens
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    input_token_details: _Kinds | None = None
    input_tokens_details: _Kinds | None = None
    output_tokens_details: _Kinds | None = None


_decode = msgspec.json.Decoder(_Usage).decode
_NO_KINDS = _Kinds()


def read_audio_usage(raw: msgspec.Raw, units: Units | None = None) -> Usage | None:
    """What was used; None where nothing was said. `units`: what is known beside it."""
    said = _read(raw)
    if said is None:
        return None
    if said.seconds is not None:
        told = msgspec.structs.replace(units or Units(), audio_s=said.seconds)
        return Usage(prompt_tokens=0, completion_tokens=0, units=told)
    if said.input_tokens is None or said.output_tokens is None:
        usage = read_usage(raw).usage
        if said.prompt_audio_seconds is not None:
            units = msgspec.structs.replace(units or Units(), audio_s=said.prompt_audio_seconds)
            usage = usage or Usage(prompt_tokens=0, completion_tokens=0)
        return usage and msgspec.structs.replace(usage, units=units)
    into = said.input_token_details or said.input_tokens_details or _NO_KINDS
    return Usage(
        prompt_tokens=said.input_tokens,
        completion_tokens=said.output_tokens,
        cached_tokens=into.cached_tokens,
        audio_prompt_tokens=into.audio_tokens,
        units=units,
    )


def read_image_usage(raw: msgspec.Raw, units: Units | None) -> Usage | None:
    """The same of images: what is generated is image, unless it says how much is not."""
    said = _read(raw)
    if said is None or said.input_tokens is None or said.output_tokens is None:
        return None
    into, out = said.input_tokens_details or _NO_KINDS, said.output_tokens_details
    return Usage(
        prompt_tokens=said.input_tokens,
        completion_tokens=said.output_tokens,
        cached_tokens=into.cached_tokens,
        image_prompt_tokens=into.image_tokens,
        image_completion_tokens=said.output_tokens if out is None else out.image_tokens,
        units=units,
    )


def _read(raw: msgspec.Raw) -> _Usage | None:
    if not is_present(raw):
        return None
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
