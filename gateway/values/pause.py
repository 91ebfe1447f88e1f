"""What long work calls between its steps, so that others get a turn; it may raise, where the work is to end."""

from collections.abc import Callable

Pause = Callable[[], None]


def no_pause() -> None:
    """For work that nobody waits beside."""
