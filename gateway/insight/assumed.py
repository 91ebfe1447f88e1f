"""How a deployment behaves of which nothing is on record: as the others of its kind do, else as such usually do."""

import math
from collections.abc import Iterable
from statistics import fmean

from gateway.insight.world import Batching, Behaviour, FirstOutput, Service, Spread
from gateway.values.deployment import Deployment, Hosting

# a 7B model on one GPU of the size of an H100, and a commercial service of a small model, as the lab has them
_SERVER = Batching(
    prefill_tokens_per_s=9000, step_s=0.013, step_per_sequence_s=0.00012, max_running=64, overhead_s=0.03
)  # fmt: skip
_SERVICE = Service(
    first_output=FirstOutput(median_s=0.4, sigma=0.4, per_prompt_token_s=0.00003),
    output_token=Spread(median_s=0.012, sigma=0.3),
)
_LEAST_S = 1e-6


def assumed(deployment: Deployment, known: Iterable[Behaviour]) -> tuple[Behaviour, str]:
    """It, and from where it was taken, in words. `known` are the behaviours of other deployments of the same world."""
    if deployment.hosting is Hosting.SELF_HOSTED:
        return Behaviour(self_hosted=_SERVER), "those of a 7B model on one large GPU are taken"
    services = [one.commercial for one in known if one.commercial is not None]
    if not services:
        return Behaviour(commercial=_SERVICE), "the usual ones of a small commercial model are taken"
    return Behaviour(commercial=_middle(services)), "the mean of the other commercial ones is taken"


def _middle(services: list[Service]) -> Service:
    """Of times the geometric mean; nothing is known of its limits and its failures."""
    first, token = [one.first_output for one in services], [one.output_token for one in services]
    return Service(
        first_output=FirstOutput(
            median_s=_mean(one.median_s for one in first),
            sigma=fmean(one.sigma for one in first),
            per_prompt_token_s=fmean(one.per_prompt_token_s for one in first),
        ),
        output_token=Spread(
            median_s=_mean(one.median_s for one in token), sigma=fmean(one.sigma for one in token)
        ),
    )  # fmt: skip


def _mean(seconds: Iterable[float]) -> float:
    return math.exp(fmean(math.log(max(one, _LEAST_S)) for one in seconds))
