"""Detection: the kinds of personal data and secrets in a request, and how many; never what they are (law 11).

The text of the whole body is scanned once for all patterns (`scan`); only where one fires is it looked at closely, in
blocks, so that time can be asked for in between. Texts that stand next to each other under one name are read a second
time as if they were one, for what is split between them.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import msgspec

from gateway.privacy import scan
from gateway.privacy.body import Body
from gateway.privacy.budget import Budget, GivenUp, Meter
from gateway.privacy.credentials import private_keys, tokens
from gateway.privacy.emails import addresses
from gateway.privacy.folding import folded, unescaped
from gateway.privacy.ibans import accounts
from gateway.privacy.keys import PATTERNS, named, prefixed
from gateway.privacy.national_ids import lettered
from gateway.privacy.numbers import numbers
from gateway.privacy.payload import data_uris
from gateway.privacy.seams import Joins, joins
from gateway.privacy.sighting import Sighting, Span
from gateway.privacy.tally import Tally
from gateway.values.finding import Detection, Kind

_BLOCK = 8192  # characters looked at between two looks at the time
_OVERLAP = 512  # characters around a block: no finding's beginning needs more

_Look = tuple[int, Callable[[Span], Iterator[Sighting]], frozenset[Kind]]
_LOOKS: tuple[_Look, ...] = (
    (scan.EMAIL, addresses, frozenset({Kind.EMAIL})),
    (scan.NUMBER, numbers, frozenset({Kind.PHONE, Kind.CARD, Kind.NATIONAL_ID, Kind.RESIDENT_ID_CN})),
    (scan.IBAN, accounts, frozenset({Kind.IBAN})),
    (scan.LETTERED, lettered, frozenset({Kind.NATIONAL_ID})),
    (scan.ASSIGNED, named, frozenset({Kind.API_KEY})),
    (scan.JWT, tokens, frozenset({Kind.JWT})),
    (scan.PRIVATE_KEY, private_keys, frozenset({Kind.PRIVATE_KEY})),
    *((scan.KEY + row, partial(prefixed, key=key), frozenset({Kind.API_KEY})) for row, key in enumerate(PATTERNS)),
)
_EVERY_KIND = frozenset(Kind)
_AMPLE = Budget()
_DATA, _ODD = 1 << scan.DATA_URI, 1 << scan.ODD_SPELLING


class Detector:
    """Looks for some kinds. One detector serves all threads at once."""

    def __init__(self, kinds: frozenset[Kind] = _EVERY_KIND) -> None:
        self._kinds = kinds
        self._looks = tuple((1 << bit, look, found) for bit, look, found in _LOOKS if found & kinds)
        self._scanner = scan.Scanner()

    def detect(self, fields: Mapping[str, msgspec.Raw], budget: Budget = _AMPLE) -> Detection:
        """What a JSON body's members carry, `fields` as they were written. Never raises.

        What was found before detection failed is in the answer as well.
        """
        search = _Search(self._scanner, self._looks, Tally(self._kinds, budget), Meter(budget))
        try:
            search.body(fields)
        except GivenUp as why:
            return search.tally.detection(str(why))
        except Exception as unexpected:  # noqa: BLE001 - law 1: whatever goes wrong, the request is not clean
            return search.tally.detection(f"{type(unexpected).__name__} in detection")
        return search.tally.detection(None)


class _Search:
    """One detection."""

    __slots__ = ("_looks", "_meter", "_scanner", "tally")

    def __init__(self, scanner: scan.Scanner, looks: tuple[_Look, ...], tally: Tally, meter: Meter) -> None:
        self._scanner = scanner
        self._looks = looks
        self._meter = meter
        self.tally = tally

    def body(self, fields: Mapping[str, msgspec.Raw]) -> None:
        body = Body(self._meter)
        body.read(fields)
        text = "\n".join(body.lines)
        self._text(text)
        if "\\" in text:
            for view in unescaped(text, self._meter):
                self._meter.take(len(view))
                self.tally.another_spelling()
                self._text(view)
            self.tally.other_text()
        for chain in body.chains.values():
            if len(chain) > 1:
                self._chain(chain)

    def _text(self, text: str) -> None:
        for start in range(0, len(text), _BLOCK):
            self._meter.tick()
            first = max(0, start - _OVERLAP)
            around = text[first : start + _BLOCK + _OVERLAP]
            fired = self._scanner.fired(around)
            if not fired:
                continue
            if fired & _DATA:
                for said in data_uris(text, start, start + _BLOCK, self._meter):
                    self._text(said)
            span = Span(around, start - first, min(len(around), start - first + _BLOCK))
            if fired & _ODD:
                span = _folded(span)
                fired = self._scanner.fired(span.text)
            self.tally.look(self._sightings(span, fired), self._meter)

    def _chain(self, chain: list[str]) -> None:
        for some in joins(chain):
            self._meter.tick()
            fired = self._scanner.fired(some.text)
            if fired & _ODD:
                some = some.folded()  # noqa: PLW2901 - the same in plain spelling
                fired = self._scanner.fired(some.text)
            if fired:
                found = self._sightings(Span(some.text, 0, len(some.text)), fired)
                self.tally.look((one for one in found if self._is_split(one, some)), self._meter)

    def _is_split(self, sighting: Sighting, joins: Joins) -> bool:
        """Whether it spans its join's seams, and no part of it was found as one already."""
        parts = joins.parts(sighting.start, sighting.end)
        return parts is not None and not any(self._has(sighting.kind, part) for part in parts)

    def _has(self, kind: Kind, part: str) -> bool:
        found = self._sightings(Span(part, 0, len(part)), self._scanner.fired(part))
        return any(one.kind is kind and one.valid for one in found)

    def _sightings(self, span: Span, fired: int) -> Iterator[Sighting]:
        for bit, look, kinds in self._looks:
            wanted = self.tally.wanted(kinds) if fired & bit else None
            if wanted:
                looked = look(span._replace(kinds=wanted))
                yield from (one for one in looked if span.start <= one.start < span.end)


def _folded(span: Span) -> Span:
    before = folded(span.text[: span.start])
    within = folded(span.text[span.start : span.end])
    return Span(before + within + folded(span.text[span.end :]), len(before), len(before) + len(within))
