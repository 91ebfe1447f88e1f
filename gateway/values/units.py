"""What is used and billed by another measure than tokens: minutes of sound, characters, images, searches."""

import msgspec


class Units(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was used, or will be. None: nothing of it, or it is not known.

    `audio_s`: seconds of sound that were heard. `characters`: of a text that is spoken. `images` were made, each of
    `image_kind`: size and quality, `1024x1024/high`, as far as they are known. `searches`: search units of a reranker,
    a query with up to 100 documents each.
    """

    audio_s: float | None = None
    characters: int | None = None
    images: int | None = None
    image_kind: str = ""
    searches: int | None = None


class UnitPrices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """US dollars for a unit of each. None is unknown.

    `image_usd` by `SIZE/QUALITY`, by either alone, or by `any`: the most exact that fits an image is its price.
    """

    audio_minute_usd: float | None = None
    input_usd_per_mchar: float | None = None
    image_usd: dict[str, float] = {}
    search_usd: float | None = None

    def usd(self, units: Units) -> float | None:
        """What these units cost. None if something of them has no price, or nothing of them is known."""
        parts = [
            _times(units.audio_s, self.audio_minute_usd, 1 / 60),
            _times(units.characters, self.input_usd_per_mchar, 1e-6),
            _times(units.images, self._image_usd(units.image_kind), 1.0),
            _times(units.searches, self.search_usd, 1.0),
        ]
        used = [usd for usd, is_used in parts if is_used]
        known = [usd for usd in used if usd is not None]
        return sum(known) if used and len(known) == len(used) else None

    def _image_usd(self, kind: str) -> float | None:
        size, _, quality = kind.partition("/")
        return next((self.image_usd[name] for name in (kind, size, quality, "any") if name in self.image_usd), None)


def _times(amount: float | None, usd: float | None, factor: float) -> tuple[float | None, bool]:
    """What so much costs, and whether there is any."""
    if amount is None:
        return None, False
    return (None if usd is None else amount * usd * factor), True


NO_UNIT_PRICES = UnitPrices()
