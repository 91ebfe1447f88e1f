"""Amazon Bedrock's Converse, as a provider for tests speaks it: `POST /model/NAME/converse` and `.../converse-stream`.

A model's name is its behaviour here too, in a table of its own (`CONVERSE`). Shapes are those of the API reference of Amazon
Bedrock Runtime (2023-09-30, as of November 2026). Frames are packed here: no code is shared with the gateway.
"""

import hashlib
import itertools
import json
import re
import struct
from typing import Any
from urllib.parse import unquote
from zlib import crc32

from tests.fake_upstream.call import BadCall, Call
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.http1 import Request
from tests.fake_upstream.registry import CONVERSE, Act, Behaviour, add, behaviour
from tests.fake_upstream.said import said
from tests.fake_upstream.wire import Header, as_json

PATH = "/model/NAME/converse"  # as records name it
_PATH = re.compile(r"(?:/v1)?/model/([^/]+)/(converse|converse-stream)")
FRAMES: Header = ("content-type", "application/vnd.amazon.eventstream")
_ID: Header = ("x-amzn-requestid", "7b2e6a1c-0000-4000-8000-1234567890ab")
_STEP_MS, _A_WHILE_MS = 20, 100
_MEMBERS = frozenset({
    "messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields", "additionalModelResponseFieldPaths",
    "serviceTier", "outputConfig",
})  # fmt: skip


def is_converse(request: Request) -> bool:
    """Is it a call of this API?"""
    return _PATH.fullmatch(request.path) is not None


def parse(request: Request) -> Call:
    """Raises BadCall with the words of the API. A token is a word."""
    found = _PATH.fullmatch(request.path)
    assert found is not None
    try:
        fields = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadCall("Malformed input request, please reformat your input and try again.") from None
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages or messages[0]["role"] != "user":
        raise BadCall("A conversation must start with a user message.")
    for name in fields.keys() - _MEMBERS:
        raise BadCall(f"Malformed input request: #: extraneous key [{name}] is not permitted")
    texts = [block.get("text", "") for message in messages for block in message["content"]]
    if any("text" in block and not block["text"].strip() for message in messages for block in message["content"]):
        raise BadCall("The text field in the ContentBlock object is blank. Add text to the text field, and try again.")
    return Call(
        id=hashlib.sha256(request.body).hexdigest()[:24],
        model=unquote(found[1]),
        stream=found[2] == "converse-stream",
        include_usage=True,
        n=1,
        text=" ".join(block.get("text", "") for block in messages[-1]["content"]).strip(),
        prompt_tokens=max(1, len(" ".join(texts).split())),
        fields=fields,
    )


def frame(name: str, payload: Any, kind: str = "event") -> bytes:
    """One message: `kind` is event or exception."""
    named = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    headers = b"".join(
        bytes((len(key),)) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in named.items()
    )
    body = as_json(payload)
    lengths = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = lengths + struct.pack(">I", crc32(lengths)) + headers + body
    return message + struct.pack(">I", crc32(message))


def usage(x: Exchange, output: int, **more: int) -> dict[str, Any]:
    """What was used; of the cache beside the prompt."""
    total = x.call.prompt_tokens + output + sum(more.values())
    return {"inputTokens": x.call.prompt_tokens, "outputTokens": output, "totalTokens": total, **more}


