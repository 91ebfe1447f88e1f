"""The trial of a staged revision: what became of its requests beside those of the revision in force, at the same time.

Two things are looked at, each as a caller sees it: requests that failed by no fault of the caller's, and requests that
missed the objective. Both arms are held against what the revision in force promises, so that a revision looks no better
for promising less, and no worse for promising more.
"""

from collections.abc import Callable

from gateway.learning.slo import kept
from gateway.policies.evidence import CURRENT, STAGED, Evidence
from gateway.values.outcome import Fault, Outcome
from gateway.values.records import RequestFinished, answering, output_tokens
from gateway.values.request import Facts
from gateway.values.revision import Arm, Withdrawal
from gateway.values.slo import Slo

ALPHA = 0.001  # at most so often is one withdrawn that is not worse than tolerated
LEAST_EXCESS = 0.001  # of the requests: what is worse by less is not withdrawn, however certain it is
_ENOUGH = 2 / ALPHA  # either of the two may withdraw it
Promised = Callable[[Facts, float], Slo | None]  # by the revision in force to such a request at that time


class Trial:
    """Of one staged revision. Single-threaded; both revisions by the name that decisions carry."""

    def __init__(self, current: str, staged: str, promised: Promised) -> None:
        self._arms = {current: CURRENT, staged: STAGED}
        self._promised = promised
        self._errors, self._slo = Evidence(), Evidence()
        self._refused = [0, 0]

    def count(self, record: RequestFinished) -> Withdrawal | None:
        """A request ended. Says why the staged revision is to be withdrawn, if it is."""
        arm = self._arms.get(record.decision.revision)
        if arm is None:  # it began before the trial
            return None
        if record.fault is not Fault.CALLER:
            self._errors.count(arm, record.fault is not None)
        elif record.outcome is Outcome.REFUSED_BY_RULE:
            self._refused[arm] += 1
        met = self._met(record)
        if met is not None:
            self._slo.count(arm, not met)
        return next((why for why, one in self._tests() if is_worse(one)), None)

    def arms(self) -> tuple[Arm, Arm]:
        """Of the revision in force, and of the staged one."""
        errors, slo, refused = self._errors, self._slo, self._refused
        current, staged = (
            Arm(errors.requests[arm], errors.wrong[arm], slo.requests[arm], slo.wrong[arm], refused[arm])
            for arm in (CURRENT, STAGED)
        )
        return current, staged

    def sentence(self, why: Withdrawal) -> str:
        """What there is to be said for it."""
        one = dict(self._tests())[why]
        what = "failed" if why is Withdrawal.ERRORS else "missed the objective"
        return (
            f"{one.wrong[STAGED]} of {one.requests[STAGED]} requests {what}, "
            f"of the others {one.wrong[CURRENT]} of {one.requests[CURRENT]}"
        )

    def _tests(self) -> tuple[tuple[Withdrawal, Evidence], ...]:
        return (Withdrawal.ERRORS, self._errors), (Withdrawal.SLO, self._slo)

    def _met(self, record: RequestFinished) -> bool | None:
        """From the request's arrival, whatever was tried; None if it does not count, or nothing was promised."""
        facts = record.decision.facts
        slo = self._promised(facts, record.decision.at)
        if slo is None:
            return None
        tokens = output_tokens(record.attempts)
        return kept(
            slo,
            record.outcome,
            stream=facts.stream,
            first_output_s=record.first_output_s,
            duration_s=record.duration_s,
            output_tokens=None if tokens is None else tokens / facts.choices,
            held_by_caller=any(one.held_by_caller for one in answering(record.attempts)),
        )


def is_worse(one: Evidence) -> bool:
    """Whether it is certain enough, and enough worse."""
    return one.value >= _ENOUGH and one.excess >= LEAST_EXCESS
