"""What a number is: resident id, card, national id or phone, in this order, each stretch of digits once."""

from collections.abc import Callable, Iterator

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from gateway.privacy.cards import is_card
from gateway.privacy.digits import Number, fits, runs
from gateway.privacy.national_ids import is_national_id
from gateway.privacy.phones import is_phone
from gateway.privacy.sighting import Sighting, Span
from gateway.values.finding import SensitiveKind

# GB/T 2260
_PROVINCES = frozenset(
    f"{number}"
    for some in ((11, 16), (21, 24), (31, 38), (41, 47), (50, 55), (61, 66), (71, 72), (81, 84))
    for number in range(*some)
)
_CUTS = ({6, 14}, {6, 10, 14}, {3, 6, 10, 14}, {6, 10, 12, 14})


def is_resident_id(number: Number) -> bool | None:
    """A Chinese resident id: province, date of birth, check digit, which may be X. None where it has not that shape.

    python-stdnum's list of counties lacks many that were merged since, whose people keep their numbers.
    """
    last = number.suffix.upper() if number.suffix in ("x", "X") else ""
    if len(number.digits + last) != 18 or not fits(number.shape, _CUTS):
        return None
    try:
        ric.get_birth_date(number.digits + last)
    except ValidationError:
        return False
    return number.digits[:2] in _PROVINCES and ric.calc_check_digit(number.digits + last) == (number.digits + last)[-1]


_KINDS: tuple[tuple[SensitiveKind, Callable[[Number], bool | None]], ...] = (
    (SensitiveKind.RESIDENT_ID_CN, is_resident_id),
    (SensitiveKind.CARD, is_card),
    (SensitiveKind.NATIONAL_ID, is_national_id),
    (SensitiveKind.PHONE, is_phone),
)
# of a number that is written as one; a phone may be compared with each country's
_STEPS = {SensitiveKind.RESIDENT_ID_CN: 2, SensitiveKind.CARD: 1, SensitiveKind.NATIONAL_ID: 3, SensitiveKind.PHONE: 30}


def numbers(span: Span) -> Iterator[Sighting]:
    """Everything that is told by its digits, of the kinds that are still looked for."""
    kinds = [(kind, check) for kind, check in _KINDS if kind in span.kinds]
    for run in runs(span):
        taken = -1
        for number in run:
            if number.start < taken:
                continue
            span.meter.work()
            for kind, check in kinds:
                valid = check(number)
                if valid is None:
                    continue
                span.meter.work(_STEPS[kind])
                with_letter = kind is SensitiveKind.RESIDENT_ID_CN and len(number.digits) == 17
                yield Sighting(kind, number.start - (number.prefix == "+"), number.end + with_letter, valid)
                if valid:
                    taken = number.end
                    break