class Said:
    """An answer of text, in pieces, after a thought or before a call."""

    def __init__(
        self, x: Exchange, *pieces: str, reason: str = "end_turn", tool: bool = False, thought: str = "", **used: int
    ) -> None:
        self.pieces, self.reason, self.tool, self.thought = pieces, reason, tool, thought
        self.usage = usage(x, max(1, len(pieces)), **used)
        offered = x.call.fields.get("toolConfig", {}).get("tools") or [{"toolSpec": {"name": "get_weather"}}]
        self.start = {"toolUse": {"toolUseId": "tooluse_1", "name": offered[0]["toolSpec"]["name"]}}

    def whole(self) -> bytes:
        """Not streamed."""
        content: list[dict[str, Any]] = []
        if self.thought:
            content.append({"reasoningContent": {"reasoningText": {"text": self.thought, "signature": "c2ln"}}})
        if self.pieces:
            content.append({"text": "".join(self.pieces)})
        if self.tool:
            content.append({"toolUse": {**self.start["toolUse"], "input": {"city": "Paris"}}})
        body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": self.reason}
        return as_json({**body, "usage": self.usage, "metrics": {"latencyMs": 1}})

    def first(self, deltas: int) -> list[bytes]:
        """The stream up to so many pieces of its text."""
        frames = [frame("messageStart", {"role": "assistant"})]
        if self.thought:
            frames += [
                _delta(0, {"reasoningContent": {"text": self.thought}}),
                _delta(0, {"reasoningContent": {"signature": "c2ln"}}),
            ]
            frames.append(frame("contentBlockStop", {"contentBlockIndex": 0}))
        return [*frames, *(_delta(1, {"text": piece}) for piece in self.pieces[:deltas])]

    def stream(self) -> list[bytes]:
        """All of it but its end."""
        frames = [*self.first(len(self.pieces)), frame("contentBlockStop", {"contentBlockIndex": 1})]
        if self.tool:
            frames.append(frame("contentBlockStart", {"contentBlockIndex": 2, "start": self.start}))
            frames += [_delta(2, {"toolUse": {"input": piece}}) for piece in ("", '{"ci', 'ty":"Paris"}')]
            frames.append(frame("contentBlockStop", {"contentBlockIndex": 2}))
        return frames

    def end(self) -> list[bytes]:
        """Why it ended, and what was used."""
        return [
            frame("messageStop", {"stopReason": self.reason}),
            frame("metadata", {"usage": self.usage, "metrics": {"latencyMs": 1}}),
        ]


def _delta(index: int, delta: Any) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abcdef"})


def echo(x: Exchange, **more: Any) -> Said:
    """What `ok` says."""
    return Said(x, *said(f"You said: {x.call.text}"), **more)


def counted(x: Exchange, tokens: int, **more: Any) -> Said:
    """Numbers from 0."""
    return Said(x, *(f" {number}" if number else "0" for number in range(tokens)), **more)


async def say(x: Exchange, answer: Said) -> None:
    """In the mode that was asked for."""
    if not x.call.stream:
        await x.whole(answer.whole(), headers=(_ID,))
        return
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks([*answer.stream(), *answer.end()])
    await x.end()


@behaviour("ok", "both", table=CONVERSE)
async def ok(x: Exchange) -> None:
    """Echoes the text of the last turn."""
    await say(x, echo(x))


@behaviour("tokens", "both", default=64, unit="deltas", table=CONVERSE)
async def tokens(x: Exchange) -> None:
    """Counts: '0 1 2 ...', a delta for each."""
    await say(x, counted(x, x.parameter))


@behaviour("tools", "both", table=CONVERSE)
async def tools(x: Exchange) -> None:
    """Text, then a call of the request's first tool."""
    await say(x, Said(x, "I ", "look.", reason="tool_use", tool=True))


@behaviour("thinking", "both", table=CONVERSE)
async def thinking(x: Exchange) -> None:
    """Thinks, signs it, and answers as ok does."""
    await say(x, echo(x, thought="The user greets me."))


@behaviour("cached", "both", table=CONVERSE)
async def cached(x: Exchange) -> None:
    """Usage with 1000 tokens read from the cache and 200 written to it, beside the rest of the prompt."""
    await say(x, echo(x, cacheReadInputTokens=1000, cacheWriteInputTokens=200))


@behaviour("max_tokens", "both", table=CONVERSE)
async def length(x: Exchange) -> None:
    """Ends at the bound of its output."""
    await say(x, counted(x, 8, reason="max_tokens"))


@behaviour("guardrail", "both", table=CONVERSE)
async def guardrail(x: Exchange) -> None:
    """A guardrail answers instead of the model."""
    await say(x, Said(x, "Sorry, the model cannot answer this.", reason="guardrail_intervened"))


@behaviour("malformed_tool", "both", table=CONVERSE)
async def malformed_tool(x: Exchange) -> None:
    """The model's call cannot be read: Bedrock says so."""
    await say(x, Said(x, "<call", reason="malformed_tool_use"))


@behaviour("empty", "both", table=CONVERSE)
async def empty(x: Exchange) -> None:
    """No content."""
    answer = Said(x)
    answer.usage["outputTokens"] = 0
    await say(x, answer)


@behaviour("error_first", "stream", table=CONVERSE)
async def error_first(x: Exchange) -> None:
    """A throttlingException is all that comes; the body ends well."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks((frame("throttlingException", {"message": "Too many requests, please wait."}, "exception"),))
    await x.end()


@behaviour("error_after", "stream", default=3, unit="deltas", table=CONVERSE)
async def error_after(x: Exchange) -> None:
    """So many deltas, then a modelStreamErrorException; the body ends well."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks(counted(x, 16).first(x.parameter))
    await x.pause(_A_WHILE_MS)  # so that what came before is passed on
    await x.chunks((frame("modelStreamErrorException", {"message": "x", "originalStatusCode": 500}, "exception"),))
    await x.end()


