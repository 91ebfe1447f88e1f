"""What callers of one dialect get, and providers of another are sent, written out: tests/golden/pairs/.

`GOLDEN_WRITE=1` writes them, to be read before they are committed. That they agree with what was recorded is seen in
`test_pairs.py`; here a change of a byte is seen.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects.contract import Preparer
from gateway.dialects.translated import translated
from gateway.providers.vendors import CALLERS
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed
from tests.dialects.anthropic.support import target
from tests.dialects.test_pairs import (
    ANSWERS,
    DIALECTS,
    FOLDER,
    NATIVE,
    PAIRS,
    PLAIN,
    PROVIDERS,
    is_stream,
    judged_whole,
    outcome,
    played,
    request_of,
)

PAIRS_FOLDER = FOLDER / "pairs"
CHOSEN = {
    "anthropic": {
        "text", "tools", "thinking", "refusal", "server-tools", "stream-text", "stream-tools", "stream-thinking",
        "stream-server-tools",
    },
    "vllm": {"chat", "tools-auto", "chat-stream-usage", "tools-named-stream", "chat-logprobs"},
    "openai": {"default", "streaming"},
    "gemini": {"text", "tools", "thinking", "safety", "stream-tools", "stream-thinking"},
    "bedrock": {"text", "tools", "thinking", "cited", "stream-text", "stream-tools", "stream-thinking"},
}  # fmt: skip
ASKED = {
    "anthropic": {"tool-results", "thinking", "cache", "format"},
    "vllm": {"tools-auto", "json-schema", "chat-stream-usage"},
    "openai": {"functions", "image-input", "logprobs"},
    "llama_cpp": {"json-object"},
}
SPOKEN_BY_CALLERS = {dialect.name for dialect in CALLERS.values()}
GIVEN = [one for one in ANSWERS if one[0] in SPOKEN_BY_CALLERS and one[2].stem in CHOSEN.get(one[2].parent.name, ())]
SENT = [
    (asks, answers, path)
    for asks, answers in PAIRS
    for path in sorted(FOLDER.glob("*/*.request.json"))
    if path.name.removesuffix(".request.json") in ASKED.get(path.parent.name, ())
    and asks == ("anthropic" if path.parent.name == "anthropic" else "openai")
]


def name_of(one: tuple[str, str, Path]) -> str:
    asks, answers, path = one
    return f"{asks}-{answers}-{path.parent.name}-{path.name.split('.')[0]}"


def held_against(file: Path, made: bytes) -> None:
    if os.environ.get("GOLDEN_WRITE"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(made)
    assert file.read_bytes() == made


@pytest.mark.parametrize("one", GIVEN, ids=name_of)
def test_what_a_caller_gets(one: tuple[str, str, Path]) -> None:
    asks, answers, path = one
    pair = translated(DIALECTS[asks], PROVIDERS[answers], NATIVE[answers])
    body = path.read_bytes()
    if is_stream(path):
        judged, made = outcome(played(pair, [body]))
        assert judged == "ok"
    else:
        answer = judged_whole(pair, body, request_of(PLAIN, stream=False))
        assert isinstance(answer, WholeAnswer)
        made = answer.body + b"\n"
    held_against(PAIRS_FOLDER / f"{name_of(one)}.answer", made)


@pytest.mark.parametrize("one", SENT, ids=name_of)
def test_what_a_provider_is_sent(one: tuple[str, str, Path]) -> None:
    asks, answers, path = one
    body = json.loads(path.read_text())
    pair: Any = translated(DIALECTS[asks], PROVIDERS[answers], NATIVE[answers])
    assert isinstance(pair, Preparer)
    made: dict[str, Any]
    try:
        ready = pair.prepare(request_of(body, stream=bool(body.get("stream"))))
    except AttemptFailed as refused:
        made = {"refused": refused.message}
    else:
        call = pair.encode(ready.request, target())
        made = {"sent": json.loads(call.body), "lost": ready.lost, "adapted": ready.adapted}
    held_against(PAIRS_FOLDER / f"{name_of(one)}.sent.json", json.dumps(made, indent=1).encode() + b"\n")
