"""How a request is processed, where that has a price of its own: a tier, a speed and a place, as one word of the price list.

Source: Usage of Anthropic's Python SDK 2.14, and Anthropic, "Data residency": `inference_geo` is `global`, the usual price,
or a place, which costs more; models that were released before it say `not_available`.
"""

import re

_USUAL = frozenset({"standard", "default", "auto", "standard_only"})
_ANYWHERE = frozenset({"global", "not_available"})
_TIER = re.compile("[a-z_]{1,32}")
OTHER = "other"  # no word: it has no price, and does not get on record


def tier_of(tier: str | None, speed: str | None, geo: str | None) -> str | None:
    """As `priority`, `fast`, `geo_us` or `fast_geo_us`; None is the usual way."""
    words = [word for word in (tier, speed) if word and word not in _USUAL]
    if geo and geo not in _ANYWHERE:
        words.append(f"geo_{geo}")
    if not words:
        return None
    word = "_".join(words)
    return word if _TIER.fullmatch(word) else OTHER
