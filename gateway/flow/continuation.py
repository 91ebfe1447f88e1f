"""Goes on with a stream that broke after the caller had some of it: at a deployment that can take up a text where it ended.

Off unless the rule asks. The caller reads one answer; that two gave it is on record, and in a comment of the stream.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping

from gateway.dialects.contract import Continuer, Translator
from gateway.flow.begun import Begun
from gateway.flow.large import LARGE_BYTES
from gateway.flow.relay import Relay
from gateway.flow.story import Story
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import moves_on
from gateway.routing.plan import CompiledRule
from gateway.values.answer import PartialAnswer
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome


class Continuation:
    """Of one request. `open_at` makes an attempt at a deployment that goes on with what was begun."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a continuation touches
        self,
        open_at: Callable[[str, Begun], Awaitable[Relay]],
        recheck: Eligibility,
        story: Story,
        rule: CompiledRule,
        deployments: dict[str, Deployment],
        translators: Mapping[str, Translator],
    ) -> None:
        self._open_at = open_at
        self._recheck = recheck
        self._story = story
        self._fallback = rule.fallback
        self._deployments = deployments
        self._translators = translators

    async def go_on(self, broken: Relay, failed: AttemptFailed) -> Relay | None:
        """The stream that goes on with `broken`, which is settled; None if there is none, or what broke cannot be continued."""
        begun = broken.beginning()
        broken.settle(failed.outcome, failed.detail)
        while begun is not None and self._moves_on(failed):
            found = await self._next(broken.deployment, begun)
            if found is None:
                return None
            try:
                return await self._open_at(*found)
            except AttemptFailed as again:
                failed = again
        return None

    async def _next(self, broken: str, begun: PartialAnswer) -> tuple[str, Begun] | None:
        """The first that can take it up, and what it is asked. None if there is none."""
        for name in self._untried():
            translator = self._translators[name]
            if self._may(name, broken, begun) and isinstance(translator, Continuer):
                with contextlib.suppress(AttemptFailed):  # what was asked has no form there
                    if (way := await self._way(name, translator, begun)) is not None:
                        return name, way
        return None

    async def _way(self, name: str, translator: Continuer, begun: PartialAnswer) -> Begun | None:
        request, preparation = self._story.request, self._story.preparation
        ready = await preparation.of(request, translator, self._story.decision.lost_at(name))
        if request.size <= LARGE_BYTES:
            own = translator.continued(ready.own, begun)
        else:
            own = await preparation.on_a_thread(
                request, request.size, lambda pause: translator.continued(ready.own, begun, pause)
            )
        return None if own is None else Begun(begun, own, ready.lost)

    def _untried(self) -> list[str]:
        """In the order of the decision; at the end those that were tried, but not at all their addresses."""
        tried = {attempt.deployment for attempt in self._story.attempts}
        ranked, now = self._recheck.ranked, time.time()
        again = [name for name in ranked if name in tried and self._recheck.has_another_address(name, now)]
        return [*(name for name in ranked if name not in tried), *again]

    def _may(self, name: str, broken: str, begun: PartialAnswer) -> bool:
        """It has room for the text, and may see what the one that broke may have put into it."""
        deployment, room = self._deployments[name], self._deployments[name].context_tokens
        return (
            self._recheck.may(name, time.time())
            and deployment.clearance.covers(self._deployments[broken].clearance)
            and (room is None or self._story.request.facts.prompt_tokens + begun.tokens < room)
        )

    def _moves_on(self, failed: AttemptFailed) -> bool:
        outcome, story = failed.outcome, self._story
        return (
            outcome is not Outcome.DEADLINE_EXCEEDED
            and len(story.attempts) < story.decision.bounds.max_attempts
            and time.monotonic() < story.deadline
            and moves_on(self._fallback, outcome)
        )
