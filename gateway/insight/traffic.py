"""Traffic: the requests that a simulation plays, whatever they were read from."""

import msgspec

from gateway.values.request import Facts


class Arrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request. `at` is seconds since the epoch; `id` becomes the decision's.

    `prompt_tokens` are as providers count them, `output_tokens` what an answer would have in all its choices, if nothing
    bounds it. `deadline_s` and `max_cost_usd` are the caller's own bounds. `seed` is that of the decision.
    """

    id: str
    at: float
    facts: Facts
    prompt_tokens: int
    output_tokens: int
    seed: int
    deadline_s: float | None = None
    max_cost_usd: float | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """`requests` by their time. `left_out`: how many could not be used, by why; `assumed`: how many had no answer whose
    length is known, by how they ended: the median of their model is taken for it.
    """

    source: str
    requests: tuple[Arrival, ...]
    left_out: dict[str, int] = {}
    assumed: dict[str, int] = {}
