"""What the flow works with."""

import msgspec

from gateway.dialects.contract import Translator
from gateway.learning.readings import Readings
from gateway.observe.bus import Bus
from gateway.transport import Transport


class Rooms(msgspec.Struct, frozen=True):
    """One per process."""

    transport: Transport
    readings: Readings
    bus: Bus
    translators: dict[str, Translator]  # by deployment
