"""Paths into a chat, as those who call in some dialect know them: by the members of the body that they sent."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_TOOL = re.compile(r"(tools\[\d{1,9}\]\.)([a-z_]+)(.*)", re.DOTALL)
_PART = re.compile(r"turns\[(\d{1,9})\](?:\.parts\[(\d{1,9})\])?(.*)", re.DOTALL)


class PartPath(NamedTuple):
    """Of a turn, and a part of it; `rest` is what of that part, with its dot."""

    turn: int
    part: int | None
    rest: str


def part_path(path: str) -> PartPath | None:
    """None for what is of no turn."""
    found = _PART.fullmatch(path)
    return None if found is None else PartPath(int(found[1]), None if found[2] is None else int(found[2]), found[3])


def tool_path(path: str, names: Mapping[str, str]) -> str | None:
    """A member of a function that the model may call; `names`: where it is another one. None for what is none."""
    found = _TOOL.fullmatch(path)
    return None if found is None else f"{found[1]}{names.get(found[2], found[2])}{found[3]}"


def member_path(path: str, names: Mapping[str, str]) -> str:
    """A member of a chat by its name in a body, the longest that is known; `names`: where it is another one."""
    head, rest = path, ""
    while head not in names:
        head, dot, last = head.rpartition(".")
        if not dot:
            return path
        rest = f".{last}{rest}"
    return names[head] + rest
