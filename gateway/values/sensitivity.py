"""How sensitive a request is, and the highest that a deployment may see (its clearance)."""

from gateway.values.word import Word


class Sensitivity(Word):
    """`public` < `internal` < `confidential` < `restricted`."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"

    @property
    def rank(self) -> int:
        """0 for public, 3 for restricted."""
        return _RANKS[self]

    def covers(self, other: "Sensitivity") -> bool:
        """As a clearance: may a request of sensitivity `other` be seen?"""
        return _RANKS[self] >= _RANKS[other]


_RANKS = {member: rank for rank, member in enumerate(Sensitivity)}


def highest(first: Sensitivity, *others: Sensitivity) -> Sensitivity:
    """The highest of what the caller declares, its key's floor and what detection finds."""
    found = first
    for one in others:
        if _RANKS[one] > _RANKS[found]:
            found = one
    return found
