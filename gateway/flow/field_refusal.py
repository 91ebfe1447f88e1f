"""A provider refuses a field of the request. Where another deployment of the model may take it, the gateway's choice has
caused that: it is no fault of the caller's, and the next candidate is tried. A deployment that the caller itself named,
or a model none of whose deployments takes the field, gives the caller the provider's own words.
"""

from collections.abc import Sequence

from gateway.flow.story import Story
from gateway.providers.refused_field import refused_field
from gateway.routing.plan import Place
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.surface import SERVES


def of_choice(failure: AttemptFailed, request: Request, deployment: str, pool: Sequence[Place]) -> AttemptFailed:
    """The failure of an attempt there as what it is. `pool`: the places of the model that was asked for."""
    if failure.outcome is not Outcome.BAD_REQUEST:
        return failure
    field = refused_field(failure, request)
    own = (place for place in pool if not place.last_resort and place.name != deployment)
    serves = SERVES[request.facts.surface]
    if field is None or not any(place.takes.on(serves).lets_pass(field) for place in own):
        return failure
    return failure.replaced(outcome=Outcome.FIELD_REFUSED)


def last_word(story: Story, failed: AttemptFailed) -> AttemptFailed:
    """What the caller is told where the last attempt ended so: of a refused field the failure that led to that choice; where
    there was none and every candidate refuses a field, the request is bad after all.
    """
    if failed.outcome is not Outcome.FIELD_REFUSED:
        return failed
    first = next((one for one in story.record.failures if one.outcome is not Outcome.FIELD_REFUSED), None)
    if first is not None:
        return first
    tried = {attempt.deployment for attempt in story.attempts}
    every = all(candidate.deployment in tried for candidate in story.decision.candidates)
    return failed.replaced(outcome=Outcome.BAD_REQUEST) if every else failed
