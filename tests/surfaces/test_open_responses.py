"""Open Responses' acceptance cases, on providers of every dialect: translated, and passed through."""

import json
from typing import Any

import pytest

from tests.support.client import Seen
from tests.support.responses_spec import check_event, check_response
from tests.support.two_sides import TwoSides
from tests.surfaces.open_responses import CASES, AcceptanceCase, accept

PATH = "/v1/responses"
IDS = [case.name for case in CASES]
# by dialect of the provider: what answers a question, and one that comes with a tool
MODELS = {"anthropic": ("a-ok", "a-tools"), "chat": ("l-ok", "l-tools"), "responses": ("r-ok", "r-tools")}
# what else providers say, each whole and streamed
OTHERS = (
    "a-thinking", "a-redacted", "a-tool_without_arguments", "a-refusal", "a-max_tokens", "a-cached", "l-tools_parallel",
    "l-tools_and_text", "l-reasoning", "l-refusal", "l-length", "r-thinking", "r-hidden", "r-searches", "r-not_streamed",
)  # fmt: skip


def events_of(seen: Seen) -> list[dict[str, Any]]:
    """Each event once, by its number; what ends the stream is no event."""
    events = [json.loads(event) for event in seen.events if event != "[DONE]"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def answered(sides: TwoSides, body: dict[str, Any]) -> tuple[Seen, list[dict[str, Any]], dict[str, Any]]:
    """The answer, its events, and the response that it comes to."""
    seen = sides.ask(PATH, body)
    if not body.get("stream"):
        return seen, [], json.loads(seen.body)
    events = events_of(seen)
    return seen, events, events[-1]["response"]


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("dialect", MODELS)
def test_acceptance(sides: TwoSides, dialect: str, case: AcceptanceCase) -> None:
    model = MODELS[dialect][case.wants_call]
    accept(case, *answered(sides, case.body(model)))


@pytest.mark.parametrize("model", OTHERS)
def test_what_is_streamed_is_what_comes_whole(sides: TwoSides, model: str) -> None:
    _, events, streamed = answered(sides, {"model": model, "input": "Say hello.", "stream": True})
    for event in events:
        if "web_search_call" not in str(event):  # Open Responses has no items of a provider's own tools
            check_event(event)
    if model == "r-not_streamed":
        return
    _, _, whole = answered(sides, {"model": model, "input": "Say hello."})
    if model != "r-searches":
        check_response(whole)
    assert said_by(streamed) == said_by(whole)
    assert usage(streamed) == usage(whole)


def said_by(response: dict[str, Any]) -> Any:
    """All but ids, and the time."""
    without_ids = [{name: value for name, value in item.items() if name != "id"} for item in response["output"]]
    return without_ids, response["status"], response["incomplete_details"], response["model"]


def usage(response: dict[str, Any]) -> tuple[int, int, int, int]:
    told = response["usage"]
    assert told["total_tokens"] == told["input_tokens"] + told["output_tokens"]
    cached, thought = told["input_tokens_details"]["cached_tokens"], told["output_tokens_details"]["reasoning_tokens"]
    return told["input_tokens"], cached, told["output_tokens"], thought
