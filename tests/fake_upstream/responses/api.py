"""How the API takes a request: its key, its body; then the behaviour that the model's name stands for."""

import hashlib
import json
from typing import Any

from tests.fake_upstream.call import Call
from tests.fake_upstream.playing import Playing
from tests.fake_upstream.registry import RESPONSES, Behaviour, UnknownModel, find
from tests.fake_upstream.responses.checks import Refused, check

PATH = "/v1/responses"


def take(body: bytes, playing: Playing) -> tuple[Call, Behaviour, int]:
    """The request, and what is done with it. Raises Refused, UnknownModel."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict):
        raise Refused("The body is no object.")
    check(fields)
    call = Call(
        id="resp_" + hashlib.sha256(body).hexdigest()[:24],
        model=fields["model"],
        stream=fields.get("stream") is True,
        include_usage=True,
        n=1,
        text=_last_text(fields["input"]),
        prompt_tokens=max(1, len(json.dumps(fields["input"]).split())),
        fields=fields,
    )
    row, parameter = find(playing.model(call.model, stream=call.stream), RESPONSES)
    if not row.fits(stream=call.stream):
        raise UnknownModel(f"{row.name!r} is for {row.modes} requests only")
    return call, row, parameter


def _last_text(given: Any) -> str:
    """Of the last item of the user or a tool."""
    if isinstance(given, str):
        return given
    for item in reversed(given):
        if item.get("type") == "function_call_output":
            return f"[result {item['call_id']}: {_text(item['output'])}]"
        if item.get("role") == "user":
            return _text(item["content"])
    return ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", f"[{part['type']}]") for part in content)
