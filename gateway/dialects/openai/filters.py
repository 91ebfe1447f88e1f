"""`content_filter_results` of a choice: what a filter found, by category.

Source: Microsoft, "Content filtering" (Azure OpenAI): each category has `filtered`; OpenAI itself says none.
"""

from collections.abc import Sequence
from typing import Any

import msgspec


class _Category(msgspec.Struct, gc=False):
    filtered: bool = False


_decode = msgspec.json.Decoder(dict[str, _Category] | None).decode


def blocked_for(results: msgspec.Raw) -> tuple[str, ...]:
    """The categories for which an answer was cut off."""
    try:
        found = _decode(results) or {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(name for name, category in found.items() if category.filtered)


def filter_results(categories: Sequence[str]) -> dict[str, Any]:
    """The same for a caller."""
    return {name: {"filtered": True} for name in categories}
