"""A whole answer of Converse, given as the stream that was asked for: some proxies do not stream."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.dialects.bedrock.wire import ABSENT, event_frame, read
from gateway.values.outcome import AttemptFailed, Outcome

_decoder = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode
_OF_THE_STOP = ("stopReason", "additionalModelResponseFields")
_OF_THE_END = ("usage", "metrics", "serviceTier")


def as_stream(body: bytes) -> bytes:
    """The messages of an answer that was found to be one. Raises AttemptFailed where what nobody reads of it is no JSON."""
    answer = read(_decoder, body)
    if answer is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an answer of Converse")
    return b"".join(event_frame(name, payload) for name, payload in _events(answer))


def _events(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(answer["output"]["message"]["content"]):
        at = {"contentBlockIndex": index}
        call = block.get("toolUse")
        if call is not None:
            start = {name: value for name, value in call.items() if name != "input"}
            yield "contentBlockStart", {"start": {"toolUse": start}, **at}
        for delta in _deltas(block):
            yield "contentBlockDelta", {"delta": delta, **at}
        yield "contentBlockStop", at
    yield "messageStop", {name: answer[name] for name in _OF_THE_STOP if name in answer}
    yield "metadata", {"usage": ABSENT, **{name: answer[name] for name in _OF_THE_END if name in answer}}


def _deltas(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if block.get("text"):
        yield {"text": block["text"]}
    for cited in (block.get("citationsContent") or {}).get("content") or ():
        if cited.get("text"):
            yield {"text": cited["text"]}
    if (call := block.get("toolUse")) is not None and call.get("input") is not None:
        yield {"toolUse": {"input": _encode(call["input"]).decode()}}
    thought = block.get("reasoningContent") or {}
    for name, value in {
        **(thought.get("reasoningText") or {}),
        "redactedContent": thought.get("redactedContent"),
    }.items():
        if value:
            yield {"reasoningContent": {name: value}}
