"""What is kept of a finished request: enough to add up, and to say why it went where it went. Simulated or on record."""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.learning.slo import kept
from gateway.routing.filters import PASSING
from gateway.values.admissibility import Health
from gateway.values.decision import Candidate, Cause, Tier
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt, RequestFinished, output_tokens
from gateway.values.slo import Slo

READY, PROBE = Tier.READY.value, Tier.PROBE.value
# what keeps a request from a deployment for a while, and not for what either of them is
_OF_THE_MOMENT = frozenset({
    Tier.LATE.value, Tier.BURNING.value, Tier.RESTING.value, *(cause.value for cause in PASSING),
    *(state.value for state in Health),
})  # fmt: skip


class SeenCandidate(msgspec.Struct, frozen=True, gc=False):
    """A candidate as the decision saw it. `word`: its tier, or what stood against it."""

    deployment: str
    word: str
    expected_usd: float | None


class Tried(msgspec.Struct, frozen=True, gc=False):
    """An attempt. `may_have_cost` where `cost_usd` is None: something unknown."""

    deployment: str
    outcome: Outcome
    cost_usd: float | None
    may_have_cost: bool
    prompt_tokens: int
    output_tokens: int


def known_usd(tried: Iterable[Tried]) -> float | None:
    """What attempts cost, as far as it is known; None if some cost something and of none it is known what."""
    known, is_unknown = [], False
    for one in tried:
        if one.cost_usd is not None:
            known.append(one.cost_usd)
        is_unknown |= one.cost_usd is None and one.may_have_cost
    return None if is_unknown and not known else sum(known)


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Seconds from its arrival. `tried` as they began.
    `spilled` is (the deployment that was wanted and not asked, why).
    """

    id: str
    at: float
    rule: str
    outcome: Outcome
    by: str | None
    first_output_s: float | None
    total_s: float
    stream: bool
    output_tokens: float | None  # of one choice
    slo: Slo | None
    tried: tuple[Tried, ...]
    seen: tuple[SeenCandidate, ...]
    spilled: tuple[str, str] | None
    scored: bool  # by an objective; else by an order or weights

    @property
    def first(self) -> str | None:
        """Where the decision sent it."""
        return self.tried[0].deployment if self.tried else None

    @property
    def cost_usd(self) -> float | None:
        """The known part, as `known_usd`."""
        return known_usd(self.tried)

    def kept(self, slo: Slo | None) -> bool | None:
        """Whether the request as a whole kept an objective; None if it does not count, or there is none.

        What was refused or failed, and not by its caller, did not.
        """
        if slo is None:
            return None
        if self.outcome is not Outcome.OK and CONSEQUENCES[self.outcome].fault is not Fault.CALLER:
            return False
        return kept(
            slo,
            self.outcome,
            stream=self.stream,
            first_output_s=self.first_output_s,
            duration_s=self.total_s,
            output_tokens=self.output_tokens,
            held_by_caller=False,
        )


def row_of(record: RequestFinished, preferred: Sequence[str] = ()) -> RequestRow:
    """`preferred`: deployments in the order that the policy wants them while all is well; empty if none says."""
    decision, tokens = record.decision, output_tokens(record.attempts)
    seen = tuple([SeenCandidate(one.deployment, _word(one), one.expected_usd) for one in decision.candidates])
    return RequestRow(
        id=decision.id,
        at=decision.at,
        rule=decision.rule,
        outcome=record.outcome,
        by=record.answered_by,
        first_output_s=record.first_output_s,
        total_s=record.duration_s,
        stream=decision.facts.stream,
        output_tokens=None if tokens is None else tokens / decision.facts.choices,
        slo=decision.slo,
        tried=tuple([
            Tried(
                one.deployment, one.outcome, one.cost_usd, one.may_have_cost,
                0 if one.usage is None else one.usage.prompt_tokens,
                0 if one.usage is None else one.usage.completion_tokens,
            )
            for one in sorted(record.attempts, key=_begun)
        ]),
        seen=seen,
        spilled=_spilled(seen, decision.attempts[0], preferred) if decision.attempts else None,
        scored=decision.mix is not None,
    )  # fmt: skip


def _begun(attempt: Attempt) -> float:
    """They are on record in the order in which they ended."""
    return attempt.started_s


def _word(candidate: Candidate) -> str:
    if candidate.against:
        reason = candidate.against[0]
        return str(reason.has) if reason.cause is Cause.HEALTH else reason.cause.value
    return READY if candidate.tier is None else candidate.tier.value


def _spilled(seen: Sequence[SeenCandidate], chosen: str, preferred: Sequence[str]) -> tuple[str, str] | None:
    if chosen not in preferred:
        return None
    words = {one.deployment: one.word for one in seen}
    for name in preferred[: preferred.index(chosen)]:
        if words.get(name) in _OF_THE_MOMENT:
            return name, words[name]
    return None
