"""Where a person's data or a key can hide in a request: each place as the body's members around one text."""

from typing import Any

SAYS = [{"role": "user", "content": "Go on, please."}]
MAIL = "jane.doe@example.org"
ACCOUNT = "DE89 3704 0044 0532 0130 00"
API_KEY = "AKIA" + "Z7QWJ2MNRX4TYUVB"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def image(text: str) -> dict[str, Any]:
    """An image whose alt text holds it."""
    part = {"type": "image_url", "image_url": {"url": PIXEL, "alt_text": text}}
    return {"messages": [{"role": "user", "content": [part, {"type": "text", "text": "What is this?"}]}]}


def tool_result(text: str) -> dict[str, Any]:
    """The result of a tool call holds it."""
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    return {
        "messages": [
            *SAYS,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": f'{{"found": "{text}"}}'},
        ]
    }


def tool_arguments(text: str) -> dict[str, Any]:
    """The arguments of an earlier tool call hold it."""
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": f'{{"who": "{text}"}}'}}
    return {
        "messages": [
            *SAYS,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "none"},
        ]
    }


def two_parts(text: str) -> dict[str, Any]:
    """Cut through its middle, over two parts of one message."""
    half = len(text) // 2
    parts = [{"type": "text", "text": f"It is {text[:half]}"}, {"type": "text", "text": f"{text[half:]} as I said."}]
    return {"messages": [{"role": "user", "content": parts}]}


PLACES: dict[str, Any] = {
    "text": lambda text: {"messages": [{"role": "user", "content": f"It is {text}."}]},
    "system": lambda text: {"messages": [{"role": "system", "content": f"Your user is {text}."}, *SAYS]},
    "tool result": tool_result,
    "tool arguments": tool_arguments,
    "image alt text": image,
    "unknown field": lambda text: {"messages": SAYS, "x_trace": {"of": [{"whom": text}]}},
    "unknown field of a message": lambda text: {"messages": [{**SAYS[0], "x_author": text}]},
    "two parts": two_parts,
    "prediction": lambda text: {"messages": SAYS, "prediction": {"type": "content", "content": f"It is {text}."}},
    "metadata": lambda text: {"messages": SAYS, "metadata": {"customer": text}},
    "user": lambda text: {"messages": SAYS, "user": text},
    "stop": lambda text: {"messages": SAYS, "stop": [text]},
}
# these need a capability of the deployments, which the examples have not
OF_TOOLS: dict[str, Any] = {
    "tool definition": lambda text: {
        "messages": SAYS,
        "tools": [{"type": "function", "function": {"name": "f", "description": f"Ask {text}.", "parameters": {}}}],
    },
}
