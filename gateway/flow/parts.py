"""One request that is asked in parts, one after the other: each has attempts of its own, and all share one deadline, one
ceiling and one model.

What one part learned holds for the next ones: who answered is asked first, who failed last. Vectors of two models cannot
be compared, so the model that answers the first part answers all. Where no deployment of it answers a later part, the
whole request is asked again of the rest of the pool, or fails.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from gateway.dialects.contract import Batcher, Translator
from gateway.flow.answer_room import ONE_BYTES, AnswerRoom
from gateway.flow.answered import AnsweredWhole
from gateway.flow.large import in_steps
from gateway.flow.relay import Relay
from gateway.flow.rooms import Rooms
from gateway.flow.story import Story
from gateway.routing.eligibility import Eligibility, spent_usd
from gateway.values.deployment import Deployment
from gateway.values.deviations import NO_DEVIATIONS
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause
from gateway.values.request import Request

T = TypeVar("T")


def limits_of(story: Story, translators: Mapping[str, Translator]) -> tuple[int, int | None] | None:
    """How many inputs, and tokens, every candidate takes at once; None if all take the request whole."""
    ranked = (translators[one.deployment] for one in story.decision.candidates if one.rank is not None)
    batchers = [one for one in ranked if isinstance(one, Batcher)]
    if not batchers:
        return None
    most = [one.most(story.request) for one in batchers]
    inputs = min(inputs for inputs, _ in most)
    tokens = min((tokens for _, tokens in most if tokens is not None), default=None)
    fits = story.request.inputs <= inputs and (tokens is None or story.request.facts.prompt_tokens <= tokens)
    return None if fits else (inputs, tokens)


class Parts:
    """Of one request. `until_success` answers a story that is about a part; `moves_on`: whether another candidate may
    follow an attempt that ended so.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a request in parts touches
        self,
        story: Story,
        until_success: Callable[[Story], Awaitable[AnsweredWhole | Relay]],
        moves_on: Callable[[Outcome], bool],
        rooms: Rooms,
        deployments: Mapping[str, Deployment],
        room: AnswerRoom,
    ) -> None:
        self._story = story
        self._until_success = until_success
        self._moves_on = moves_on
        self._rooms = rooms
        self._deployments = deployments
        self._room = room
        self._pool = [one for one in story.decision.candidates if one.rank is not None]
        translator = rooms.translators[story.request.facts.surface][self._pool[0].deployment]
        if not isinstance(translator, Batcher):
            raise AttemptFailed(Outcome.INTERNAL_ERROR, "parts were asked of a deployment that takes none")
        self._batcher = translator
        self._begin()

    def _begin(self) -> None:
        """From the first part on, at the pool. What was done before was done in vain."""
        self._candidates = self._pool  # for the next part, in the order to try
        self._in_vain = len(self._story.attempts)
        self._joiner = self._batcher.joiner()
        self._answers: list[AnsweredWhole] = []
        self._model: str | None = None  # that answers
        self._named: dict[str, str] = {}  # by deployment, what it calls its model
        self._done = 0  # inputs

    async def answer(self, most: tuple[int, int | None]) -> AnsweredWhole:
        """The parts' answers as one. `most`: inputs and tokens of a part. Raises AttemptFailed as the first part did that has
        none.

        What a part's attempts were and took is the story's, whether or not they had an answer. It is said to be answered
        by who answered last.
        """
        request = self._story.request
        parts = await self._in_steps(request.size, lambda _: self._batcher.parts(request, *most))
        while True:
            try:
                for part in parts:
                    await self._add(part)
            except AttemptFailed as failed:
                if not self._another_model_may(failed):
                    raise self._of_whole(failed) from None
                self._begin()
            else:
                return self._whole()

    async def _add(self, part: Request) -> None:
        """The answer to one more part. Raises AttemptFailed."""
        own = self._story_of(part)
        answered = await self._until_success(own)
        if not isinstance(answered, AnsweredWhole):
            answered.give_up(Outcome.INTERNAL_ERROR)
            raise TypeError("a part of a request was answered by a stream")
        self._learn(answered.deployment)
        said = next((one.upstream_model for one in own.attempts if one.outcome is Outcome.OK), None)
        if said is not None and self._named.setdefault(answered.deployment, said) != said:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "two parts were answered by two models of one name")
        body = answered.body
        await self._in_steps(len(body), lambda pause: self._joiner.add(body, pause))
        self._done += part.inputs
        self._hold()
        self._answers.append(msgspec.structs.replace(answered, body=b""))

    def _story_of(self, part: Request) -> Story:
        """A story of its own for a part. What came to nothing by now is gone from its ceiling."""
        whole = self._story
        decision, bounds, since = whole.decision, whole.decision.bounds, self._in_vain
        if bounds.max_cost_usd is not None:
            lost = [one for at, one in enumerate(whole.attempts) if at < since or one.outcome is not Outcome.OK]
            bounds = msgspec.structs.replace(bounds, max_cost_usd=bounds.max_cost_usd - spent_usd(decision, lost))
        decision = msgspec.structs.replace(
            decision,
            facts=part.facts,
            bounds=bounds,
            candidates=tuple(self._candidates),
            attempts=tuple([one.deployment for one in self._candidates[: bounds.max_attempts]]),
        )
        return whole.part(part, decision)

    def _learn(self, answered_by: str) -> None:
        """The candidates for what comes: those of the model that answered, first who did, last who failed."""
        model = self._model = self._deployments[answered_by].model
        failed = {one.deployment for one in self._story.attempts[self._in_vain :] if one.outcome is not Outcome.OK}
        same = [one for one in self._candidates if self._deployments[one.deployment].model == model]
        same.sort(key=lambda one: (one.deployment != answered_by, one.deployment in failed))
        self._candidates = same

    def _another_model_may(self, failed: AttemptFailed) -> bool:
        """Whether the whole may be asked of another model, with what time and money is left. The first part has asked every
        one of them already.
        """
        if self._model is None or not self._moves_on(failed.outcome) or self._left_s() <= 0:
            return False
        others = [one for one in self._pool if self._deployments[one.deployment].model != self._model]
        self._candidates, self._in_vain = others, len(self._story.attempts)
        eligibility = Eligibility(self._rooms.readings, self._deployments, self._story_of(self._story.request))
        now = time.time()
        self._pool = [one for one in others if eligibility.may(one.deployment, now)]
        return bool(self._pool)

    def _hold(self) -> None:
        """Raises AttemptFailed where the whole will not fit into memory, as far as it can be told."""
        size = self._joiner.size
        whole = size * self._story.request.inputs // self._done
        if whole > ONE_BYTES:
            raise AttemptFailed(
                Outcome.BAD_REQUEST,
                "the answer would be larger than one may be",
                message=f"The answer would have about {whole >> 20} MiB, and at most {ONE_BYTES >> 20} are given at once: "
                "send fewer inputs, or ask for base64 or fewer dimensions.",
                param="input",
                code="answer_too_large",
            )
        self._room.hold(size)

    def _whole(self) -> AnsweredWhole:
        """An unknown part of the cost makes all of it unknown."""
        costs = [one.cost_usd for one in self._answers]
        known = [cost for cost in costs if cost is not None]
        deviations = NO_DEVIATIONS
        for one in self._answers:
            deviations = deviations.plus(one.deviations)
        first, *more = self._joiner.body()
        cost = sum(known) if len(known) == len(costs) else None
        return AnsweredWhole(self._story, self._answers[-1].deployment, first, cost, deviations, tuple(more))

    def _of_whole(self, failed: AttemptFailed) -> AttemptFailed:
        """What a provider says of an input is said by its number in the request."""
        return self._batcher.of_whole(failed, self._done) if self._done else failed

    async def _in_steps(self, size: int, work: Callable[[Pause], T]) -> T:
        return await in_steps(self._rooms.large, self._story.request.facts.key, size, self._left_s(), work)

    def _left_s(self) -> float:
        return self._story.deadline - time.monotonic()
