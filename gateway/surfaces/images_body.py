"""The bodies of images that are made or edited: checked as far as the gateway must understand them, the facts drawn.

Source: OpenAI's OpenAPI description 2.3.0 (CreateImageRequest, CreateImageEditRequest). The members of a form are texts.
"""

import msgspec

from gateway.dialects.openai.images import image_kind
from gateway.providers.fields_beside_chat import uncommon
from gateway.surfaces.audio_body import flag_in
from gateway.surfaces.body_fields import model_in, shape
from gateway.surfaces.chat_body import Shape, text_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read
from gateway.values.pause import Pause, no_pause
from gateway.values.surface import Serves
from gateway.values.units import Units

FILES = frozenset({"image", "image[]", "mask"})
_MOST_IMAGES = 128

_prompt = msgspec.json.Decoder(str)
_text = msgspec.json.Decoder(str | None)
_count = msgspec.json.Decoder(int | str | None)


def images_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    return _made(fields, Serves.IMAGES, pause)


def image_edits_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """The same of edits."""
    return _made(fields, Serves.IMAGE_EDITS, pause)


def _made(fields: Fields, serves: Serves, pause: Pause) -> Shape:
    model, prompt = model_in(fields), read(fields, "prompt", _prompt)
    number = _number(fields)
    size, quality = optional(fields, "size", _text), optional(fields, "quality", _text)
    return shape(
        model,
        text_tokens(prompt, pause) if prompt else 1,
        max_output_tokens=None,
        stream=flag_in(fields, "stream"),
        units=Units(images=number, image_kind=image_kind(size, quality)),
        extra=uncommon(fields, serves),
    )


def _number(fields: Fields) -> int:
    """How many images. A form writes it as text."""
    said: int | str | None = optional(fields, "n", _count)
    if isinstance(said, str):
        said = int(said) if said.isascii() and said.isdecimal() and len(said) < 4 else -1
    if said is None:
        return 1
    if not 1 <= said <= _MOST_IMAGES:
        raise invalid("n", f"a number from 1 to {_MOST_IMAGES}")
    return said
