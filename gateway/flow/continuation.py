"""Continues a stream that broke after the caller had some of it: at a deployment that can take up a text where it ended.

Off unless the rule asks. The caller reads one answer; that two gave it is on record, and in a comment of the stream.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping

from gateway.dialects.contract import Continuer, Translator
from gateway.flow.attempt import Refused
from gateway.flow.beginning import Beginning
from gateway.flow.large import LARGE_BYTES
from gateway.flow.relay import Relay
from gateway.flow.story import Story
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import moves_on
from gateway.values.answer import PartialAnswer
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome


class Continuation:
    """Of one request. `continue_at` makes an attempt at a deployment that goes on with what there is of the answer."""

    def __init__(
        self,
        continue_at: Callable[[str, Beginning], Awaitable[Relay | Refused]],
        eligibility: Eligibility,
        story: Story,
        deployments: dict[str, Deployment],
        translators: Mapping[str, Translator],
    ) -> None:
        self._continue_at = continue_at
        self._eligibility = eligibility
        self._story = story
        self._deployments = deployments
        self._translators = translators

    async def next_relay(self, broken: str, beginning: PartialAnswer, failed: AttemptFailed) -> Relay | None:
        """What goes on with the beginning that the deployment `broken` gave before its attempt, which is settled, failed so;
        None if nothing does.
        """
        refused: set[str] = set()
        while self._moves_on(failed):
            found = await self._next(broken, beginning, refused)
            if found is None:
                return None
            try:
                relay = await self._continue_at(*found)
            except AttemptFailed as again:
                failed = again
                continue
            if isinstance(relay, Relay):
                return relay
            refused.add(found[0])
        return None

    async def _next(self, broken: str, beginning: PartialAnswer, refused: set[str]) -> tuple[str, Beginning] | None:
        """The first that can take it up, and what it is asked. None if there is none."""
        for name in self._untried():
            translator = self._translators[name]
            if name not in refused and self._may(name, broken, beginning) and isinstance(translator, Continuer):
                with contextlib.suppress(AttemptFailed):  # what was asked has no form there
                    if (continued := await self._continued(name, translator, beginning)) is not None:
                        return name, continued
        return None

    async def _continued(self, name: str, translator: Continuer, beginning: PartialAnswer) -> Beginning | None:
        request, preparation = self._story.request, self._story.preparation
        ready = await preparation.of(request, translator, self._story.decision.lost_at(name))
        if request.size <= LARGE_BYTES:
            own = translator.continued(ready.own, beginning)
        else:
            own = await preparation.on_a_thread(
                request, request.size, lambda pause: translator.continued(ready.own, beginning, pause)
            )
        return None if own is None else Beginning(beginning, own, ready.deviations)

    def _untried(self) -> list[str]:
        """In the order of the decision; at the end those that were tried, but not at all their addresses."""
        tried = {attempt.deployment for attempt in self._story.attempts}
        ranked, now = self._eligibility.ranked, time.time()
        again = [name for name in ranked if name in tried and self._eligibility.has_another_address(name, now)]
        return [*(name for name in ranked if name not in tried), *again]

    def _may(self, name: str, broken: str, beginning: PartialAnswer) -> bool:
        """It has room for the text, and may see what the one that broke may have put into it."""
        deployment, room = self._deployments[name], self._deployments[name].context_tokens
        return (
            self._eligibility.may(name, time.time())
            and deployment.clearance.covers(self._deployments[broken].clearance)
            and (room is None or self._story.request.facts.prompt_tokens + beginning.tokens < room)
        )

    def _moves_on(self, failed: AttemptFailed) -> bool:
        outcome, story = failed.outcome, self._story
        return (
            outcome is not Outcome.DEADLINE_EXCEEDED
            and len(story.attempts) < story.decision.bounds.max_attempts
            and time.monotonic() < story.deadline
            and moves_on(story.rule.fallback, outcome)
        )
