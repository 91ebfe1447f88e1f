"""The official OpenAI SDK asks for responses, over sockets: applications change only the base URL."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest

from tests.conftest import APP_KEY
from tests.support.client import Seen
from tests.support.gateway import GatewayProcess
from tests.support.two_sides import TwoSides
from tests.surfaces.open_responses import CASES, WEATHER, AcceptanceCase, accept
from tests.surfaces.test_open_responses import events_of

PATHS = {"a": "/v1/messages", "l": "/v1/chat/completions", "r": "/v1/responses"}
SIDES = pytest.mark.parametrize("side", ["a", "l", "r"], ids=["anthropic", "chat", "responses"])


@pytest.fixture(scope="module")
def client(served_sides: TwoSides) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served_sides.gateway.url}/v1", api_key=APP_KEY, max_retries=0, timeout=30) as made:
        yield made


@SIDES
def test_create(client: openai.OpenAI, side: str) -> None:
    response = client.responses.create(model=f"{side}-ok", input="Say hello.", instructions="Be brief.")
    assert (response.status, response.output_text) == ("completed", "You said: Say hello.")
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.id.startswith("resp_")


@SIDES
def test_stream(client: openai.OpenAI, side: str) -> None:
    with client.responses.stream(model=f"{side}-tokens", input="Count.") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == text
    assert text.startswith("0 1 2 3")


@SIDES
def test_tools_and_their_results(served_sides: TwoSides, client: openai.OpenAI, side: str) -> None:
    first = client.responses.create(model=f"{side}-tools", input="The weather?", tools=[WEATHER])
    calls = [item for item in first.output if item.type == "function_call"]
    assert all(json.loads(call.arguments)["city"] for call in calls)
    results: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"sun in {call.name}"} for call in calls
    ]
    second = client.responses.create(model=f"{side}-ok", input=results, tools=[WEATHER], previous_response_id=first.id)
    assert second.previous_response_id == first.id
    sent = json.dumps(
        served_sides.body_of("ok", PATHS[side])
    )  # a server takes results only with their calls before them
    assert "The weather?" in sent
    assert sent.count("sun in get_weather") == len(calls)


class City(pydantic.BaseModel):
    city: str


def test_parse(client: openai.OpenAI) -> None:
    response = client.responses.parse(model="l-json_schema", input="Where?", text_format=City)
    assert response.output_parsed is not None


@SIDES
def test_a_stream_that_breaks_raises(client: openai.OpenAI, side: str) -> None:
    with pytest.raises(openai.APIError) as broke:
        for _ in client.responses.create(model=f"{side}-cut_after", input="Hi", stream=True):
            pass
    assert broke.value.code == "truncated"


def test_what_is_stored(client: openai.OpenAI) -> None:
    first = client.responses.create(model="a-ok", input="Say hello.", metadata={"a": "b"})
    assert client.responses.retrieve(first.id).output_text == first.output_text
    (item,) = client.responses.input_items.list(first.id).data
    assert item.type == "message"
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as unknown:
        client.responses.create(model="a-ok", input="And?", previous_response_id=first.id)
    assert unknown.value.code == "previous_response_not_found"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("embedded")) as process:
        yield process


def of_embedded(embedded: GatewayProcess, case: AcceptanceCase) -> Seen:
    """It is small: short answers, and always the same."""
    body = {**case.body("smollm2"), "max_output_tokens": 400, "temperature": 0}
    return TwoSides(embedded, None).ask("/v1/responses", body, x_api_key="any")  # type: ignore[arg-type]


@pytest.mark.parametrize("case", [case for case in CASES if not case.needs], ids=lambda case: str(case.name))
def test_acceptance_by_the_embedded_model(embedded: GatewayProcess, case: AcceptanceCase) -> None:
    seen = of_embedded(embedded, case)
    events = events_of(seen) if case.stream else []
    accept(case, seen, events, events[-1]["response"] if case.stream else json.loads(seen.body))


@pytest.mark.parametrize("case", [case for case in CASES if case.needs], ids=lambda case: str(case.name))
def test_what_the_embedded_model_cannot_do_is_refused_by_name(embedded: GatewayProcess, case: AcceptanceCase) -> None:
    seen = of_embedded(embedded, case)
    assert seen.status == 400
    assert seen.error is not None
    assert seen.error["code"] == "unsupported_feature"
    assert f"it lacks {case.needs}" in seen.error["message"]
