"""Which members of a request's body the servers of a vendor take: a column of the vendor's row, read by routing."""

import msgspec


class TakenFields(msgspec.Struct, frozen=True):
    """`names`: the members that they know, inner ones as `messages.reasoning`; None where nobody knows, so that all may be.

    `refuses_others`: a member that they do not know is refused, instead of being passed over.
    """

    names: frozenset[str] | None = None
    refuses_others: bool = False

    def heeds(self, name: str) -> bool:
        """Whether it makes a difference there, or may."""
        return self.names is None or name in self.names

    def lets_pass(self, name: str) -> bool:
        """Whether a request with it is taken, or may be."""
        return not self.refuses_others or self.heeds(name)


UNKNOWN_FIELDS = TakenFields()
Vendors = dict[str, TakenFields]  # by provider, a row of the vendor table
