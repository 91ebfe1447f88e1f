"""Images of the OpenAI dialect: made from a text, or from other images; whole, or as a stream of what they are to become.

Source: OpenAI's OpenAPI description 2.3.0 (CreateImageRequest, CreateImageEditRequest, ImagesResponse, ImageGenStreamEvent,
ImageEditStreamEvent). Images are billed by tokens, where an answer says so, or each by its size and quality.
"""

import re
from collections.abc import Iterator

import msgspec

from gateway.dialects.openai.audio_usage import read_image_usage
from gateway.dialects.openai.beside_chat import BesideChat, members_of, read_answer
from gateway.dialects.openai.form import encode_form
from gateway.dialects.openai.typed_events import Typed, TypedEvents
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.units import Units
from gateway.values.usage import Usage

_UNSAID = ("", "auto")
_SIZE = re.compile(r"[0-9]{1,5}[x:][0-9]{1,5}|[0-9]{1,2}[kK]")
_QUALITY = re.compile(r"[a-z]{2,8}")
_text = msgspec.json.Decoder(str | None).decode
_encode = msgspec.json.Encoder().encode


class _Image(msgspec.Struct, gc=False):
    url: msgspec.Raw = ABSENT
    b64_json: msgspec.Raw = ABSENT


class _Answer(msgspec.Struct, gc=False):
    data: list[_Image]
    size: str | None = None
    quality: str | None = None
    usage: msgspec.Raw = ABSENT


_decoder = msgspec.json.Decoder(_Answer)
_entries = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def image_kind(size: str | None, quality: str | None) -> str:
    """`1024x1024/high`, or one of the two; `auto` says nothing. What is no size or quality may be anything that a caller wrote:
    it is not repeated, as what is said here is on record.
    """
    said = ((size, _SIZE), (quality, _QUALITY))
    return "/".join(one for one, form in said if one is not None and one not in _UNSAID and form.fullmatch(one))


class ImagesTranslator(BesideChat):
    """The verbs. `last`: the type of the event that ends an image's stream."""

    def __init__(self, path: str, last: str, ways: Ways = USUAL) -> None:
        super().__init__(path, ways)
        self._last = last

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's form, or JSON, with the target's model name."""
        if request.upload is not None:
            return encode_form(self._ways.path(self._path, target), request, request.upload, target)
        return super().encode(request, target)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it holds no image."""
        answer = read_answer(body, _decoder, "list of images")
        _check(answer)
        return WholeAnswer(body, _usage(answer, request.facts.units), None, None)

    def decoder(self, request: Request, *, remember: bool = False) -> "_ImageEvents":  # noqa: ARG002 - the verb's
        """Of a stream: each image ends with an event of its own."""
        return _ImageEvents(self._last, request.facts.units or Units(images=1))


def _check(answer: _Answer) -> None:
    if not answer.data:
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without images")
    for one in answer.data:
        held = [raw for raw in (one.url, one.b64_json) if is_present(raw)]
        if not held or not any(_is_text(raw) for raw in held):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an image that is neither an address nor base64")


def _is_text(raw: msgspec.Raw) -> bool:
    """Whether it is a text that is not empty, without decoding what may be megabytes."""
    return memoryview(raw).nbytes > len('""') and bytes(memoryview(raw)[:1]) == b'"'


def _usage(answer: _Answer, asked: Units | None) -> Usage:
    kind = image_kind(answer.size, answer.quality) or (asked.image_kind if asked is not None else "")
    units = Units(images=len(answer.data), image_kind=kind)
    by_tokens = read_image_usage(answer.usage, units)
    return by_tokens or Usage(prompt_tokens=0, completion_tokens=0, units=units)


class _ImageEvents(TypedEvents):
    def __init__(self, last: str, asked: Units) -> None:
        super().__init__(last, asked.images or 1)
        self._asked = asked
        self._made = 0

    def _usage(self, event: Typed, before: Usage | None) -> Usage | None:
        """That of several images adds up."""
        if event.type != self._last:
            return before
        self._made += 1
        kind = image_kind(_word(event.size), _word(event.quality)) or self._asked.image_kind
        units = Units(images=self._made, image_kind=kind)
        told = read_image_usage(event.usage, units)
        if told is None:
            return before or Usage(prompt_tokens=0, completion_tokens=0, units=units)
        return told if before is None else _together(before, told)

    def _unstreamed(self, body: bytes) -> Iterator[tuple[str, bytes]]:
        """dall-e does not stream."""
        answer = read_answer(body, _decoder, "list of images")
        _check(answer)
        self._used = _usage(answer, self._asked)
        for entry in _entries(members_of(body)["data"]):
            yield self._last, _encode({"type": self._last, **entry})


def _word(raw: msgspec.Raw) -> str | None:
    try:
        word: str | None = _text(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return word


def _together(before: Usage, more: Usage) -> Usage:
    return msgspec.structs.replace(
        more,
        prompt_tokens=before.prompt_tokens + more.prompt_tokens,
        completion_tokens=before.completion_tokens + more.completion_tokens,
        cached_tokens=_sum(before.cached_tokens, more.cached_tokens),
        image_prompt_tokens=_sum(before.image_prompt_tokens, more.image_prompt_tokens),
        image_completion_tokens=_sum(before.image_completion_tokens, more.image_completion_tokens),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)
