"""Which fields which vendor takes: the tables agree with one another."""

import msgspec

from gateway.providers.fields_beside_chat import uncommon
from gateway.providers.request_fields import ESSENTIAL, EXTRA, OPENAI_CHAT
from gateway.providers.vendors import FIELDS, VENDORS
from gateway.values.surface import Serves


def test_every_vendor_says_what_it_takes() -> None:
    assert FIELDS.keys() == VENDORS.keys()


def test_a_field_of_one_vendor_is_known_to_all() -> None:
    """Else it would be sent where it is refused, or be left out and not told."""
    for vendor, taken in FIELDS.items():
        everywhere = (taken.names or frozenset()) - EXTRA
        assert everywhere <= (OPENAI_CHAT.names or frozenset()) - EXTRA, vendor


def test_what_matters_is_known() -> None:
    """On one of the surfaces at least: else nobody looks for it."""
    body = dict.fromkeys(ESSENTIAL, msgspec.Raw(b"1"))
    found = EXTRA.union(*(uncommon(body, serves)[1] for serves in (Serves.COMPLETIONS, Serves.EMBEDDINGS)))
    assert found >= ESSENTIAL