@behaviour("bad_checksum", "stream", default=3, unit="deltas", table=CONVERSE)
async def bad_checksum(x: Exchange) -> None:
    """So many deltas, then a message whose checksum is wrong."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks(counted(x, 16).first(x.parameter))
    await x.pause(_A_WHILE_MS)
    await x.chunks((_delta(1, {"text": " no"})[:-1] + b"\0",))
    await x.end()


@behaviour("cut_after", "stream", default=3, unit="deltas", table=CONVERSE)
async def cut_after(x: Exchange) -> None:
    """So many deltas, then the connection closes within the body."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks(counted(x, 16).first(x.parameter))
    x.fin()


@behaviour("half_message", "stream", default=3, unit="deltas", table=CONVERSE)
async def half_message(x: Exchange) -> None:
    """So many deltas and half of one; the body ends well."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks([*counted(x, 16).first(x.parameter), _delta(1, {"text": " no"})[:-20]])
    await x.end()


@behaviour("no_end", "stream", table=CONVERSE)
async def no_end(x: Exchange) -> None:
    """All deltas, and neither messageStop nor metadata; the body ends well."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks(counted(x, 4).stream())
    await x.end()


@behaviour("no_metadata", "stream", table=CONVERSE)
async def no_metadata(x: Exchange) -> None:
    """All but metadata: it has said why it ended, and the body ends well."""
    answer = echo(x)
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks([*answer.stream(), answer.end()[0]])
    await x.end()


@behaviour("not_streamed", "stream", table=CONVERSE)
async def not_streamed(x: Exchange) -> None:
    """A whole answer, though a stream was asked for."""
    await x.whole(echo(x).whole(), headers=(_ID,))


@behaviour("silent", "both", hangs=True, table=CONVERSE)
async def silent(x: Exchange) -> None:
    """Takes the request and says nothing."""
    await x.hang()


@behaviour("silent_after", "stream", default=3, unit="deltas", hangs=True, table=CONVERSE)
async def silent_after(x: Exchange) -> None:
    """So many deltas, then nothing."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks(counted(x, 16).first(x.parameter))
    await x.hang()


@behaviour("endless", "stream", hangs=True, table=CONVERSE)
async def endless(x: Exchange) -> None:
    """A delta every 20 ms, for ever."""
    await x.open(kind=FRAMES, headers=(_ID,))
    await x.chunks(counted(x, 2).first(1))
    for number in itertools.count(1):
        await x.chunks((_delta(1, {"text": f" {number}"}),))
        await x.pause(_STEP_MS)


ERRORS: tuple[tuple[str, int, str, str], ...] = (
    ("invalid_400", 400, "ValidationException", "The value at messages.0.content is not valid."),
    ("too_long_400", 400, "ValidationException", "Input is too long for requested model."),
    ("no_model_400", 400, "ValidationException", "The provided model identifier is invalid."),
    ("denied_403", 403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    ("expired_403", 403, "ExpiredTokenException", "The security token included in the request is expired"),
    ("not_found_404", 404, "ResourceNotFoundException", "Could not resolve the foundation model."),
    ("model_timeout_408", 408, "ModelTimeoutException", "Model has timed out in processing the request."),
    ("model_error_424", 424, "ModelErrorException", "The system encountered an unexpected error during processing."),
    ("throttled_429", 429, "ThrottlingException", "Too many requests, please wait before trying again."),
    ("not_ready_429", 429, "ModelNotReadyException", "Model is not ready for inference."),
    ("quota_400", 400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
    ("error_500", 500, "InternalServerException", "The system encountered an unexpected error during processing."),
    ("unavailable_503", 503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
)  # fmt: skip


async def refuse(x: Exchange, status: int, kind: str, message: str) -> None:
    """An error's body with its status; its kind is in a header."""
    named = ("x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")
    await x.whole(as_json({"message": message}), status=status, headers=(named, _ID))


def _act(status: int, kind: str, message: str) -> Act:
    async def act(x: Exchange) -> None:
        await refuse(x, status, kind, message)

    return act


for _name, _status, _kind, _message in ERRORS:
    _row = Behaviour(
        _name, "both", f"{_status} {_kind}: {_message}", "errors", None, "", False, _act(_status, _kind, _message)
    )
    add(_row, CONVERSE)
