"""International bank account numbers (ISO 13616): the country's length, then the check digits."""

import re
from collections.abc import Iterator
from functools import cache

from stdnum import iban, numdb

from gateway.privacy.sighting import Sighting, Span
from gateway.values.finding import SensitiveKind

_SHAPE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}", re.ASCII)


def accounts(span: Span) -> Iterator[Sighting]:
    """IBANs, in groups or not; words that follow are not taken for a part of it."""
    place = span.start
    while (match := _SHAPE.search(span.text, place)) and match.start() < span.end:
        end = _end(match.group(), _length(match.group()[:2].upper()) or 0)
        if end is None:
            place = match.start() + 4
            continue
        place = match.start() + end
        yield Sighting(
            SensitiveKind.IBAN, match.start(), place, iban.is_valid(match.group()[:end], check_country=False)
        )


def _end(text: str, length: int) -> int | None:
    """Where the first `length` letters and digits end; None where they are too few or go on."""
    seen = 0
    for place, letter in enumerate(text):
        seen += letter.isalnum()
        if seen == length:
            rest = text[place + 1 : place + 2]
            return None if rest.isalnum() else place + 1
    return None


@cache
def _length(country: str) -> int | None:
    """The length of a country's IBANs, as the registry has it."""
    info = numdb.get("iban").info(country + "00")[0][1]
    if "bban" not in info:
        return None
    return 4 + sum(int(digits) for digits in re.findall(r"\d+", info["bban"]))
