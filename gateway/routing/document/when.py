"""`when`: what a request must be for a rule to match.

To add a condition: a field of `When` here, its dimension and its leaf in `gateway/routing/conditions.py`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.routing.document.units import Names
from gateway.values.deployment import Capability
from gateway.values.finding import SensitiveKind
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Surface

Count = Annotated[int, Meta(ge=0)]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["07:30"])]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Time(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A window of the week. One that ends before it begins runs over midnight; its days are those on which it begins."""

    days: Annotated[Annotated[list[Day], Meta(min_length=1)] | None, Meta(description="Absent: every day.")] = None
    start: Annotated[Clock, Meta(description="HH:MM, written with quotes; included.")] = "00:00"
    end: Annotated[Clock, Meta(description="HH:MM, written with quotes; not included. The same as start: all day.")] = (
        "00:00"
    )
    timezone: Annotated[str, Meta(description="An IANA name like Europe/Berlin.")] = "UTC"


class When(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"not_": "not"}):
    """What a request must be for the rule to match. All that are given must hold; none given matches all."""

    model: Annotated[Names | None, Meta(description="The model asked for is one of these.")] = None
    key: Annotated[Names | None, Meta(description="The key is one of these, by its name.")] = None
    team: Annotated[Names | None, Meta(description="The key's team is one of these.")] = None
    tags: Annotated[
        dict[str, str | Names] | None, Meta(description="The request carries these tags; a list: one of its values.")
    ] = None
    sensitivity: Annotated[list[Sensitivity] | None, Meta(description="The request's sensitivity is one of these.")] = (
        None
    )
    found: Annotated[
        Annotated[list[SensitiveKind], Meta(min_length=1)] | None,
        Meta(description="Detection found at least one of these kinds."),
    ] = None
    needs: Annotated[list[Capability] | None, Meta(description="The request needs all of these capabilities.")] = None
    surface: Annotated[
        Annotated[list[Surface], Meta(min_length=1)] | None,
        Meta(description="What the application calls is one of these."),
    ] = None
    stream: Annotated[bool | None, Meta(description="Whether a stream is asked for.")] = None
    session: Annotated[bool | None, Meta(description="Whether the request names a session (x-gateway-session).")] = None
    batch: Annotated[bool | None, Meta(description="Whether the request is a line of a batch (/v1/batches).")] = None
    min_prompt_tokens: Annotated[Count | None, Meta(description="Estimated prompt tokens, at least.")] = None
    max_prompt_tokens: Annotated[Count | None, Meta(description="Estimated prompt tokens, at most.")] = None
    min_output_tokens: Annotated[
        Count | None,
        Meta(description="The output limit asked for, at least; a request without a limit does not match."),
    ] = None
    max_output_tokens: Annotated[
        Count | None, Meta(description="The output limit asked for, at most; a request without a limit does not match.")
    ] = None
    time: Annotated[Time | None, Meta(description="The request comes in this window.")] = None
    all: Annotated[Annotated[list["When"], Meta(min_length=1)] | None, Meta(description="All of these match.")] = None
    any: Annotated[
        Annotated[list["When"], Meta(min_length=1)] | None, Meta(description="At least one of these matches.")
    ] = None
    not_: Annotated["When | None", Meta(description="This does not match.")] = None
