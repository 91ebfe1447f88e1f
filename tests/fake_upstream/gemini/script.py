"""What the model says, and the two ways of saying it: a whole answer, or events that hold a piece each."""

from dataclasses import dataclass, field
from typing import Any

from tests.fake_upstream.call import Call
from tests.fake_upstream.gemini.checks import signature_of
from tests.fake_upstream.wire import as_json

_MODEL = "gemini-fake-001"
Members = dict[str, Any]


@dataclass(frozen=True)
class Script:
    """`pieces`: parts, one an event. `cached`: tokens of the prompt that the cache held. `candidate`: beside the content."""

    pieces: tuple[Members, ...]
    finish: str | None = "STOP"
    cached: int = 0
    thoughts: int = 0
    candidate: Members = field(default_factory=dict)
    top: Members = field(default_factory=dict)

    def tokens(self) -> int:
        """Of the output without thoughts: a piece is one."""
        return sum(not piece.get("thought") for piece in self.pieces)


def text(*pieces: str) -> tuple[Members, ...]:
    """Text in these pieces, the last of them signed, as Gemini 3 does."""
    *rest, last = pieces
    return (*({"text": piece} for piece in rest), {"text": last, "thoughtSignature": signature_of("".join(pieces))})


def thought(*pieces: str) -> tuple[Members, ...]:
    """A thought, which the part after it is signed for."""
    return tuple({"text": piece, "thought": True} for piece in pieces)


def call(name: str, args: Members | None, call_id: str | None = None, *, is_signed: bool = False) -> Members:
    """A call, whole. Of parallel ones only the first is signed."""
    said: Members = {"name": name, **({} if args is None else {"args": args}), **({"id": call_id} if call_id else {})}
    return {"functionCall": said, **({"thoughtSignature": signature_of(name)} if is_signed else {})}


def usage(request: Call, script: Script, output: int) -> Members:
    """The prompt holds what was cached; thoughts stand beside what is answered."""
    prompt = request.prompt_tokens + script.cached
    told: Members = {"promptTokenCount": prompt, "totalTokenCount": prompt + output + script.thoughts}
    if output:
        told["candidatesTokenCount"] = output
    if script.cached:
        told["cachedContentTokenCount"] = script.cached
    if script.thoughts:
        told["thoughtsTokenCount"] = script.thoughts
    told["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
    return told


def whole(request: Call, script: Script) -> bytes:
    """An answer; texts in a row are one part."""
    parts: list[Members] = []
    for piece in script.pieces:
        last = parts[-1] if parts else {}
        if "text" in piece and "text" in last and piece.get("thought") == last.get("thought"):
            parts[-1] = {**piece, "text": last["text"] + piece["text"]}
        else:
            parts.append(piece)
    return as_json(_response(request, script, parts, script.finish, script.tokens()))


def stream(request: Call, script: Script) -> list[bytes]:
    """The complete, good stream: an event a piece; the last one has the finish reason."""
    events = []
    for at, piece in enumerate(script.pieces):
        finish = script.finish if at == len(script.pieces) - 1 else None
        output = sum(not one.get("thought") for one in script.pieces[: at + 1])
        events.append(event(_response(request, script, [piece], finish, output)))
    return events or [event(_response(request, script, None, script.finish, 0))]


def first(request: Call, script: Script, pieces: int) -> list[bytes]:
    """The stream up to so many pieces, none of which is the last."""
    more = Script((*script.pieces, {"text": "never"}), thoughts=script.thoughts)
    return stream(request, more)[:pieces]


def event(data: Members) -> bytes:
    """The API's framing: a line of data, a blank line."""
    return b"data: " + as_json(data) + b"\r\n\r\n"


def error(status: int, word: str, message: str, *details: Members) -> Members:
    """An error's body, and the data of its event."""
    return {
        "error": {"code": status, "message": message, "status": word, **({"details": list(details)} if details else {})}
    }


def _response(request: Call, script: Script, parts: list[Members] | None, finish: str | None, output: int) -> Members:
    candidate: Members = {} if parts is None else {"content": {"parts": parts, "role": "model"}}
    if finish is not None:
        candidate |= {"finishReason": finish, **script.candidate}
    return {
        "candidates": [{**candidate, "index": 0}],
        "usageMetadata": usage(request, script, output),
        "modelVersion": _MODEL,
        "responseId": request.id,
        **script.top,
    }
