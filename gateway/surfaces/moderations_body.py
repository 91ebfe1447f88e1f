"""The body of moderations: checked as far as the gateway must understand it, the facts drawn.

Source: OpenAI's OpenAPI description 2.3.0 (CreateModerationRequest): a text, texts, or parts (text and image_url) that are
judged together.
"""

import msgspec

from gateway.providers.fields_beside_chat import uncommon
from gateway.surfaces.body_fields import model_in, shape
from gateway.surfaces.chat_body import Shape, text_tokens
from gateway.surfaces.fields import Fields, invalid, read
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause
from gateway.values.surface import Serves

USUAL_MODEL = "omni-moderation-latest"  # what OpenAI takes for a request that names none
MOST_INPUTS = 10_000
_IMAGE_TOKENS = 765
_VISION = frozenset({Capability.VISION})
_NOTHING: frozenset[Capability] = frozenset()


class _Part(msgspec.Struct, gc=False):
    type: str
    text: str | None = None


_input = msgspec.json.Decoder(str | list[str | _Part])


def moderations_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - there are no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    model = model_in(fields, USUAL_MODEL)
    given = read(fields, "input", _input)
    every: list[str | _Part] = [given] if isinstance(given, str) else given
    if not 1 <= len(every) <= MOST_INPUTS:
        raise invalid("input", f"1 to {MOST_INPUTS}, found {len(every)}")
    parts = [one for one in every if isinstance(one, _Part)]
    if parts and len(parts) < len(every):
        raise invalid("input", "texts, or parts of one input, not a mixture")
    shows = any(one.type == "image_url" for one in parts)
    return shape(
        model,
        sum(_tokens(one, pause) for one in every),
        inputs=1 if parts else len(every),
        needs=_VISION if shows else _NOTHING,
        extra=uncommon(fields, Serves.MODERATIONS),
    )


def _tokens(one: str | _Part, pause: Pause) -> int:
    if isinstance(one, str):
        return text_tokens(one, pause)
    return _IMAGE_TOKENS if one.type == "image_url" else text_tokens(one.text or "", pause)
