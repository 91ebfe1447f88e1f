"""The documents of a request, in the form that a provider takes.

Callers send texts, or objects: `{"text": ...}` (Cohere v1, Jina), `{"image": ...}` (Jina), `{"content": [...]}` (vLLM).
Cohere v2 takes texts alone.
"""

import enum
from typing import Any

import msgspec

from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause

_MANY = 512  # documents between two pauses


class Documents(enum.Enum):
    """What a provider takes as a document."""

    TEXTS = "texts"
    TEXTS_OR_CONTENT = "content"  # vLLM's
    ANY = "any"


def in_form(documents: list[Any], form: Documents, pause: Pause) -> tuple[list[Any], tuple[str, ...]]:
    """The documents as the provider takes them, and what they do not say: paths. Raises AttemptFailed (field_refused) for
    one that has no such form.
    """
    if form is Documents.ANY:
        return documents, ()
    lost: set[str] = set()
    made: list[Any] = []
    for at, one in enumerate(documents):
        if at % _MANY == _MANY - 1:
            pause()
        made.append(_in_form(one, at, form, lost))
    return made, tuple(sorted(lost))


def _in_form(one: Any, at: int, form: Documents, lost: set[str]) -> Any:
    if isinstance(one, str) or (form is Documents.TEXTS_OR_CONTENT and "content" in one):
        return one
    text = one.get("text")
    if not isinstance(text, str):
        where = f"documents[{at}]"
        raise AttemptFailed(Outcome.FIELD_REFUSED, f"{where} has no text, and no other form here", param=where)
    lost.update(f"documents[].{name}" for name in one if name != "text")
    return text


def as_answered(document: Any) -> Any:
    """A document as an answer holds it."""
    return {"text": document} if isinstance(document, str) else document


decode_documents = msgspec.json.Decoder(list[str | dict[str, Any]]).decode
