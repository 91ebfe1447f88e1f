"""Detection: the kinds of personal data and secrets in a request, and how many; never what they are (law 11).

The text of the whole body is scanned once for all patterns (`scan`); only where one fires is it looked at closely
(`looks`), in other spellings too, in blocks, so that time can be asked for in between. What it says in base64 is text
of its own. Texts that stand next to each other under one name are read a second time as if they were one (`seams`).
"""

import traceback
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec
from phonenumbers.phonemetadata import PhoneMetadata

from gateway.privacy import scan
from gateway.privacy.body import Body
from gateway.privacy.budget import GivenUp, Meter, ScanBudget
from gateway.privacy.charsets import BETWEEN, Readings
from gateway.privacy.folding import folded, revealed
from gateway.privacy.looks import LOOKS, Look, sightings
from gateway.privacy.payload import NO_PAYLOADS, Opaque, Payloads, payloads
from gateway.privacy.seams import Batch, Glued, batches, ends
from gateway.privacy.sighting import Span
from gateway.privacy.spelling import WAYS, at_a_seam, respelled
from gateway.privacy.tally import Tally
from gateway.values.finding import Detection, SensitiveKind

_BLOCK = 8192  # characters that are scanned at once
_AT_ONCE = 65536  # of a text that is clean: this takes less time than a block in which something fires
_FINE = 2048  # of a block in which something fires, so many are looked at closely at once
_OVERLAP = 512  # characters around a block: no finding's beginning needs more
_ROUNDS = 8  # spellings within spellings
_DEPTH = 4  # payloads within payloads
_SOME_BASE64 = 4096  # characters; in more than these chance writes the beginning of a key now and then
_FEW = 32  # texts of a chain whose ends are scanned at once
_STEPS_OF_SPELLING = 30  # in 1,024 characters

_ODD = 1 << scan.ODD_SPELLING
_HIDDEN = 1 << scan.HIDDEN_TEXT
_PAYLOAD = 1 << scan.DATA_URI | 1 << scan.BASE64
_WAY_BITS = tuple(
    1 << bit
    for bit in (
        scan.ODD_SPELLING, scan.ESCAPED, scan.PERCENT, scan.ENTITY, scan.MARKUP, scan.OVER_LINES, scan.GROUPED,
    )
)  # fmt: skip
_SPELLED = sum(_WAY_BITS)
_EVERY_KIND = frozenset(SensitiveKind)
_AMPLE = ScanBudget()
_ONE_OF_EACH = (
    "call 030 901820, +1 415-555-2671; DE89370400440532013000 and 11010519491231002X, SSN 123456789, "
    "tel 0123 456 789, tel 12345678"
)


class Detector:
    """Looks for some kinds. One detector serves all threads at once; the first of a process compiles the patterns."""

    def __init__(self, kinds: frozenset[SensitiveKind] = _EVERY_KIND) -> None:
        self._scanner = scan.scanner()
        self._kinds = kinds
        self._looks = tuple(look for look in LOOKS if look.kinds & kinds)

    def warm_up(self) -> None:
        """Load what validators load when they are first used: countries' rules take some milliseconds each."""
        PhoneMetadata.load_all()
        self.detect({"": msgspec.Raw(msgspec.json.encode(_ONE_OF_EACH))})

    def detect(self, fields: Mapping[str, msgspec.Raw], budget: ScanBudget = _AMPLE) -> Detection:
        """What a JSON body's members carry, `fields` as they were written. Never raises.

        What was found before detection failed is in the answer as well.
        """
        search = self._search(budget)
        failed = search.run(fields)
        return search.tally.detection(failed)

    def detect_within(self, fields: Mapping[str, msgspec.Raw], budget: ScanBudget) -> Detection | None:
        """The same; None if it is more work than the budget's steps."""
        search = self._search(budget)
        failed = search.run(fields)
        return None if search.meter.is_out_of_steps else search.tally.detection(failed)

    def _search(self, budget: ScanBudget) -> "_Search":
        return _Search(self._scanner, self._looks, Tally(self._kinds, budget), Meter(budget))


def _new(some: list[Readings], known: list[Readings]) -> list[Readings]:
    """Those that are not known, each once."""
    found: list[Readings] = []
    for one in some:
        if one not in known and one not in found:
            found.append(one)
    return found


