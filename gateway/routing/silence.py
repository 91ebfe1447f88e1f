"""How long a deployment may give no sign of life, by what it lately took: an adaptive timeout for its first byte.

A connection that is open and deaf, or a server that hangs, answers nothing; that it may take ten minutes in all is no
reason to wait ten minutes for a byte where such answers took seconds. What has given a byte is bounded by the timeouts alone.
"""

from gateway.routing.forecast import STALE_AFTER_S
from gateway.values.deployment import Deployment
from gateway.values.request import Facts
from gateway.values.snapshot import Latency, Reading

NEW_S, KEPT_S = 20.0, 10.0  # at least: on a new connection; on one that was kept, which more often leads nowhere
_TIMES = 8.0  # what 99 of 100 such answers take
_TIMES_LONGEST = 1.5  # what the longest answer that the request allows would take
_UNBOUNDED_TOKENS = 4096  # the longest, where neither the request nor the deployment says
_FEW = 12  # answers, from which nothing follows
_PERCENTILE = 99
_VARIED = 1.5  # the longest over the usual, from which on it shows what a token takes


def silence_s(deployment: Deployment, reading: Reading, facts: Facts, wait_s: float, now: float) -> float | None:
    """Seconds from sending to the first byte; None where too little is known, or the operator wants none.

    `wait_s` are expected to go by in its queue. It is not less than `KEPT_S`, or `NEW_S`: that is for who waits to see.
    """
    latency = reading.latency
    if facts.units is not None and facts.max_output_tokens is None:
        return None  # what sound and images take does not follow from tokens
    if not deployment.timeouts.adaptive or latency is None or latency.samples < _FEW:
        return None
    if now > latency.measured_at + STALE_AFTER_S:
        return None
    ratio = 1.0 if facts.exact_tokens else reading.prompt_token_ratio or 1.0
    prompt = round(facts.prompt_tokens * ratio)
    if facts.stream:
        usual = latency.first_output_at(prompt, reading.in_flight, _PERCENTILE, reading.ahead_tokens)
        return None if usual is None else usual * _TIMES + wait_s
    return _whole_s(deployment, reading, latency, facts, prompt, wait_s)


def _whole_s(  # noqa: PLR0913, PLR0917 - what a whole answer's time follows from
    deployment: Deployment, reading: Reading, latency: Latency, facts: Facts, prompt: int, wait_s: float
) -> float | None:
    """Of a whole answer the first byte comes with the last: the longest that may be asked for is waited for, too."""
    line = latency.total_line(reading.in_flight, _PERCENTILE, stream=False, ahead_tokens=reading.ahead_tokens)
    if line is None:
        return None
    lengths, asked = reading.output_lengths, facts.max_output_tokens
    long = lengths.p99 if lengths is not None else 1.0
    expected = long if asked is None else min(long, asked)
    usual = line[0] + prompt * line[1] + max(expected - 1.0, 0.0) * line[2]
    token = max(line[2], latency.pace_s(reading.in_flight, _PERCENTILE) or 0.0)
    if lengths is not None and lengths.p99 < _VARIED * lengths.p50:  # alike: their time may all be that of their tokens
        token = max(token, usual / max(lengths.p50, 1.0))
    unbounded = (
        max(_UNBOUNDED_TOKENS, _TIMES * long) if deployment.max_output_tokens is None else deployment.max_output_tokens
    )
    longest = unbounded if asked is None else asked
    return max(usual * _TIMES, (usual + longest * token) * _TIMES_LONGEST) + wait_s
