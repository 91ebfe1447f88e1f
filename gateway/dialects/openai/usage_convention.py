"""How a vendor of the OpenAI dialect counts: a column of its row."""

import msgspec

Path = tuple[str, ...]


class UsageConvention(msgspec.Struct, frozen=True, kw_only=True):
    """What its `usage` means. `sentence` says it to people.

    `reasoning_beside`: reasoning tokens are not in `completion_tokens`; None: whether they are is seen by the total.
    `cost`: where in `usage` it says what the answer cost, in units of `cost_unit_usd` US dollars; None: it does not.
    `in_streams`: where else than in `usage` an event of a stream says it; None: nowhere else.
    """

    sentence: str
    reasoning_beside: bool | None = None
    cost: Path | None = None
    cost_unit_usd: float = 1.0
    in_streams: Path | None = None


OPENAI = UsageConvention(sentence="cached in prompt, reasoning in completion", reasoning_beside=False)
UNKNOWN = UsageConvention(sentence="as OpenAI's; what the total has beside both parts is output")
