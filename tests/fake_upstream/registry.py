"""The table of behaviours. A model's name is what the server does with the request: `cut_after@3` has a parameter."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tests.fake_upstream.exchange import Exchange

Act = Callable[[Exchange], Awaitable[None]]
Modes = Literal["json", "stream", "both", "vectors"]
MAX_PARAMETER = 100_000


@dataclass(frozen=True)
class Behaviour:
    """One row. `modes`: the kinds of request it is for; `vectors` are for embeddings alone. `hangs`: it never ends by itself, the client has to leave.

    `default` is the parameter's value where the name has none, `unit` what it counts; None and "" if it takes none.
    `group` is the module it lives in.
    """

    name: str
    modes: Modes
    meaning: str
    group: str
    default: int | None
    unit: str
    hangs: bool
    act: Act

    def fits(self, *, stream: bool, vectors: bool = False) -> bool:
        """Is it for this kind of request?"""
        if self.modes == "vectors":
            return vectors
        return self.modes in ("both", "stream" if stream else "json")

    def row(self) -> dict[str, Any]:
        """The row as data, without the function."""
        return {name: value for name, value in asdict(self).items() if name != "act"}


Table = dict[str, Behaviour]
BEHAVIOURS: Table = {}  # of chat completions
MESSAGES: Table = {}  # of Anthropic's Messages
RESPONSES: Table = {}  # of OpenAI's Responses
CONVERSE: Table = {}  # of Amazon Bedrock's Converse
GEMINI: Table = {}  # of Gemini's generateContent


class UnknownModel(Exception):
    """No behaviour has this name, or the parameter is none that it takes."""


def behaviour(
    name: str,
    modes: Modes,
    *,
    default: int | None = None,
    unit: str = "",
    hangs: bool = False,
    table: Table = BEHAVIOURS,
) -> Callable[[Act], Act]:
    """Register the function below as the behaviour `name`; its docstring is the meaning."""

    def register(act: Act) -> Act:
        meaning = " ".join((act.__doc__ or "").split())
        add(Behaviour(name, modes, meaning, act.__module__.rpartition(".")[2], default, unit, hangs, act), table)
        return act

    return register


def add(row: Behaviour, table: Table = BEHAVIOURS) -> None:
    """Register a row. Names are unique and each has a meaning."""
    if row.name in table or not row.meaning or "@" in row.name:
        raise ValueError(f"behaviour {row.name!r}: a unique name without '@' and a docstring are needed")
    table[row.name] = row


def find(model: str, table: Table = BEHAVIOURS) -> tuple[Behaviour, int]:
    """The behaviour that a model name stands for, and its parameter (0 if it takes none). Raises UnknownModel."""
    name, at, given = model.partition("@")
    row = table.get(name)
    if row is None:
        raise UnknownModel(f"no behaviour is named {name!r}")
    if not at:
        return row, row.default or 0
    if row.default is None or not given.isascii() or not given.isdigit() or int(given) > MAX_PARAMETER:
        raise UnknownModel(f"{name!r} takes no parameter {given!r}")
    return row, int(given)


def cases(table: Table = BEHAVIOURS) -> Iterator[tuple[Behaviour, bool]]:
    """Every behaviour of chats in every mode that it is for: (row, stream)."""
    for row in table.values():
        for stream in (False, True):
            if row.fits(stream=stream):
                yield row, stream
