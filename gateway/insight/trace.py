"""Traffic from a trace: a CSV file in the form of Azure's public ones (TIMESTAMP, ContextTokens, GeneratedTokens).

A trace knows times and sizes only. Each line becomes a streaming chat of one model without tags or findings, and of one caller.
"""

import csv
import datetime as dt
import math
import zlib
from collections.abc import Iterable, Iterator
from typing import NoReturn

from gateway.insight.traffic import Arrival, Traffic
from gateway.values.caller import Caller
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.request import Facts

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_MOST_TOKENS = 10**9


def read_trace(  # noqa: PLR0913 - what a trace leaves open
    lines: Iterable[str],
    file: str,
    model: str,
    *,
    seed: int = 0,
    speed: float = 1.0,
    limit: int | None = None,
    caller: Caller | None = None,
) -> Traffic:
    """The requests of a trace, in the order of time. `speed` 2: they come in half the time; `limit`: the first so many;
    `caller`: whose they all are.

    Raises InvalidDocument, with the line, at the first thing that is wrong.
    """
    rows: list[tuple[float, int, int]] = []
    for at, context, generated in _rows(lines, file):
        if limit is not None and len(rows) >= limit:
            break
        rows.append((at, context, generated))
    if not rows:
        _refuse(file, 1, "at least one request", "none")
    rows.sort(key=lambda row: row[0])
    first, asks = rows[0][0], caller or Caller.anonymous()
    return Traffic(
        source=file,
        requests=tuple(
            Arrival(
                id=f"{number:08d}",
                at=first + (at - first) / speed,
                facts=Facts(
                    model=model,
                    sensitivity=asks.floor,
                    key=asks.key,
                    team=asks.team,
                    scope=asks.models,
                    tags=dict(asks.tags),
                    needs=frozenset(),
                    prompt_tokens=context,
                    max_output_tokens=None,
                    stream=True,
                ),
                prompt_tokens=context,
                output_tokens=generated,
                seed=zlib.crc32(f"{seed}/{number}".encode()),
            )
            for number, (at, context, generated) in enumerate(rows)
        ),
    )


def _rows(lines: Iterable[str], file: str) -> Iterator[tuple[float, int, int]]:
    reader = csv.reader(lines, strict=True)
    try:
        header = tuple(name.strip().lstrip("\ufeff") for name in next(reader, ()))
        if header != COLUMNS:
            _refuse(file, 1, f"the columns {', '.join(COLUMNS)}", ", ".join(header) or "nothing")
        for row in reader:
            number = reader.line_num
            if not row:
                continue
            if len(row) != len(COLUMNS):
                _refuse(file, number, f"{len(COLUMNS)} columns", str(len(row)))
            yield _time(row[0], file, number), _tokens(row[1], 1, file, number), _tokens(row[2], 2, file, number)
    except (csv.Error, UnicodeDecodeError) as error:
        _refuse(file, reader.line_num, "CSV in UTF-8", str(error))


def _time(text: str, file: str, line: int) -> float:
    """Fractions beyond microseconds are cut off; without a zone it is UTC."""
    try:
        at = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        _refuse(file, line, "a time like 2023-11-16 18:15:46.680590", repr(text[:40]), COLUMNS[0])
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()


def _tokens(text: str, column: int, file: str, line: int) -> int:
    try:
        tokens = float(text)
    except ValueError:
        tokens = math.nan
    if not (tokens.is_integer() and 0 <= tokens <= _MOST_TOKENS):
        _refuse(file, line, "a number of tokens", repr(text[:40]), COLUMNS[column])
    return int(tokens)


def _refuse(file: str, line: int, expected: str, found: str, path: str = "") -> NoReturn:
    raise InvalidDocument([Problem(file=file, line=line, column=None, path=path, expected=expected, found=found)])
