"""The HTTP cases of Open Responses' acceptance suite, restated: what is asked, and what must come.

Source: github.com/openresponses/openresponses, its compliance tests of 2026.
"""

from dataclasses import dataclass
from typing import Any

from tests.support.client import Seen
from tests.support.responses_spec import check_event, check_response

HEART = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather at a place.",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}


@dataclass(frozen=True)
class AcceptanceCase:
    """`wants_call`: a call of a tool has to come."""

    name: str
    input: Any
    stream: bool = False
    wants_call: bool = False

    @property
    def needs(self) -> str:
        """What a model has to be able to do, if it is more than to answer."""
        return "tools" if self.wants_call else "vision" if self.name == "image-input" else ""

    def body(self, model: str) -> dict[str, Any]:
        body = {"model": model, "input": self.input, "stream": self.stream}
        return {**body, "tools": [WEATHER]} if self.wants_call else body


def _said(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


_HEART = [
    {"type": "input_text", "text": "What is in this image? One sentence."},
    {"type": "input_image", "image_url": f"data:image/png;base64,{HEART}"},
]
_TURNS = [_said("user", "I am Alice."), _said("assistant", "Hello Alice!"), _said("user", "Who am I?")]
_QUESTION = [_said("user", "What is the weather in San Francisco?")]
CASES = (
    AcceptanceCase("basic-response", [_said("user", "Say hello in three words.")]),
    AcceptanceCase("streaming-response", [_said("user", "Count from 1 to 5.")], stream=True),
    AcceptanceCase("system-prompt", [_said("system", "You are a pirate."), _said("user", "Say hello.")]),
    AcceptanceCase("tool-calling", _QUESTION, wants_call=True),
    AcceptanceCase("tool-calling-streaming", _QUESTION, stream=True, wants_call=True),
    AcceptanceCase("image-input", [_said("user", _HEART)]),
    AcceptanceCase("multi-turn", _TURNS),
)


def accept(case: AcceptanceCase, seen: Seen, events: list[dict[str, Any]], response: dict[str, Any]) -> None:
    """What the suite looks at: the schemas, the status, the output, and the events of a call."""
    assert seen.status == 200, seen.body
    assert seen.headers["content-type"].startswith("text/event-stream" if case.stream else "application/json")
    for event in events:
        check_event(event)
    check_response(response)
    assert response["output"]
    assert response["status"] == "completed"
    if not case.wants_call:
        return
    assert "function_call" in [item["type"] for item in response["output"]]
    if case.stream:
        of_calls = [event["type"] for event in events if event.get("item", {}).get("type") == "function_call"]
        kinds = {event["type"] for event in events}
        assert {"response.output_item.added", "response.output_item.done"} <= set(of_calls)
        assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds
