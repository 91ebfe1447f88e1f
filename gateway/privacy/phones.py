"""Phone numbers: international ones, and those of China, the USA, Canada and Europe as they are written at home.

A number without `+` is one if it is written as only phones are, or after a word that says phone.
"""

import re

import phonenumbers
from phonenumbers import NumberParseException

from gateway.privacy.digits import Number

_TRUNK = ("GB", "DE", "FR", "IT", "NL", "BE", "SE", "FI", "IE", "AT", "CH", "RO", "BG", "HR", "SK", "SI")
_HOME = (
    "US",
    "CN",
    *_TRUNK,
    "ES",
    "PL",
    "PT",
    "DK",
    "NO",
    "CZ",
    "HU",
    "GR",
    "LT",
    "LV",
    "EE",
    "LU",
    "CY",
    "MT",
    "IS",
    "HK",
    "TW",
)

_WORDS = re.compile(
    r"phone|\btel\b|\btel[.:)]|téléph|telef|teléf|puhelin|mobile\b(?!/)|mobil(?!e)|móvil|movil|\bcell|handy|\bgsm\b|fax|whats ?app"
    r"|\bsms\b|signal|\bcall(?: me| us| at|:| on)|\btext me|reach me|contact|ring me|\btlf|\bnummer\b|numéro"
    r"|电话|電話|手机|手機|联系|聯絡|拨打|致电|座机|热线|微信|号码是"
)
_OTHERS = re.compile(
    r"order|invoice|ticket|track|ref(?:erence)?\b|\bid\b|_id|serial|sku|isbn|issn|version|batch|timestamp|account|commit|build"
    r"|\bcase\b|\bnumber of\b|\bindex|offset|bytes|total|amount|price|订单|单号|编号|流水|序列"
)
_DIALLED = re.compile(r"00[ -]?[1-9]")
_NANP = re.compile(r"1?[2-9][0-9]{2}[2-9][0-9]{6}\Z")
_NANP_WRITTEN = re.compile(
    r"(?:1[-. ]{1,2})?\(?[0-9]{3}"
    r"(?:\) ?-?[0-9]{3}-[0-9]{4}|\) ?[0-9]{3}[-. ][0-9]{4}|([-.])[0-9]{3}\1[0-9]{4}| [0-9]{3}[- ][0-9]{4})\Z"
)
_CN_MOBILE = re.compile(r"1[3-9][0-9]{9}\Z")
_CN_SHAPES = {(11,), (3, 4, 4), (3, 8), (3, 3, 5), (5, 6)}
_CN_LANDLINE = re.compile(r"\(?0[0-9]{2,3}[-) ]{1,2}(?:[2-9][0-9]{6,7}|[2-9][0-9]{2,3}[- ][0-9]{4})\Z")
_OTHER_SHAPES = {(3, 2, 4), (5, 4)}  # a social security number, whether or not it was ever issued; a long ZIP code
_NEAR = 40  # characters


def is_phone(number: Number) -> bool | None:
    """None where nothing says that it is a phone."""
    if number.prefix == "+" or (_DIALLED.match(number.written) and number.prefix != "."):  # not a second's fraction
        return _international(number)
    if number.suffix or number.shape in _OTHER_SHAPES or number.prefix in ("/", "."):
        return None
    return _as_at_home(number)


def _is_address(number: Number) -> bool:
    """192.168.100.200"""
    return len(number.shape) == 4 and max(number.shape) <= 3 and set(number.between) == {"."}


def _as_at_home(number: Number) -> bool | None:
    if _cn(number):
        return True
    written = ("(" if number.prefix == "(" else "") + number.written
    if _NANP.match(number.digits) and _NANP_WRITTEN.match(written):
        return not _OTHERS.search(number.before[-20:])
    if _is_address(number):
        return None
    if _WORDS.search(number.before[-_NEAR:]) and not _OTHERS.search(number.before[-12:]):
        return _NANP.match(number.digits) is not None or _valid_somewhere(number.digits, _HOME)
    return _valid_somewhere(number.digits, _TRUNK) if _grouped_with_trunk(number) else None


def _cn(number: Number) -> bool:
    if _CN_MOBILE.match(number.digits) and number.shape in _CN_SHAPES and len(set(number.between)) <= 1:
        return number.prefix not in ("$", "€", "£", "#", "-", "/", "_", ".", "=") and not _OTHERS.search(
            number.before[-20:]
        )
    written = ("(" if number.prefix == "(" else "") + number.written
    return bool(_CN_LANDLINE.match(written)) and _valid_somewhere(number.digits, ("CN",))


def _grouped_with_trunk(number: Number) -> bool:
    """030 123456, 01 23 45 67 89, (020) 7946 0958."""
    if not 2 <= len(number.shape) <= 5 or not 9 <= len(number.digits) <= 12 or number.digits[0] != "0":
        return False
    return min(number.shape) >= 2 and len(set(number.between[1:])) <= 1 and "." not in number.between[:1]


def _international(number: Number) -> bool | None:
    digits = number.digits.removeprefix("00") if number.prefix != "+" else number.digits
    if not 8 <= len(digits) <= 16:
        return None
    if number.prefix != "+" and len(number.shape) == 1 and not _WORDS.search(number.before[-_NEAR:]):
        return None
    digits = re.sub(r"\(0\)", "", number.written) if "(0)" in number.written else digits
    try:
        parsed = phonenumbers.parse("+" + digits.removeprefix("00"))
    except NumberParseException:
        return False
    if phonenumbers.is_valid_number(parsed):
        return True
    spelled = len(number.shape) > 1 or _WORDS.search(number.before[-_NEAR:]) is not None
    return spelled and number.prefix == "+" and phonenumbers.is_possible_number(parsed)


def _valid_somewhere(digits: str, regions: tuple[str, ...]) -> bool:
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, region)):
                return True
        except NumberParseException:
            continue
    return False
