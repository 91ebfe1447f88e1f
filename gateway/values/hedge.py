"""When a second attempt starts beside the first, as a rule says it."""

import msgspec


class Hedge(msgspec.Struct, frozen=True):
    """After `after_s` seconds without an answer, or after the time in which `percentile` of 100 answers come.

    `share` in (0, 1]: of the rule's requests, how many may be hedged.
    """

    after_s: float | None
    percentile: int
    share: float
