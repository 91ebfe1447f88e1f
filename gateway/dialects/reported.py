"""What a provider reports of its usage, read as far as it can be, and what dialects share of it."""

from typing import Annotated, Any, NamedTuple

import msgspec

from gateway.values.usage import Counts, Usage

MOST_TOKENS = 10_000_000  # the longest contexts there are; more is a bug of the server's, and no count
_MOST_DIGITS = 8
Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)] | None


class ReportedUsage(NamedTuple):
    """`usage` where both parts are known, else what `counts` there are. `odd`: a member is no count, or one is missing."""

    usage: Usage | None = None
    counts: Counts | None = None
    odd: bool = False


def of_output(told: ReportedUsage, *, any_output: bool) -> ReportedUsage:
    """Nothing told where it says that nothing was generated though something was: then it was not counted."""
    nothing = told.usage is not None and not told.usage.completion_tokens
    return (
        ReportedUsage(counts=Counts(told.usage.prompt_tokens, told=told.usage), odd=True)
        if nothing and any_output and told.usage
        else told
    )


def counts_in(value: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The members of this kind that were said, each a count or None."""
    said = value if isinstance(value, dict) else {}
    return {name: tokens(said[name]) for name in kind.__struct_fields__ if name in said}


def tokens(value: Any) -> int | None:
    """A whole number of tokens, however it is written: 65.0 and "64" are no matter of opinion."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None
