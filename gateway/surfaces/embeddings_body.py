"""The body of embeddings: checked as far as the gateway must understand it, the facts drawn."""

import msgspec

from gateway.providers.fields_beside_chat import uncommon
from gateway.surfaces.chat_body import Shape
from gateway.surfaces.completions_body import input_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause
from gateway.values.surface import Serves

MOST_INPUTS = 100_000  # of one request; providers take fewer, and are asked in parts

_model = msgspec.json.Decoder(str)
_input = msgspec.json.Decoder(str | list[str | int | list[int]])
_format = msgspec.json.Decoder(str | None)
_bool = msgspec.json.Decoder(bool | None)
_count = msgspec.json.Decoder(int | None)
_NONE: frozenset[Capability] = frozenset()


def embeddings_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - inputs have no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    model = read(fields, "model", _model)
    if not model:
        raise invalid("model", "a model's name, found an empty string")
    inputs = input_tokens(read(fields, "input", _input), "input", MOST_INPUTS, pause)
    wanted = optional(fields, "encoding_format", _format)
    if wanted not in (None, "float", "base64"):
        raise invalid("encoding_format", f"float or base64, found {wanted!r}")
    if optional(fields, "stream", _bool):
        raise invalid("stream", "false: embeddings are not streamed")
    dimensions = optional(fields, "dimensions", _count)
    if dimensions is not None and dimensions < 1:
        raise invalid("dimensions", "a number from 1 on")
    extra, essential = uncommon(fields, Serves.EMBEDDINGS)
    return Shape(
        model=model,
        needs=_NONE,
        prompt_tokens=inputs.tokens,
        longest_prompt_tokens=inputs.longest,
        max_output_tokens=0,
        stream=False,
        wants_usage=True,
        choices=1,
        service_tier=None,
        prefix=None,
        inputs=inputs.number,
        exact_tokens=inputs.is_exact,
        unreadable=inputs.is_exact,
        extra_fields=extra,
        essential_fields=essential,
    )
