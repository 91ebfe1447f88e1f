"""The bus. A listener is a callable for one type of record; a listener that fails is logged and harms nobody.

To add a listener: one file here, and one `subscribe` in gateway/app.py.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

Record = TypeVar("Record", bound=msgspec.Struct)
_log = logging.getLogger(__name__)


class Bus:
    """Publishes on the caller's thread, at once, in the order of subscription: a listener must be quick."""

    def __init__(self) -> None:
        self._listeners: dict[type[msgspec.Struct], list[Callable[[Any], None]]] = {}

    def subscribe(self, kind: type[Record], listener: Callable[[Record], None]) -> None:
        """Call `listener` with each record of exactly this type."""
        self._listeners.setdefault(kind, []).append(listener)

    def publish(self, record: msgspec.Struct) -> None:
        """Tell all listeners. Never raises."""
        for listener in self._listeners.get(type(record), ()):
            try:
                listener(record)
            except Exception:  # noqa: BLE001 - whatever it is, the request must not suffer
                _log.exception("a listener failed on %s", type(record).__name__)
