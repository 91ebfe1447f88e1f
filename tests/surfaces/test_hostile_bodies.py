"""Bodies that nobody should send, on the surfaces beside chat: a clear 400, and the service stays up."""

import json
from typing import Any

import pytest

from gateway.http.errors import ApiError
from gateway.surfaces.row import SurfaceRow
from gateway.surfaces.table import COMPLETIONS, EMBEDDINGS, MESSAGES
from gateway.values.caller import Caller

NESTED: Any = []
for _ in range(400):
    NESTED = [{"type": "tool_result", "tool_use_id": "t", "content": NESTED}]


def read(row: SurfaceRow, body: dict[str, Any]) -> Any:
    return row.read(json.dumps(body).encode(), {}, Caller.anonymous(), "id")


@pytest.mark.parametrize(
    ("row", "body", "param"),
    [
        (EMBEDDINGS, {"model": "m", "input": "x", "stream": True}, "stream"),
        (EMBEDDINGS, {"model": "m", "input": []}, "input"),
        (EMBEDDINGS, {"model": "m", "input": ["a", 1]}, "input"),
        (EMBEDDINGS, {"model": "m", "input": "x", "dimensions": 0}, "dimensions"),
        (COMPLETIONS, {"model": "m", "prompt": [[1], "a"]}, "prompt"),
        (MESSAGES, {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": NESTED}]}, "messages"),
        (MESSAGES, {"model": "m", "max_tokens": -1, "messages": [{"role": "user", "content": "x"}]}, "max_tokens"),
        (MESSAGES, {"model": "m", "max_tokens": 5, "messages": [{"role": "root", "content": "x"}]}, "messages[0].role"),
    ],
    ids=["stream", "none", "mixed", "dimensions", "mixed prompts", "nested", "negative", "role"],
)
def test_they_are_refused(row: SurfaceRow, body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as refused:
        read(row, body)
    assert (refused.value.status, refused.value.param) == (400, param)


def test_each_input_has_a_context_of_its_own() -> None:
    facts = read(EMBEDDINGS, {"model": "m", "input": ["x" * 40] * 1000}).facts
    assert facts.longest_prompt_tokens == 11
    assert facts.prompt_tokens == 11_000
