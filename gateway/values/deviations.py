"""What of a request its provider was not told as the caller said it."""

import msgspec


class Deviations(msgspec.Struct, frozen=True, omit_defaults=True):
    """By member or path. `lost`: not said at all; `adapted`: said otherwise, as `path: note`. All else was passed."""

    lost: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()

    def plus(self, other: "Deviations") -> "Deviations":
        """Both, each once."""
        lost, adapted = (*self.lost, *other.lost), (*self.adapted, *other.adapted)
        return Deviations(tuple(dict.fromkeys(lost)), tuple(dict.fromkeys(adapted)))


NO_DEVIATIONS = Deviations()
