"""What an attempt goes on with, where another one broke off."""

import msgspec

from gateway.values.answer import PartialAnswer
from gateway.values.deviations import NO_DEVIATIONS, Deviations
from gateway.values.request import Request


class Beginning(msgspec.Struct, frozen=True):
    """The part of the answer that the caller has, and the request that has it continued, as its provider's dialect says it.
    `deviations`: from the caller's request.
    """

    answer: PartialAnswer
    request: Request
    deviations: Deviations = NO_DEVIATIONS
