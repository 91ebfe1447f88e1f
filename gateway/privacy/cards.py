"""Payment cards: a network's prefix, a length that it issues (ISO/IEC 7812), Luhn's digit, and a way cards are written."""

import re

from stdnum import luhn

from gateway.privacy.digits import Number, fits

# network, first and last prefix, lengths
_NETWORKS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("300", "305", frozenset({14, 16})),  # Diners Club
    ("3095", "3095", frozenset({14, 16})),
    ("36", "36", frozenset({14, 16})),
    ("38", "39", frozenset({14, 16})),
    ("6011", "6011", frozenset({16, 19})),  # Discover
    ("644", "649", frozenset({16, 19})),
    ("65", "65", frozenset({16, 19})),
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("81", "81", frozenset({16})),
    ("35", "35", frozenset({16, 19})),  # JCB, which issues 3528 to 3589
    ("2131", "2131", frozenset({15})),  # JCB's old form
    ("1800", "1800", frozenset({15})),
    ("50", "50", frozenset({12, 13, 16, 19})),  # Maestro
    ("56", "59", frozenset({12, 13, 16, 19})),
    ("60", "61", frozenset({12, 13, 16, 19})),
    ("63", "64", frozenset({12, 13, 16, 19})),
    ("66", "69", frozenset({12, 13, 16, 19})),
    ("2200", "2204", frozenset({16})),  # Mir
)
_WORDS = re.compile(
    r"card|credit|debit|visa|maestro|amex|discover|diners|jcb|unionpay|kredit|carte|carta|tarjeta|cartão|kaart|\bpan\b"
    r"|银行卡|信用卡|卡号|储蓄卡"
)
_CUTS = ({4, 8, 12, 16}, {4, 10}, {4, 9}, {6}, {6, 12})  # after how many digits a card is cut into groups
_ALWAYS = (14, 15, 16, 19)


def is_card(number: Number) -> bool | None:
    """None where it is not written as cards are. Lengths that few cards have need a word that says card."""
    if len(number.digits) < 12 or number.prefix == "+" or not fits(number.shape, _CUTS):
        return None
    if number.suffix or len(set(number.between)) > 1:
        return None
    if not any(len(number.digits) in lengths and _begins(number.digits, *ends) for *ends, lengths in _NETWORKS):
        return None
    if not luhn.is_valid(number.digits) or len(set(number.digits)) == 1:
        return False
    return len(number.digits) in _ALWAYS or _WORDS.search(number.before) is not None


def _begins(digits: str, first: str, last: str) -> bool:
    return first <= digits[: len(first)] <= last
