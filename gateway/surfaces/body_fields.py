"""Members that several bodies have, read and checked alike."""

from typing import Any

import msgspec

from gateway.surfaces.chat_body import Shape
from gateway.surfaces.fields import Fields, invalid, optional, read
from gateway.values.deployment import Capability
from gateway.values.units import Units

_model = msgspec.json.Decoder(str)
_count = msgspec.json.Decoder(int | None)
_NEEDS_NOTHING: frozenset[Capability] = frozenset()


def model_in(fields: Fields, otherwise: str | None = None) -> str:
    """The model's name; `otherwise` where there may be none. Raises ApiError 400."""
    if otherwise is not None and bytes(fields.get("model", b"null")) == b"null":
        return otherwise
    model: str = read(fields, "model", _model)
    if not model:
        raise invalid("model", "a model's name, found an empty string")
    return model


def number_in(fields: Fields, name: str, least: int, most: int) -> int | None:
    """A whole number within bounds, or None. Raises ApiError 400."""
    number: int | None = optional(fields, name, _count)
    if number is not None and not least <= number <= most:
        raise invalid(name, f"a number from {least} to {most}")
    return number


def shape(  # noqa: PLR0913 - what a body says
    model: str,
    prompt_tokens: int,
    *,
    max_output_tokens: int | None = 0,
    stream: bool = False,
    inputs: int = 1,
    needs: frozenset[Capability] = _NEEDS_NOTHING,
    units: Units | None = None,
    extra: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset()),
    **more: Any,
) -> Shape:
    """The shape of a body that is no conversation. `extra`: members that not every server takes, and the essential ones."""
    return Shape(
        model=model,
        needs=needs,
        prompt_tokens=max(prompt_tokens, 1),
        max_output_tokens=max_output_tokens,
        stream=stream,
        wants_usage=True,
        choices=1,
        service_tier=None,
        prefix=None,
        extra_fields=extra[0],
        essential_fields=extra[1],
        inputs=inputs,
        units=units,
        **more,
    )
