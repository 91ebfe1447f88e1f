"""When any candidate of a decision may take the request that none takes now."""

from collections.abc import Callable, Iterable

from gateway.routing.filters import PASSING, tokens_at
from gateway.values.admissibility import Health
from gateway.values.decision import Decision
from gateway.values.outcome import LASTING, Outcome
from gateway.values.records import Attempt
from gateway.values.snapshot import Reading

SOON_S = 1.0  # where nobody can say when
_NOT_FOR_THIS_ONE = LASTING | {Outcome.FIELD_REFUSED}


def able_again_s(
    decision: Decision, attempts: Iterable[Attempt], reading_of: Callable[[str], Reading | None], now: float
) -> float | None:
    """Seconds until the first of them, of those that at most the moment stands against, by what is read of them at `now`.

    `attempts` are the request's own: whoever refused one of them for what will last, without a word of when, will do so
    again. None if nobody else is left that is known to run.
    """
    found: list[float] = []
    last = {attempt.deployment: attempt for attempt in attempts}
    for one in decision.candidates:
        if not PASSING.issuperset(reason.cause for reason in one.against):
            continue
        attempt, reading = last.get(one.deployment), reading_of(one.deployment)
        said_s = None if attempt is None else attempt.retry_after_s
        rejection = None if reading is None else reading.rejection(tokens_at(decision.facts, reading), now)
        if said_s is None and attempt is not None and attempt.outcome in _NOT_FOR_THIS_ONE:
            continue
        if rejection is None:
            found.append(SOON_S if said_s is None else said_s)
        elif rejection.state is not Health.DOWN:
            found.append(SOON_S if rejection.until is None else rejection.until - now)
    return min(found, default=None)
