"""A text as a model says it: in pieces."""

import re

_MAX_PIECES = 256


def said(text: str) -> tuple[str, ...]:
    """A text in pieces of a word each, spaces in front; at most 256, the last one holds the rest."""
    pieces = re.findall(r"\s*\S+|\s+$", text)
    return (
        (*pieces[: _MAX_PIECES - 1], "".join(pieces[_MAX_PIECES - 1 :])) if len(pieces) >= _MAX_PIECES else (*pieces,)
    )
