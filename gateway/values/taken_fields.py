"""Which members of a request's body the servers of a vendor take: a column of the vendor's row, read by routing."""

from collections.abc import Mapping

import msgspec

from gateway.values.surface import Serves


class TakenFields(msgspec.Struct, frozen=True):
    """`names`: the members that they know, inner ones as `messages.reasoning`; None where nobody knows, so that all may be.

    `refuses_others`: a member that they do not know is refused, instead of being passed over. `lacks`: what callers of the
    API expect and these cannot do. `beside_chat`: the same of what else they serve.
    """

    names: frozenset[str] | None = None
    refuses_others: bool = False
    lacks: frozenset[str] = frozenset()
    beside_chat: Mapping[Serves, "TakenFields"] = {}

    def on(self, serves: Serves) -> "TakenFields":
        """Of requests for this."""
        return self if serves is Serves.CHAT else self.beside_chat.get(serves, UNKNOWN_FIELDS)

    def heeds(self, name: str) -> bool:
        """Whether it makes a difference there, or may."""
        return self.names is None or name in self.names

    def lets_pass(self, name: str) -> bool:
        """Whether a request with it is taken, or may be."""
        return name not in self.lacks and (not self.refuses_others or self.heeds(name))


UNKNOWN_FIELDS = TakenFields()
Vendors = dict[str, TakenFields]  # by provider, a row of the vendor table
