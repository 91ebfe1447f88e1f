"""Who goes first when there is not room for all."""

import enum
from typing import Literal

PriorityName = Literal["low", "normal", "high"]


class Priority(enum.IntEnum):
    """In this order; of a key, or of a rule, which comes before the key's. Lines of batches come after all others."""

    BATCH = -1  # of no key and no rule: what nobody waits for
    LOW = 0
    NORMAL = 1
    HIGH = 2
