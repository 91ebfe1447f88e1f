"""How a vendor of the OpenAI dialect counts: a column of its row."""

from typing import Any

import msgspec

Path = tuple[str, ...]  # members, one in the other; of a list its first is meant


class UsageConvention(msgspec.Struct, frozen=True, kw_only=True):
    """What its `usage` means. `sentence` says it to people.

    `reasoning_beside`: reasoning tokens are not in `completion_tokens`; None: whether they are is seen by the total.
    `prompt_beside`: members that count tokens billed as prompt, beside `prompt_tokens`. `searches`: the member that counts
    searches of the web that are billed. `cost`: where it says what the answer cost, in units of `cost_unit_usd` US dollars;
    None: it does not. `in_streams`: where else than in `usage` an event of a stream may hold it; `running`: events hold the
    count so far, and the last one counts.
    """

    sentence: str
    reasoning_beside: bool | None = None
    prompt_beside: tuple[str, ...] = ()
    searches: str | None = None
    cost: Path | None = None
    cost_unit_usd: float = 1.0
    in_streams: Path | None = None
    running: bool = False


OPENAI = UsageConvention(sentence="cached in prompt, reasoning in completion", reasoning_beside=False)
UNKNOWN = UsageConvention(sentence="as OpenAI's; what the total has beside both parts is output")

_MOST_USD = 1e4  # of one answer; more is a bug of the server's, and no cost


def at_path(value: Any, path: Path) -> Any:
    """What stands there; None if nothing does."""
    for name in path:
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def reported_usd(usage: Any, convention: UsageConvention) -> float | None:
    """What the vendor says that the answer cost; None where it says nothing, or nothing that can be meant."""
    found = None if convention.cost is None else at_path(usage, convention.cost)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    usd = found * convention.cost_unit_usd
    return usd if 0 <= usd <= _MOST_USD else None
