"""When any candidate of a decision may take the request that none takes now."""

from collections.abc import Callable

from gateway.values.decision import Cause, Decision
from gateway.values.gate import Health
from gateway.values.snapshot import Reading

PASSING = frozenset({Cause.HEALTH, Cause.LIMIT, Cause.RATE_LIMIT})  # only the moment stands against it
SOON_S = 1.0  # where nobody can say when


def able_again_s(decision: Decision, reading_of: Callable[[str], Reading | None], now: float) -> float | None:
    """Seconds until the first of them, of those that at most the moment stands against, by what is read of them at `now`.

    None if there is none that is known to run.
    """
    tokens, found = decision.facts.prompt_tokens + (decision.facts.max_output_tokens or 0), []
    for one in decision.candidates:
        if not PASSING.issuperset(reason.cause for reason in one.against):
            continue
        reading = reading_of(one.deployment)
        bar = None if reading is None else reading.bar(tokens, now)
        if bar is None:
            found.append(SOON_S)
        elif bar.state is not Health.DOWN:
            found.append(SOON_S if bar.until is None else bar.until - now)
    return min(found, default=None)
