"""Where an attempt goes: the address is chosen from what is known now, and told."""

from gateway.flow.story import Story
from gateway.learning.readings import Readings
from gateway.routing.address import choose_address
from gateway.values.deployment import Deployment


def go_to_address(readings: Readings, story: Story, deployment: Deployment, now: float) -> tuple[int | None, float]:
    """The address, which is told of the attempt, and the seconds of wait that it has to expect there."""
    address, name = choose_address(readings, story, deployment, now), deployment.name
    if address is None:
        return None, 0.0
    wait_s = readings.workers.of(name)[address].wait_s(now)
    readings.workers.began(name, address)
    story.record.add_tried(name, address)
    return address, wait_s or 0.0
