"""National numbers of the USA and Europe, each with its country's checks (python-stdnum).

A number of bare digits is one only after a word that says so; one written as only such numbers are needs none.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stdnum.at import tin as at_tin
from stdnum.at import vnr
from stdnum.be import bis, nn
from stdnum.bg import egn
from stdnum.ch import ssn as ch_ssn
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nif as fr_nif
from stdnum.fr import nir
from stdnum.gb import nhs, utr
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale
from stdnum.lt import asmens
from stdnum.lv import pvn
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import nip, pesel
from stdnum.pt import cc
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.si import emso
from stdnum.us import ein, itin, ssn

from gateway.privacy.digits import Number
from gateway.privacy.sighting import Sighting, Span, alone, words_before
from gateway.values.finding import SensitiveKind

_NATIONAL = (
    r"national (?:id|insurance|registration)|social (?:security|insurance)|tax ?(?:payer)?[ _-]?(?:id|number|no\b|file|identif)"
    r"|identi(?:ty|fication) (?:card|number|no|code)|\bid (?:card|number|no\b)|personal (?:id|identity|identification|number|code)"
    r"|national[_ -]?id|tax[_ -]?id|\btin\b|citizen|birth number|insured person|身份证|社保|税号|personnummer|\bssn\b|\bssid\b"
)


class IdFormat(NamedTuple):
    """One kind of number. `plain` is how it is written where no word is needed; None if one always is."""

    country: str
    lengths: tuple[int, ...]
    valid: Callable[[str], bool]
    words: str
    plain: str | None = None


_ROWS = (
    IdFormat("US", (9,), ssn.is_valid, r"\bssn|social security", r"\d{3}-\d{2}-\d{4}"),
    IdFormat("US", (9,), itin.is_valid, r"\bitin|taxpayer", r"9\d{2}-\d{2}-\d{4}"),
    IdFormat("US", (9,), ein.is_valid, r"\bein\b|\bfein\b|employer (?:id|tax)"),
    IdFormat("GB", (10,), nhs.is_valid, r"\bnhs"),
    IdFormat("GB", (10,), utr.is_valid, r"\butr\b|unique taxpayer"),
    IdFormat("DE", (11,), idnr.is_valid, r"steuer|\bidnr|identifikationsnummer", r"\d{2} \d{3} \d{3} \d{3}"),
    IdFormat(
        "FR",
        (15,),
        nir.is_valid,
        r"\bnir\b|sécurité sociale|securite sociale|\binsee\b|\bsécu\b",
        r"[12] ?\d\d ?\d\d ?\d\d ?\d{3} ?\d{3} ?\d\d",
    ),
    IdFormat("FR", (13,), fr_nif.is_valid, r"fiscal|\bspi\b"),
    IdFormat("NL", (9,), bsn.is_valid, r"\bbsn|burgerservice|sofi"),
    IdFormat("PL", (11,), pesel.is_valid, r"pesel"),
    IdFormat("PL", (10,), nip.is_valid, r"\bnip\b"),
    IdFormat(
        "BE",
        (11,),
        nn.is_valid,
        r"rijksregister|registre national|\bniss\b|\binsz\b|\brrn\b",
        r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d",
    ),
    IdFormat(
        "BE",
        (11,),
        bis.is_valid,
        r"\bbis\b|rijksregister|registre national|\bniss\b|\binsz\b",
        r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d",
    ),
    IdFormat("PT", (9,), pt_nif.is_valid, r"\bnif\b|contribuinte"),
    IdFormat("SE", (10, 12), personnummer.is_valid, r"person-?n|samordningsn", r"\d{6}(?:\d\d)?[-+]\d{4}"),
    IdFormat("DK", (10,), cpr.is_valid, r"\bcpr", r"\d{6}-\d{4}"),
    IdFormat("AT", (10,), vnr.is_valid, r"\bsvnr|\bsvn|versicherung|sozialvers", r"\d{4} \d{6}"),
    IdFormat("AT", (9,), at_tin.is_valid, r"steuer|abgabenkonto"),
    IdFormat("NO", (11,), fodselsnummer.is_valid, r"fødsel|fodsel|personn", r"\d{6} \d{5}"),
    IdFormat("CZ", (9, 10), rc.is_valid, r"rodn|\brč\b|\brc\b", r"\d{6}/\d{3,4}"),
    IdFormat("RO", (13,), cnp.is_valid, r"\bcnp|cod numeric"),
    IdFormat("BG", (10,), egn.is_valid, r"\begn|егн"),
    IdFormat("HR", (11,), oib.is_valid, r"\boib"),
    IdFormat("GR", (11,), amka.is_valid, r"amka|αμκα"),
    IdFormat("LT", (11,), asmens.is_valid, r"asmens"),
    IdFormat("LV", (11,), pvn.is_valid, r"personas kod", r"\d{6}-\d{5}"),
    IdFormat("EE", (11,), ik.is_valid, r"isikukood"),
    IdFormat("SI", (13,), emso.is_valid, r"emšo|emso|jmbg"),
    IdFormat("IS", (10,), kennitala.is_valid, r"kennital", r"\d{6}-\d{4}"),
    IdFormat("CH", (13,), ch_ssn.is_valid, r"\bahv|\bavs\b|sozialvers", r"756\.?\d{4}\.?\d{4}\.?\d{2}"),
)
_ANY_NATION = re.compile(_NATIONAL)
_Check = tuple[Callable[[str], bool], re.Pattern[str], re.Pattern[str]]
_NEVER = re.compile(r"(?!)")
_BY_LENGTH: dict[int, list[_Check]] = {}
for _row in _ROWS:
    for _length in _row.lengths:
        _plain = re.compile(_row.plain + r"\Z") if _row.plain else _NEVER
        _BY_LENGTH.setdefault(_length, []).append((_row.valid, re.compile(_row.words), _plain))

# with letters: how it is written, its check, and the words it needs where it is not in capitals
_LETTERED: tuple[tuple[str, Callable[[str], bool], str | None], ...] = (
    (r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]", codicefiscale.is_valid, None),
    (r"[XYZ][ -]?[0-9]{7}[ -]?[A-Z]", nie.is_valid, None),
    (r"[0-9]{8}[ -]?[A-Z]", dni.is_valid, None),
    (r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Z]", hetu.is_valid, None),
    (r"[0-9]{7}[A-Z]{1,2}", pps.is_valid, r"\bpps|revenue|\brsi\b"),
    (r"[12] ?[0-9]{2} ?[0-9]{2} ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", nir.is_valid, None),
    (r"[0-9]{8} ?[0-9] ?[A-Z0-9]{2}[0-9]", cc.is_valid, r"cartão|cartao|cidadão|\bcc\b"),
    (r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D]", bool, None),
)  # fmt: skip
_LETTERED_SHAPES = [re.compile(pattern, re.IGNORECASE | re.ASCII) for pattern, _, _ in _LETTERED]
_LETTERED_WORDS = [
    re.compile(f"{words}|{_NATIONAL}" if words else rf"\bni(?:no|e|f)?\b|\bdni\b|fiscale|hetu|insurance|{_NATIONAL}")
    for _, _, words in _LETTERED
]


def is_national_id(number: Number) -> bool | None:
    """None where it has no such number's length, or nothing says that it is one."""
    checks = _BY_LENGTH.get(len(number.digits))
    if checks is None or number.suffix or number.prefix == "+":
        return None
    tried, said = False, bool(number.before) and _ANY_NATION.search(number.before) is not None
    for valid, words, plain in checks:
        if plain.match(number.written) or said or (number.before and words.search(number.before)):
            tried = True
            if valid(number.written.replace("/", "")) or valid(number.digits):
                return True
    return False if tried else None


def lettered(span: Span) -> Iterator[Sighting]:
    """Numbers with letters in them."""
    for (_, valid, needed), shape, words in zip(_LETTERED, _LETTERED_SHAPES, _LETTERED_WORDS, strict=True):
        for match in shape.finditer(span.text, span.start):
            if match.start() >= span.end:
                break
            span.meter.work()
            if not alone(span.text, *match.span()):
                continue
            written = match.group()
            if (needed is None and written == written.upper()) or words.search(words_before(span.text, match.start())):
                yield Sighting(SensitiveKind.NATIONAL_ID, *match.span(), valid(written.upper()))
