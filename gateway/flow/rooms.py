"""What the flow works with."""

from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import Translator
from gateway.flow.fair_threads import FairThreads
from gateway.flow.formats import Formats
from gateway.learning.readings import Readings
from gateway.observe.bus import Bus
from gateway.transport import Transport
from gateway.values.surface import Surface


class Rooms(msgspec.Struct, frozen=True):
    """One per process."""

    transport: Transport
    readings: Readings
    bus: Bus
    translators: Mapping[Surface, Mapping[str, Translator]]  # by deployment; of the surfaces that it serves
    large: FairThreads  # for large bodies
    formats: Formats = msgspec.field(default_factory=Formats)
