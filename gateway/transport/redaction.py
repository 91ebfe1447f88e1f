"""Takes a deployment's credential out of what its provider says: some repeat it in their errors (FAULTS X6, law 11).

As it is and in any case, shortened or masked (`sk-ab...wxyz`), and in base64, hex or percent-encoding: what an error page
or a proxy in between makes of a header. A provider that wants to give the key away can do so in an answer; this is for
those that mean no harm.
"""

import base64
import functools
import re
from collections.abc import Iterable
from itertools import islice
from urllib.parse import quote

REDACTED = "[redacted]"
_FRAGMENT = 8  # so many characters in a row are no accident
_SHORT = 4  # so many of both ends that a mask leaves, or of the end alone
_MASK = re.compile(r"[*•●…·#]+|\.{2,}|x{3,}|_{3,}|-{3,}")
_WORD = re.compile(r"[^\s\"'`,;:=()<>\[\]{}]+")
_MOST_MASKS = 64  # of a text: it is looked at on the event loop
_KEPT, _LONGEST_KEPT = 512, 256  # texts; models and finish reasons are the same ones each time


class Redactor:
    """Of one deployment. `values`: those of its credential headers; the last word is the secret, before it is a scheme."""

    def __init__(self, values: Iterable[str]) -> None:
        whole = [value for value in values if value]
        every = sorted({value.rpartition(" ")[2] for value in whole} - {""}, key=len, reverse=True)
        # only as they are: with the scheme, and short ones such as vLLM's EMPTY
        self._exact = [*whole, *(token for token in every if len(token) < _FRAGMENT)]
        self._secrets = [token.lower() for token in every if len(token) >= _FRAGMENT]
        spelled = [spelling for token in every for spelling in _spellings(token)]
        self._fragments = {one[at : at + _FRAGMENT] for one in spelled for at in range(len(one) - _FRAGMENT + 1)}
        self._known = functools.lru_cache(_KEPT)(self._redacted)
        self._is_needed = bool(every)

    def redact(self, text: str) -> str:
        """The text without the credential."""
        if not self._is_needed:
            return text
        return self._known(text) if len(text) <= _LONGEST_KEPT else self._redacted(text)

    def _redacted(self, text: str) -> str:
        for start, end in reversed(_joined(self._places(text))):
            text = text[:start] + REDACTED + text[end:]
        return text

    def _places(self, text: str) -> Iterable[tuple[int, int]]:
        for token in self._exact:
            yield from (one.span() for one in re.finditer(re.escape(token), text))
        lower = text.lower()
        if len(lower) != len(text):  # a letter that is two in lower case: none of a credential
            lower = "".join(one.lower() if len(one.lower()) == 1 else "\0" for one in text)
        for at in range(len(lower) - _FRAGMENT + 1):
            if lower[at : at + _FRAGMENT] in self._fragments:
                yield at, at + _FRAGMENT
        for secret in self._secrets:
            yield from _shortened(secret, lower)


def _shortened(secret: str, lower: str) -> Iterable[tuple[int, int]]:
    """Where a word is what a mask has left of the secret, or its last characters alone."""
    masks_left = _MOST_MASKS
    for word in _WORD.finditer(lower):
        start, text = word.start(), word.group().rstrip(".!?")
        if _SHORT <= len(text) < _FRAGMENT and secret.endswith(text):
            yield start, start + len(text)
            continue
        for mask in islice(_MASK.finditer(word.group()), masks_left):
            masks_left -= 1
            left = lower[max(start, start + mask.start() - len(secret)) : start + mask.start()]
            right = lower[start + mask.end() : min(word.end(), start + mask.end() + len(secret))]
            before = next((n for n in range(len(left), 0, -1) if secret.startswith(left[-n:])), 0)
            after = next((n for n in range(len(right), 0, -1) if secret.endswith(right[:n])), 0)
            if before + after >= _SHORT:
                yield start + mask.start() - before, start + mask.end() + after


def _spellings(token: str) -> Iterable[str]:
    """All in lower case, for what is base64 and then changed in case is still the token."""
    yield token.lower()
    yield quote(token, safe="").lower()
    yield token.encode().hex()
    for before in range(3):  # where in a group of three bytes it begins; characters that hold others' bits are left out
        encoded = base64.b64encode(b"\0" * before + token.encode()).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[before] :].lower()
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that touch are one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
