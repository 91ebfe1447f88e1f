"""The close looks: which pattern of the first scan calls for which, what each can find, and what it costs."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from gateway.privacy import scan
from gateway.privacy.credentials import logins, private_keys, tokens
from gateway.privacy.emails import addresses
from gateway.privacy.ibans import accounts
from gateway.privacy.keys import PATTERNS, named, prefixed
from gateway.privacy.national_ids import lettered
from gateway.privacy.numbers import numbers
from gateway.privacy.sighting import Sighting, Span
from gateway.privacy.tally import Tally
from gateway.values.finding import SensitiveKind


class Look(msgspec.Struct, frozen=True):
    """`bit` of the first scan; `steps` of looking at 1,024 characters that hold no candidate."""

    bit: int
    see: Callable[[Span], Iterator[Sighting]]
    kinds: frozenset[SensitiveKind]
    steps: int


_BY_DIGITS = frozenset(
    {SensitiveKind.PHONE, SensitiveKind.CARD, SensitiveKind.NATIONAL_ID, SensitiveKind.RESIDENT_ID_CN}
)
_KEY = frozenset({SensitiveKind.API_KEY})
LOOKS: tuple[Look, ...] = (
    Look(1 << scan.EMAIL, addresses, frozenset({SensitiveKind.EMAIL}), 1),
    Look(1 << scan.NUMBER, numbers, _BY_DIGITS, 4),
    Look(1 << scan.IBAN, accounts, frozenset({SensitiveKind.IBAN}), 4),
    Look(1 << scan.LETTERED, lettered, frozenset({SensitiveKind.NATIONAL_ID}), 30),
    Look(1 << scan.ASSIGNED, named, _KEY, 35),
    Look(1 << scan.JWT, tokens, frozenset({SensitiveKind.JWT}), 3),
    Look(1 << scan.PRIVATE_KEY, private_keys, frozenset({SensitiveKind.PRIVATE_KEY}), 1),
    Look(1 << scan.BASIC_AUTH, logins, _KEY, 3),
    *(Look(1 << (scan.KEY + row), partial(prefixed, key=key), _KEY, 2) for row, key in enumerate(PATTERNS)),
)


def sightings(looks: tuple[Look, ...], span: Span, fired: int, tally: Tally) -> Iterator[Sighting]:
    """What the looks see in a span, as far as their patterns fired and the tally still wants their kinds."""
    for look in looks:
        wanted = tally.wanted(look.kinds) if fired & look.bit else None
        if wanted:
            span.meter.work(look.steps * (len(span.text) // 1024 + 1))
            seen = look.see(span._replace(kinds=wanted))
            yield from (one for one in seen if span.start <= one.start < span.end)
