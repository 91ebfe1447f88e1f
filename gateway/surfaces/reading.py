"""Bytes become a request: the body's shape, the headers' bounds and the caller's floor, as facts."""

import time
from typing import Protocol

from gateway.http import request_headers
from gateway.http.errors import unknown_model
from gateway.surfaces.chat_body import Shape
from gateway.surfaces.fields import MAX_MEMBERS, Fields, parse_fields
from gateway.values.caller import Caller
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import highest
from gateway.values.surface import Surface


class ShapeOf(Protocol):
    """Reads what a body says. Raises ApiError 400 with the path of the field and what was expected."""

    def __call__(self, fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:
        """What routing wants to know of it."""


def read_request(  # noqa: PLR0913 - what a request is made of
    body: bytes,
    headers: dict[str, str],
    caller: Caller,
    decision_id: str,
    *,
    surface: Surface,
    shape_of: ShapeOf,
    most_members: int = MAX_MEMBERS,
    with_prefix: bool = False,
    pause: Pause = no_pause,
) -> Request:
    """Raises ApiError with the field's path and what was expected; 404 for a model that the key may not use.

    `shape_of` reads what a body of this surface says; it has `most_members` members and elements.
    `with_prefix`: also say which conversations begin alike, where a deployment has several addresses to choose from.
    `pause` is called between the steps of what takes long.
    """
    request_headers.refuse_unknown(headers)
    fields = parse_fields(body, pause, most_members)
    return request_of(
        fields, len(body), headers, caller, decision_id,
        surface=surface, shape_of=shape_of, with_prefix=with_prefix, pause=pause,
    )  # fmt: skip


def request_of(  # noqa: PLR0913 - what a request is made of
    fields: Fields,
    size: int,
    headers: dict[str, str],
    caller: Caller,
    decision_id: str,
    *,
    surface: Surface,
    shape_of: ShapeOf,
    with_prefix: bool = False,
    pause: Pause = no_pause,
) -> Request:
    """The same of a body's members, which had so many bytes."""
    shape = shape_of(fields, with_prefix=with_prefix, pause=pause)
    if not caller.may_use(shape.model):
        raise unknown_model(shape.model)
    facts = Facts(
        model=shape.model,
        sensitivity=highest(request_headers.declared_sensitivity(headers), caller.floor),
        needs=shape.needs,
        prompt_tokens=shape.prompt_tokens,
        max_output_tokens=shape.max_output_tokens,
        longest_prompt_tokens=shape.longest_prompt_tokens,
        stream=shape.stream,
        surface=surface,
        exact_tokens=shape.exact_tokens,
        choices=shape.choices,
        extra_fields=shape.extra_fields,
        essential_fields=shape.essential_fields,
        service_tier=shape.service_tier,
        own_tools=shape.own_tools,
        key=caller.key,
        team=caller.team,
        scope=caller.models,
        session=request_headers.session(headers),
        prefix=shape.prefix,
        strict=request_headers.strict(headers),
        units=shape.units,
        tags={**request_headers.tags(headers), **dict(caller.tags)},  # the operator's word counts
    )
    return Request(
        id=decision_id,
        fields=dict(fields),
        size=size,
        facts=facts,
        wants_usage=shape.wants_usage,
        deadline_s=request_headers.deadline_s(headers),
        max_cost_usd=request_headers.max_cost_usd(headers),
        priority=caller.priority,
        arrived_at=int(time.time()),
        inputs=shape.inputs,
        unreadable=shape.unreadable,
        binary=shape.binary,
    )
