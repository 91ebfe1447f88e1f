"""What the candidates' translations of a request lose and adapt, found out before any of them is asked."""

from collections.abc import Iterator, Mapping

import msgspec

from gateway.dialects.contract import Preparer, Translator
from gateway.flow.preparation import Preparation, ready_now
from gateway.flow.rooms import Rooms
from gateway.routing.plan import Plan
from gateway.values.decision import Candidate, Cause, Decision
from gateway.values.deviations import NO_DEVIATIONS, Deviations
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_ALL = "messages"  # of a request that has no form at all, and that does not say why


def is_lossless(plan: Plan, decision: Decision) -> bool:
    """Whether nothing of the request may be lost: its caller or the rule wants that."""
    return decision.facts.strict or plan.by_name[decision.rule].lossless


def with_losses(request: Request, found: Mapping[str, Deviations]) -> Request:
    """The request, with what its translations lose among its facts."""
    losses = tuple((name, one.lost) for name, one in found.items() if one.lost)
    return msgspec.structs.replace(request, facts=msgspec.structs.replace(request.facts, losses=losses))


def with_deviations(decision: Decision, found: Mapping[str, Deviations]) -> Decision:
    """The decision, where each candidate says what its translation loses and adapts."""
    return msgspec.structs.replace(decision, candidates=tuple(_said(one, found) for one in decision.candidates))


def _said(candidate: Candidate, found: Mapping[str, Deviations]) -> Candidate:
    deviations = found.get(candidate.deployment, NO_DEVIATIONS)
    return msgspec.structs.replace(candidate, unsaid=deviations.lost, adapted=deviations.adapted)


class Translations:
    """One per process."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def of(
        self, request: Request, decision: Decision, preparation: Preparation, *, all_candidates: bool = False
    ) -> dict[str, Deviations]:
        """By deployment, of the candidates that have a rank, or of all that are cleared and serve the surface. One that has no
        form for the request would lose what that says. Raises AttemptFailed (gateway_busy).
        """
        found: dict[str, Deviations] = {}
        for candidate, translator in _translated(decision, self._rooms.translators[request.facts.surface]):
            if not all_candidates and candidate.rank is None:
                continue
            try:
                found[candidate.deployment] = (await preparation.of(request, translator, candidate.lost)).deviations
            except AttemptFailed as none:
                if none.outcome is not Outcome.FIELD_REFUSED:
                    raise
                found[candidate.deployment] = _of_none(none)
        return found


def found_now(request: Request, decision: Decision, translators: Mapping[str, Translator]) -> dict[str, Deviations]:
    """The same of all candidates at once, where nobody else waits: on the command line."""
    found: dict[str, Deviations] = {}
    for candidate, translator in _translated(decision, translators):
        ready = ready_now(request, translator, candidate.lost)
        found[candidate.deployment] = _of_none(ready) if isinstance(ready, AttemptFailed) else ready.deviations
    return found


def _translated(decision: Decision, translators: Mapping[str, Translator]) -> Iterator[tuple[Candidate, Preparer]]:
    """The candidates that may see the request, and are told of it in another form."""
    for candidate in decision.candidates:
        translator = translators.get(candidate.deployment)
        may_see = all(reason.cause is not Cause.CLEARANCE for reason in candidate.against)
        if may_see and isinstance(translator, Preparer):
            yield candidate, translator


def _of_none(refused: AttemptFailed) -> Deviations:
    """What has no form at all would be lost."""
    return Deviations((refused.param or _ALL,))
