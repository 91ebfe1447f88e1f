"""Service-level objectives: what a rule promises, and how well a deployment has kept it lately.

A target's percentile is also its goal: 95 says that 95 of 100 requests are faster than `under_s`. The other 5 are the
error budget; the burn rate is the share of misses over that budget (1.0 spends it exactly; Google SRE workbook, ch. 5).
"""

import msgspec


class Target(msgspec.Struct, frozen=True):
    """`percentile` is one of 50, 90, 95, 99."""

    under_s: float
    percentile: int = 95


class Slo(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule promises. A part that is None promises nothing. An attempt that fails by the provider's fault misses.

    A deployment that burns `pass_over_burn` or faster over `window_s`, with at least `min_requests` in it, is ejected:
    ranked last (or one that misses 9 of 10, where the budget is too large to burn so fast). A twelfth of the window is enough
    where it holds three times as many requests. `probe_share` of the rule's requests go to it meanwhile, and it returns
    when the newest `probes_to_return` of its requests burned `return_burn` or slower, or when the window has emptied, as
    then nothing is known of it.
    """

    first_output: Target | None = None  # seconds from the attempt's start to its first text, tool call or reasoning
    output_token: Target | None = None  # seconds for each token after the first
    total: Target | None = None  # seconds of the whole attempt
    window_s: float = 300.0
    min_requests: int = 20
    pass_over_burn: float = 4.0
    return_burn: float = 1.0
    probe_share: float = 0.02

    @property
    def probes_to_return(self) -> int:
        """Half of `min_requests`, rounded up: ten good ones in a row come by luck once in 36 times if 3 of 10 miss."""
        return (self.min_requests + 1) // 2

    @property
    def budget(self) -> float:
        """The share of requests that may miss: the tightest of the targets'. In (0, 0.5]."""
        targets = (self.first_output, self.output_token, self.total)
        return (100 - max((one.percentile for one in targets if one is not None), default=50)) / 100


class SloReading(msgspec.Struct, frozen=True):
    """How one deployment kept one rule's objective in the window. `attainment` is the share of `requests` that met it."""

    requests: int
    attainment: float
    burn: float
    ejected: bool = False
