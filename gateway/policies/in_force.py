"""The plan in force and the staged one, and the only place where either is replaced: whole, or not at all (law 7).

A request takes its plan once, so it ends on the one that it began with. Each change is on record in the revisions; who
asks for changes, and in which order, is in `gateway.policies.changes`.
"""

import logging
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from gateway.policies.compiler import Draft, PolicyCompiler, digest
from gateway.policies.trial import Trial
from gateway.routing.plan import Plan
from gateway.routing.staging import Staging, staging
from gateway.state.revisions import Revisions
from gateway.values.problem import InvalidDocument
from gateway.values.revision import Actor, KeptRevision, PolicyNow, Refused, Revision, RevisionState, Withdrawal

_log = logging.getLogger(__name__)


class Listeners(msgspec.Struct, frozen=True):
    """`tried` hears of each try to change the policy, True if it was taken; `changed` the plan in force and the staged
    one after each change; `withdrawn` why a staged one was.
    """

    tried: Callable[[bool], None]
    changed: Callable[[Plan, Plan | None], None]
    withdrawn: Callable[[Withdrawal], None]


class PolicyInForce:
    """One per process. Single-threaded; no verb waits for anything. `Revisions.save` is due after each change."""

    plan: Plan

    def __init__(self, compiler: PolicyCompiler, revisions: Revisions, listeners: Listeners) -> None:
        self.revisions = revisions
        self.refused: Refused | None = None
        self.withdrawn: Revision | None = None  # by itself; until the next change
        self.staging: Staging | None = None
        self.trial: Trial | None = None
        self._compiler, self._listeners = compiler, listeners

    def plan_for(self, session: str | None, decision_id: str) -> Plan:
        """The plan that decides about a request."""
        staged = self.staging
        return self.plan if staged is None or not staged.takes(session, decision_id) else staged.plan

    @property
    def revision(self) -> Revision:
        """The one in force."""
        return self._of_state(RevisionState.IN_FORCE)

    def now(self) -> PolicyNow:
        """How it stands."""
        revision = self.revision
        return PolicyNow(
            revision=revision,
            brought=self.revisions.brought(revision),
            staged=None if self.staging is None else self._of_state(RevisionState.STAGED),
            arms=None if self.trial is None else self.trial.arms(),
            withdrawn=self.withdrawn,
            is_refused=self.refused is not None,
            is_kept=not self.revisions.is_failing,
        )

    def begin(self, by: Actor) -> None:
        """The file's policy if it says something else than when it was last taken; else the one that was in force.

        Blocks. Raises InvalidDocument if the file has no valid policy.
        """
        document, revisions = self._compiler.read(), self.revisions
        said, kept = digest(document), revisions.of_state(RevisionState.IN_FORCE)
        draft = self._again(kept, by) if kept is not None and revisions.taken == said else None
        again_of = kept.revision.number if kept is not None and draft is not None else None
        if draft is None:
            draft = self._compiler.of_file(document, revisions.next_number)
        if kept is None or draft.plan.content != kept.revision.content:
            if revisions.taken == said:
                self._end_staged(by, Withdrawal.CONFIGURATION)
            self.publish(draft, by, again_of)
        else:
            self.plan = replace(draft.plan, revision=kept.revision.name)
            _log.info("policy revision %s is in force, by %s", self.plan.revision, kept.revision.by)
            self._stage_again(by)
        revisions.taken = said
        revisions.save()

    def publish(
        self, draft: Draft, by: Actor, again_of: int | None = None, over: RevisionState = RevisionState.REPLACED
    ) -> Revision:
        """From now on it decides about all requests. `again_of` as a revision has it; `over`: what the one before is."""
        self._end_staged(by, Withdrawal.REPLACED)
        was = self.revisions.of_state(RevisionState.IN_FORCE)
        if was is not None:
            self.revisions.end(was.revision.number, over, by)
        revision = self._add(draft, by, RevisionState.IN_FORCE, again_of=again_of)
        self._use(draft.plan)
        again = "" if again_of is None else f", the document of revision {again_of} again"
        _log.info("policy revision %s is in force, by %s%s", revision.name, by, again)
        return revision

    def stage(self, draft: Draft, share: float, by: Actor) -> Revision:
        """From now on it decides about this share of the requests, and is on trial."""
        self._end_staged(by, Withdrawal.REPLACED)
        revision = self._add(draft, by, RevisionState.STAGED, share=share)
        _log.info("policy revision %s takes %g of the traffic, by %s", revision.name, share, by)
        self._try(draft.plan, share)
        return revision

    def promote(self, by: Actor) -> Revision | None:
        """The staged one decides about all requests from now on; None if there is none."""
        if self.staging is None:
            return None
        number = self._of_state(RevisionState.STAGED).number
        self.revisions.end(self.revision.number, RevisionState.REPLACED, by)
        self.revisions.promote(number, by)
        self._use(self.staging.plan)
        _log.info("policy revision %s was promoted by %s", self.plan.revision, by)
        return self.revision

    def withdraw(self, by: Actor) -> Revision | None:
        """The staged one decides about no request any more; None if there is none."""
        revision = self._end_staged(by, Withdrawal.OPERATOR)
        if revision is not None:
            self._use(self.plan)
        return revision

    def fail(self, by: Actor, why: Withdrawal, reason: str) -> None:
        """The trial says that the staged one is to be withdrawn; `reason` is for people."""
        revision = self._end_staged(by, why, reason)
        self._use(self.plan)
        self.withdrawn = revision

    def refuse(self, by: Actor, problems: list[str]) -> None:
        """A document was not valid: the last good one goes on."""
        self.refused = Refused(by, tuple(problems))
        self._listeners.tried(False)
        said = "\n".join(problems)
        _log.error("the policy is refused, by %s; the last good one goes on:\n%s", by, said)

    def taken(self) -> None:
        """A document was valid, whether or not it changed anything."""
        self.refused = None
        self._listeners.tried(True)

    def _stage_again(self, by: Actor) -> None:
        """What was staged before the restart, if it is still the same plan. Its trial begins anew."""
        kept = self.revisions.of_state(RevisionState.STAGED)
        draft = None if kept is None else self._again(kept, by)
        if kept is None or draft is None or draft.plan.content != kept.revision.content:
            self._end_staged(by, Withdrawal.CONFIGURATION)
            self._use(self.plan)
        else:
            self._try(replace(draft.plan, revision=kept.revision.name), kept.revision.share or 0.0)

    def _again(self, kept: KeptRevision, by: Actor) -> Draft | None:
        """None, and said loudly, if it does not fit the configuration any more."""
        try:
            return self._compiler.again(kept, self.revisions.next_number)
        except InvalidDocument as invalid:
            self.refuse(by, list(map(str, invalid.problems)))
            return None

    def _end_staged(self, by: Actor, why: Withdrawal, reason: str | None = None) -> Revision | None:
        kept = self.revisions.of_state(RevisionState.STAGED)
        if kept is None:
            return None
        self.staging = self.trial = None
        self._listeners.withdrawn(why)
        _log.warning("policy revision %s was withdrawn by %s: %s", kept.revision.name, by, reason or why.value)
        return self.revisions.end(kept.revision.number, RevisionState.WITHDRAWN, by, why, reason)

    def _try(self, plan: Plan, share: float) -> None:
        current, self.withdrawn = self.plan, None
        self.trial = Trial(current.revision, plan.revision, lambda facts, at: current.match(facts, at).slo)
        self.staging = staging(plan, share)
        self._listeners.changed(current, plan)

    def _use(self, plan: Plan) -> None:
        self.staging = self.trial = self.withdrawn = None
        self.plan = plan
        self._listeners.changed(plan, None)

    def _add(
        self, draft: Draft, by: Actor, state: RevisionState, *, share: float | None = None, again_of: int | None = None
    ) -> Revision:
        number, content = self.revisions.next_number, draft.plan.content
        revision = Revision(number=number, content=content, by=by, state=state, share=share, again_of=again_of)
        self.revisions.add(self._compiler.kept(draft, revision))
        return revision

    def _of_state(self, state: RevisionState) -> Revision:
        kept = self.revisions.of_state(state)
        if kept is None:
            raise LookupError(state)
        return kept.revision
