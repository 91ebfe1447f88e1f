"""A script as a legacy completion: choices of text. Shapes: CreateCompletionResponse of OpenAI's OpenAPI description 2.3.0,
and for the chunks what vLLM 0.32 sends.
"""

from typing import TYPE_CHECKING, Any

from tests.fake_upstream.call import Call
from tests.fake_upstream.said import said
from tests.fake_upstream.wire import as_json

if TYPE_CHECKING:
    from tests.fake_upstream.script import Script

OBJECT = "text_completion"


def whole(call: Call, script: "Script") -> list[dict[str, Any]]:
    """The choices: those of the first prompt, then those of the next."""
    return [_choice(script, index, _pieces(call, script, index), script.finish) for index in range(call.n)]


def chunks(call: Call, script: "Script", top: dict[str, Any]) -> tuple[list[bytes], list[bytes]]:
    """What is said, a chunk for each piece of each choice in turn; and the ends."""
    said_by = [_pieces(call, script, index) for index in range(call.n)]
    longest = max(map(len, said_by))
    content = [
        _choice(script, index, pieces[at : at + 1], None)
        for at in range(longest)
        for index, pieces in enumerate(said_by)
        if at < len(pieces)
    ]
    finish = [_choice(script, index, (), script.finish) for index in range(call.n)]
    usage = {"usage": None} if call.include_usage else {}
    return tuple([as_json({**top, "choices": [one], **usage}) for one in part] for part in (content, finish))  # type: ignore[return-value]


def _pieces(call: Call, script: "Script", index: int) -> tuple[str, ...]:
    prompt = call.texts[index // (call.n // len(call.texts))]
    pieces = said(f"You said: {prompt}") if script.echoes else script.content
    return (*said(prompt), *pieces) if call.fields.get("echo") is True else pieces


def _choice(script: "Script", index: int, pieces: tuple[str, ...], finish: str | None) -> dict[str, Any]:
    logprobs = _logprobs(pieces) if script.logprobs and pieces else None
    return {"index": index, "text": "".join(pieces), "logprobs": logprobs, "finish_reason": finish}


def _logprobs(pieces: tuple[str, ...]) -> dict[str, Any]:
    return {
        "tokens": list(pieces),
        "token_logprobs": [-0.25] * len(pieces),
        "top_logprobs": [{piece: -0.25} for piece in pieces],
        "text_offset": [sum(map(len, pieces[:at])) for at in range(len(pieces))],
    }
