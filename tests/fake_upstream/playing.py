"""What a server does whatever the model is called: for upstreams that stand in for real ones under their own names."""

import json
import random

from tests.fake_upstream.registry import (
    BEHAVIOURS,
    CONVERSE,
    GEMINI,
    MESSAGES,
    RESPONSES,
    Behaviour,
    UnknownModel,
    find,
)


class Playing:
    """Behaviours (as model names: `slow@200`) of which each request draws one that is for its mode; none: the model's.

    In order, each request plays the next one, whatever its mode, and the last one stays.
    """

    def __init__(self) -> None:
        self._names: dict[bool, list[str]] = {False: [], True: []}
        self._in_order: list[str] = []
        self._random = random.Random(0)
        self.tokenizer_is_silent = False

    def play(self, body: bytes) -> None:
        """`{"behaviours": [...], "in_order": false, "tokenizer_is_silent": false}`. Raises UnknownModel, ValueError, KeyError, TypeError."""
        told = json.loads(body)
        names: list[str] = told["behaviours"]
        rows = [(name, _known(name)) for name in names]
        by_mode = {
            stream: [
                name for name, row in rows if row.fits(stream=stream) or row.fits(stream=stream, vectors=not stream)
            ]
            for stream in (False, True)
        }
        if names and not any(by_mode.values()):
            raise UnknownModel("none of these behaviours is for any mode")
        self._names = by_mode
        self._in_order = names if told.get("in_order") is True else []
        self.tokenizer_is_silent = told.get("tokenizer_is_silent") is True

    def model(self, asked: str, *, stream: bool) -> str:
        """The behaviour for a request."""
        if self._in_order:
            return self._in_order.pop(0) if len(self._in_order) > 1 else self._in_order[0]
        names = self._names[stream]
        return self._random.choice(names) if names else asked


def _known(name: str) -> Behaviour:
    """In the table of any API."""
    tables = (BEHAVIOURS, MESSAGES, GEMINI, RESPONSES, CONVERSE)
    table = next((one for one in tables if name.partition("@")[0] in one), BEHAVIOURS)
    return find(name, table)[0]
