"""One request that is asked in parts, one after the other: each has attempts of its own, and all share one deadline."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from gateway.dialects.contract import Batcher, Translator
from gateway.flow.answered import AnsweredWhole
from gateway.flow.relay import Relay
from gateway.flow.story import Story
from gateway.routing.eligibility import spent_usd
from gateway.values.decision import Decision
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request


def parts_of(request: Request, names: Sequence[str], translators: Mapping[str, Translator]) -> list[Request]:
    """The parts that any of these deployments takes; the request itself alone if all take it whole."""
    batchers = [one for name in names if isinstance(one := translators[name], Batcher)]
    limits = [one.most_inputs for one in batchers if one.most_inputs is not None]
    if not limits or request.inputs <= min(limits):
        return [request]
    return batchers[0].parts(request, min(limits))


def _decision_of(part: Request, story: Story) -> Decision:
    """What a part's attempts are measured by. What came to nothing in the parts before it is gone from the ceiling."""
    decision, bounds = story.decision, story.decision.bounds
    if bounds.max_cost_usd is not None:
        lost = spent_usd(decision, (one for one in story.attempts if one.outcome is not Outcome.OK))
        bounds = msgspec.structs.replace(bounds, max_cost_usd=bounds.max_cost_usd - lost)
    return msgspec.structs.replace(decision, facts=part.facts, bounds=bounds)


async def join_parts(
    story: Story,
    parts: Sequence[Request],
    until_success: Callable[[Story], Awaitable[AnsweredWhole | Relay]],
    translators: Mapping[str, Translator],
) -> AnsweredWhole:
    """The parts' answers as one. Raises AttemptFailed as the first part did that has none.

    It is said to be answered by who answered last.
    """
    answers: list[AnsweredWhole] = []
    for part in parts:
        answered = await until_success(story.part(part, _decision_of(part, story)))
        if not isinstance(answered, AnsweredWhole):
            answered.give_up(Outcome.INTERNAL_ERROR)
            raise TypeError("a part of a request was answered by a stream")
        answers.append(answered)
    last = answers[-1]
    joiner = translators[last.deployment]
    if not isinstance(joiner, Batcher):
        raise AttemptFailed(Outcome.INTERNAL_ERROR, "parts were asked of a deployment that takes none")
    costs = [one.cost_usd for one in answers]
    known = [cost for cost in costs if cost is not None]
    cost = sum(known) if len(known) == len(costs) else None
    return AnsweredWhole(story, last.deployment, joiner.join([one.body for one in answers]), cost, last.lost)