def _where(bug: Exception) -> str:
    """The line that raised. Never what it raised: a message may quote the text that it could not take."""
    frames = traceback.extract_tb(bug.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


class _Search:
    """One detection."""

    __slots__ = ("_looks", "_scanner", "meter", "tally")

    def __init__(self, scanner: scan.Scanner, looks: tuple[Look, ...], tally: Tally, meter: Meter) -> None:
        self._scanner = scanner
        self._looks = looks
        self.meter = meter
        self.tally = tally

    def run(self, fields: Mapping[str, msgspec.Raw]) -> str | None:
        """All of it. Returns why it failed, in words that hold nothing of the text; None if it did not."""
        try:
            self.body(fields)
        except GivenUp as why:
            return str(why)
        except Exception as unexpected:  # noqa: BLE001 - law 1: whatever goes wrong, the request is not clean
            return f"{type(unexpected).__name__} in detection, {_where(unexpected)}"
        return None

    def body(self, fields: Mapping[str, msgspec.Raw]) -> None:
        body = Body(self.meter)
        body.read(fields)
        text = BETWEEN.join(body.lines)
        if not body.is_plain and text.count(BETWEEN) >= len(body.lines):  # the text itself has one
            body.replace(BETWEEN, "\n")
            text = BETWEEN.join(body.lines)
        chains = [chain for chain in body.chains.values() if len(chain) > 1]
        if self._is_clean(text, chains):
            return
        self._text(text, _DEPTH)
        for chain in chains:
            self._chain(chain)

    def _is_clean(self, text: str, chains: list[list[str]]) -> bool:
        """Whether nothing fires, at one look: the usual case. Where words may begin and end anywhere all fires that does else."""
        if len(text) > _AT_ONCE or any(len(chain) > _FEW for chain in chains):
            return False
        self.meter.tick()
        return not self._scanner.fired_anywhere(BETWEEN.join((text, *map(ends, chains))))

    def _text(self, text: str, depth: int) -> None:
        """`depth`: payloads within are read so deep."""
        base64 = NO_PAYLOADS  # the last that was met
        for start in range(0, len(text), _BLOCK):
            self.meter.tick()
            end = min(start + _BLOCK, len(text))
            if end <= base64.opaque.end:
                self._in_base64(text, start, end, base64.opaque)
                continue
            if not self._scanner.fired(text[max(0, start - _OVERLAP) : end + _OVERLAP]):
                continue
            place = start
            while place < end:
                if place < base64.opaque.end:
                    stop = min(end, base64.opaque.end)
                    self._in_base64(text, place, stop, base64.opaque)
                else:
                    stop = min(place + _FINE, end)
                    base64 = self._block(text, place, stop, base64, depth)
                    stop = min(stop, base64.opaque.start) if base64.opaque.end > place else stop
                place = stop

    def _in_base64(self, text: str, start: int, end: int, run: Opaque) -> None:
        """What is told by more than chance among the letters of base64 that says no text."""
        if run.declared:
            return
        first, last = max(run.start, start - _OVERLAP), min(run.end, end + _OVERLAP)
        around = text[first:last]
        fired = self._scanner.fired_in_base64(around, much=run.end - run.start > _SOME_BASE64)
        if fired:
            self._look(Span(around, start - first, end - first, self.meter), fired)
            self.tally.other_text()

    def _block(self, text: str, start: int, end: int, base64: Payloads, depth: int) -> Payloads:
        """One block in all its spellings, up to where base64 stands that says no text; then what its payloads say.

        Returns what base64 was met.
        """
        first = max(0, start - _OVERLAP)
        around = text[first : end + _OVERLAP]
        fired = self._scanner.fired(around)
        if not fired:
            return base64
        said: list[Readings] = []
        if fired & _PAYLOAD and depth:
            base64 = payloads(text, max(start, base64.end), end, self._scanner.may_hold_strings, self.meter)
            said += _new(base64.said, said)
            end = min(end, base64.opaque.start) if base64.opaque.end else end
        self._spellings(Span(around, start - first, end - first, self.meter), fired, said, depth)
        self.tally.other_text()
        for readings in said:
            before = self.tally.so_far()
            for one in readings:
                with self.tally.reading(before):
                    self._text(one, depth - 1)
        return base64

    def _spellings(self, span: Span, fired: int, said: list[Readings], depth: int, hidden: int = _HIDDEN) -> None:
        """Look at the span in all its spellings; what their payloads say is added to `said`.

        `hidden`: the patterns that say that what is not shown may be a text.
        """
        self._reveal(span, fired & hidden, said, depth)
        around = span.text
        if fired & _ODD:
            span, fired = self._respelled(span, _ODD)
        if span.text != around:
            said += _new(self._payloads(span, fired, depth), said)
        self._look(span, fired)
        for _ in range(_ROUNDS):
            before = span.text
            if fired & _SPELLED:
                span, fired = self._respelled(span, fired)
            if span.text == before:
                break
            said += _new(self._payloads(span, fired, depth), said)
            self.tally.another_spelling()
            self._reveal(span, fired & hidden, said, depth)
            self._look(span, fired)

    def _reveal(self, span: Span, hidden: int, said: list[Readings], depth: int) -> None:
        """Look at the span with what its characters that are not shown may stand for."""
        if hidden:
            shown = span._replace(text=revealed(span.text))
            fired = self._scanner.fired(shown.text)
            said += _new(self._payloads(shown, fired, depth), said)
            self._spellings(shown, fired, said, depth, hidden=0)
            self.tally.another_spelling()

    def _payloads(self, span: Span, fired: int, depth: int) -> list[Readings]:
        if not (fired & _PAYLOAD and depth):
            return []
        return payloads(span.text, span.start, span.end, self._scanner.may_hold_strings, self.meter).said

    def _respelled(self, span: Span, fired: int) -> tuple[Span, int]:
        """The span without the ways of spelling that fired, and what fires then."""
        self.meter.work(_STEPS_OF_SPELLING * (len(span.text) // 1024 + 1))
        ways = tuple(way for bit, way in zip(_WAY_BITS, WAYS, strict=True) if fired & bit)
        text = respelled(span.text, ways)
        if text == span.text:
            return span, fired
        self.meter.take(len(text))
        ends = (span.start, span.end)
        start, end = (len(respelled(span.text[:at], ways)) if 0 < at < len(span.text) else at for at in ends)
        return Span(text, start, len(text) if span.end == len(span.text) else end, self.meter), self._scanner.fired(
            text
        )

    def _look(self, span: Span, fired: int) -> None:
        self.tally.look(sightings(self._looks, span, fired, self.tally), self.meter)

    def _chain(self, chain: list[str]) -> None:
        """What is split between neighbours, of the kinds that no text held whole."""
        if len(chain) <= _FEW and not self._scanner.fired_anywhere(ends(chain)):
            return
        for batch in batches(chain):
            self.meter.tick()
            self._batch(batch)

    def _batch(self, batch: Batch) -> None:
        """Look over the seams of neighbours in all their spellings."""
        for _ in range(_ROUNDS):
            fired = self._scanner.fired_anywhere(batch.glued.text)
            if fired & _ODD:
                batch = batch.respelled(folded)  # the same in plain spelling
                fired = self._scanner.fired_anywhere(batch.glued.text)
            wanted = self.tally.missing() if fired else frozenset()
            looks = tuple(look for look in self._looks if look.kinds & wanted and fired & look.bit)
            if looks:
                self._seams(batch.readings(self.meter), looks, wanted)
            if not fired & _SPELLED or not wanted:
                return
            self.meter.work(_STEPS_OF_SPELLING * (len(batch.glued.text) // 1024 + 1))
            ways = (*(way for bit, way in zip(_WAY_BITS, WAYS, strict=True) if fired & bit), at_a_seam)
            before, batch = batch.glued.text, batch.respelled(partial(respelled, ways=ways))
            if batch.glued.text == before:
                return

    def _seams(self, readings: Iterable[Glued], looks: tuple[Look, ...], wanted: frozenset[SensitiveKind]) -> None:
        for glued in readings:
            fired = self._scanner.fired(glued.text)
            found = sightings(looks, Span(glued.text, 0, len(glued.text), self.meter), fired, self.tally)
            split = (one for one in found if one.kind in wanted and glued.is_split(one.start, one.end))
            self.tally.look(split, self.meter)
            self.tally.another_spelling()
        self.tally.other_text()
