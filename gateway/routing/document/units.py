"""Kinds of values that several sections have."""

from typing import Annotated, Literal

from msgspec import Meta

Names = Annotated[list[str], Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Percentile = Literal[50, 90, 95, 99]
