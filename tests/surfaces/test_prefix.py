"""How a conversation begins: the same number for each of its turns, another for another."""

import json
from typing import Any

from gateway.surfaces.chat_body import read_shape
from gateway.surfaces.fields import parse_fields
from gateway.surfaces.prefix import MOST_CHARACTERS

SYSTEM = {"role": "system", "content": "You are brief."}
HELLO = {"role": "user", "content": "Hello."}


def prefix(*messages: dict[str, Any], with_prefix: bool = True) -> int | None:
    body = json.dumps({"model": "m", "messages": messages}).encode()
    return read_shape(parse_fields(body), with_prefix=with_prefix).prefix


def test_every_turn_of_a_conversation_begins_alike() -> None:
    answer = {"role": "assistant", "content": "Hi."}
    assert prefix(SYSTEM, HELLO) == prefix(SYSTEM, HELLO, answer, {"role": "user", "content": "Go on."})


def test_another_beginning_is_another_number() -> None:
    other = {"role": "user", "content": "Hello!"}
    parts = {"role": "user", "content": [{"type": "text", "text": "Hello."}]}
    found = [prefix(SYSTEM, HELLO), prefix(SYSTEM, other), prefix(HELLO), prefix({**HELLO, "role": "system"}, HELLO)]
    assert len({*found}) == 4
    assert prefix(SYSTEM, parts) == prefix(SYSTEM, HELLO)
    assert all(number is not None and 0 <= number < 2**32 for number in found)


def test_what_is_long_counts_by_its_start() -> None:
    long = {"role": "system", "content": "x" * MOST_CHARACTERS}
    assert prefix(long, HELLO) == prefix(long, {"role": "user", "content": "another"})
    assert prefix({**long, "content": long["content"][1:]}, HELLO) != prefix(
        {**long, "content": long["content"][1:]}, SYSTEM
    )


def test_it_is_only_made_where_it_is_of_use() -> None:
    assert prefix(SYSTEM, HELLO, with_prefix=False) is None
