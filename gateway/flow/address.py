"""Where an attempt goes: the decision's address, or one chosen from what is known now, and told."""

from gateway.flow.story import Story
from gateway.learning.readings import Readings
from gateway.routing.address import NextAddress, next_address
from gateway.values.deployment import Deployment


def go_to_address(readings: Readings, story: Story, deployment: Deployment, now: float) -> tuple[NextAddress, float]:
    """The address, which is told of the attempt, and the seconds of wait that it has to expect there."""
    name = deployment.name
    workers = readings.workers.of(name)
    chosen = next_address(story.decision, deployment, workers, story.tried, now)
    if chosen.position is None:
        return chosen, 0.0
    readings.workers.began(name, chosen.position)
    story.record.add_tried(name, chosen.position)
    return chosen, workers[chosen.position].wait_s(now) or 0.0
