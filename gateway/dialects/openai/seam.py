"""Where a continuation meets what was said before: what it repeats of that is dropped, and one that starts again is none."""

from gateway.values.outcome import AttemptFailed, Outcome

HELD = 64  # characters that are held back until they were looked at
_REPEATED = 16  # characters; less happens to repeat itself in good text
_ANEW = 32  # of the beginning: nobody goes on with it
_MOST_REPEATED = 4096


class Seam:
    """`said` is all that came before. What was said twice there may well be said again: that is no repetition.

    The space that it ends with was not sent to the server, so a continuation may begin with it.
    """

    def __init__(self, said: str) -> None:
        self.is_past = False
        self.taken = 0  # characters of the continuation that were looked at
        self.new = ""  # what of these is forwarded
        self._said = said
        self._opening = ""

    def feed(self, text: str, *, last: bool) -> str:
        """What can be forwarded now. `last`: no more text comes, or something else does. Raises AttemptFailed."""
        self._opening += text
        said, opening = self._said, self._opening
        if len(opening) < HELD and not last:
            return ""
        same = _alike(said, opening)
        from_start = same if self._is_repetition(said[:same]) else 0
        if from_start == len(opening) < len(said) and not last:
            return ""
        if _ANEW <= from_start < len(said):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the continuation began the answer anew")
        dropped = from_start if from_start == len(said) else self._overlap(opening)
        self.is_past, self.taken, self.new = True, len(opening), opening[dropped:]
        return self.new

    def _overlap(self, opening: str) -> int:
        said = self._said
        for length in range(min(len(said), len(opening), _MOST_REPEATED), _REPEATED - 1, -1):
            if said.endswith(opening[:length]) and self._is_repetition(opening[:length]):
                return length
        return _alike(said[len(said.rstrip()) :], opening)

    def _is_repetition(self, text: str) -> bool:
        return len(text) >= _REPEATED and self._said.count(text) == 1


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return next(at for at in range(most) if one[at] != other[at])
