"""What an attempt goes on with, where another one broke off."""

import msgspec

from gateway.values.answer import PartialAnswer
from gateway.values.request import Request


class Beginning(msgspec.Struct, frozen=True):
    """The part of the answer that the caller has, and the request that has it continued, as its provider's dialect says it.
    `lost`: what of the caller's request it does not say.
    """

    answer: PartialAnswer
    request: Request
    lost: tuple[str, ...] = ()
