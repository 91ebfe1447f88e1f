"""Is the draft better? One line, from what a simulation found: leaks first, then answers, the objective, and money."""

import enum
import math
from collections.abc import Callable

import msgspec

from gateway.insight.compare import Compared, dearer
from gateway.insight.measure import Measured

_SAME_COST, _SAME_KEPT, _SAME_ANSWERED = 0.01, 0.002, 0.001  # differences that are none
_CHANCE = 2.0  # standard errors: within them a difference of kept requests may be the luck of so few
_MANY_UNANSWERED = 0.01  # of the requests, under both: more is said before all else
_SMALL_USD = 1.0  # cents say too little below


class Judgement(enum.Enum):
    """What the draft is to the current policy."""

    LEAKS = "do not publish"
    WORSE = "worse"
    TRADE = "a trade"
    SAME = "no difference"
    OPEN = "cannot be judged"
    BETTER = "better"


class Verdict(msgspec.Struct, frozen=True):
    """The judgement, and the figures that it follows from, in a sentence. `first`: what is to be known before it; or empty."""

    judgement: Judgement
    sentence: str
    first: str = ""

    def __str__(self) -> str:
        return f"{self.first}{'; ' if self.first else ''}{self.judgement.value}: {self.sentence}"


def verdict(found: Compared) -> Verdict | None:
    """None without a draft."""
    was, draft = found.current, found.draft
    if draft is None:
        return None
    if draft.leaks:
        return Verdict(Judgement.LEAKS, "; ".join(f"{count} times {what}" for what, count in draft.leaks.items()))
    parts = [_settled(found, part) for part in (_cost, _kept, _answered)]
    signs = {sign for sign, _ in parts}
    if {1, -1} <= signs:
        judgement = Judgement.TRADE
    elif None in signs or not signs - {0}:
        is_open = None in signs or dearer(was, draft) is None
        judgement = Judgement.OPEN if is_open else Judgement.SAME
    else:
        judgement = Judgement.BETTER if 1 in signs else Judgement.WORSE
    return Verdict(judgement, "; ".join(sentence for _, sentence in parts), unanswered(found))


def unanswered(found: Compared) -> str:
    """That many requests are not answered, whatever decides, and why most of them; empty if they are few."""
    sides = [one for one in (found.current, found.draft) if one is not None]
    side = min(sides, key=lambda one: one.requests - one.answered)
    share = (side.requests - side.answered) / side.requests if side.requests else 0.0
    if share < _MANY_UNANSWERED:
        return ""
    why, _ = max({**side.refused, **side.failed}.items(), key=lambda one: one[1])
    return f"{share:.1%} unanswered{' under both' if found.draft is not None else ''}, mostly {why}"


def _settled(found: Compared, part: "_Part") -> tuple[int | None, str]:
    """Whether the draft is better in this, worse, or as good. None: that hangs on how deployments behave that are in doubt."""
    if found.draft is None:
        raise ValueError("there is no draft")
    sign, sentence = part(found.current, found.draft)
    for one in found.otherwise:
        if one.draft is not None and part(one.current, one.draft)[0] != sign:
            return None, f"{sentence}, but not if those in doubt are {one.how}"
    return sign, sentence


_Part = Callable[[Measured, Measured], tuple[int, str]]


def _cost(was: Measured, draft: Measured) -> tuple[int, str]:
    before, after = was.cost.total, draft.cost.total
    unknown = draft.cost.unknown_attempts + was.cost.unknown_attempts
    if before is None or after is None:
        return 0, f"costs are unknown, of {unknown} attempts"
    by_usd = dearer(was, draft)
    if by_usd is None:
        sides = (
            f"{_usd(one.cost.total)} and {one.cost.unknown_attempts} attempts of unknown cost" for one in (draft, was)
        )
        return 0, f"costs cannot be compared, {' with '.join(sides)}"
    note = f" (and {unknown} attempts of unknown cost)" if unknown else ""
    if abs(by_usd) <= _SAME_COST * max(before, after):
        return 0, f"costs as much, {_usd(after)}{note}"
    by = f"{abs(after / before - 1):.0%} " if before else ""
    word, sign = ("less", 1) if by_usd < 0 else ("more", -1)
    return sign, f"costs {by}{word}, {_usd(after)} instead of {_usd(before)}{note}"


def _usd(amount: float | None) -> str:
    if amount is None:
        return "unknown"
    return f"${amount:.2f}" if amount >= _SMALL_USD else f"${amount:.4f}"


def _kept(was: Measured, draft: Measured) -> tuple[int, str]:
    before, after = was.objective.share, draft.objective.share
    if before is None or after is None:
        return 0, "times are not judged, there is no objective"
    few = min(was.objective.requests, draft.objective.requests)
    middle = (before + after) / 2
    chance = _CHANCE * math.sqrt(2 * middle * (1 - middle) / few) if few else 0.0
    if abs(after - before) <= max(_SAME_KEPT, chance):
        return 0, f"keeps the objective about as well, {after:.1%} (now {before:.1%})"
    word, sign = ("more often", 1) if after > before else ("less often", -1)
    return sign, f"keeps the objective {word}, {after:.1%} instead of {before:.1%}"


def _answered(was: Measured, draft: Measured) -> tuple[int, str]:
    before, after = was.requests - was.answered, draft.requests - draft.answered
    if abs(after - before) <= _SAME_ANSWERED * max(was.requests, 1):
        return 0, f"leaves {after} unanswered" if after else "answers all"
    word, sign = ("fewer", 1) if after < before else ("more", -1)
    return sign, f"leaves {word} unanswered, {after} instead of {before}"
