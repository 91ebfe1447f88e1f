"""What some providers' servers can do beside answering. A capability is of a model, and requests need it; this is of a
dialect, and the gateway makes use of it.
"""

import enum
from collections.abc import Mapping


class Skill(enum.Enum):
    """A verb that only some translators have."""

    CONTINUE = "continue"  # go on with an answer that another one began
    COUNT = "count"  # count the tokens of a prompt


Skills = Mapping[str, frozenset[Skill]]  # by provider, a row of the vendor table
