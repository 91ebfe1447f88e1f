"""`POST /v1/messages/count_tokens`: by the provider's tokenizer where it has one, else an estimate."""

import json
from typing import Any

import pytest

from tests.support.two_sides import COUNT, HELLO, TwoSides

SYSTEM = [{"type": "text", "text": "Be very brief.", "cache_control": {"type": "ephemeral"}}]


def counted(sides: TwoSides, model: str, **more: Any) -> tuple[int, str, str | None]:
    """The count, how it came about, and by whom."""
    body = {"model": model, "messages": HELLO, "system": SYSTEM, **more}
    seen = sides.ask(COUNT, body, anthropic_version="2023-06-01", anthropic_beta="token-counting-2024-11-01")
    assert seen.status == 200, seen.body
    told = json.loads(seen.body)
    assert set(told) == {"input_tokens"}
    return told["input_tokens"], seen.headers["x-gateway-tokens"], seen.headers.get("x-gateway-deployment")


def test_by_anthropic(sides: TwoSides) -> None:
    assert counted(sides, "a-ok") == (5, "exact", "a-ok")
    got = sides.got("ok", COUNT)
    assert json.loads(got["body"]) == {"messages": HELLO, "system": SYSTEM, "model": "ok"}
    assert got["headers"]["anthropic-beta"] == "token-counting-2024-11-01"


def test_by_vllms_tokenizer(sides: TwoSides) -> None:
    assert counted(sides, "v-ok") == (5, "exact", "v-ok")
    rows = [row for row in sides.upstream.ask("/_seen") if row["path"] == "/tokenize"]
    assert [one["role"] for one in json.loads(rows[-1]["body"])["messages"]] == ["system", "user"]


def test_estimate_where_nobody_counts(sides: TwoSides) -> None:
    tokens, how, by = counted(sides, "o-ok", messages=[{"role": "user", "content": "word " * 400}])
    assert (how, by) == ("estimate", None)
    assert 300 <= tokens <= 800


@pytest.mark.parametrize("model", ["counts-500", "counts-429"])
def test_estimate_where_the_tokenizer_fails(sides: TwoSides, model: str) -> None:
    assert counted(sides, model)[1:] == ("estimate", None)


def test_tools_count(sides: TwoSides) -> None:
    tools = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]
    assert counted(sides, "a-ok", tools=tools)[0] == 15
    assert counted(sides, "o-ok", tools=tools)[0] > counted(sides, "o-ok")[0]


def test_bound_of_the_output_is_not_sent_on(sides: TwoSides) -> None:
    """The API refuses what makes no part of the prompt; callers send it all the same."""
    assert counted(sides, "a-ok", max_tokens=100, temperature=0.5, stream=True)[1] == "exact"


@pytest.mark.parametrize(("body", "field"), [({"model": "a-ok"}, "messages"), ({"messages": HELLO}, "model")])
def test_request_that_makes_no_sense(sides: TwoSides, body: Any, field: str) -> None:
    seen = sides.ask(COUNT, body)
    error = json.loads(seen.body)
    assert (seen.status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    assert field in error["error"]["message"]


def test_nothing_is_generated(sides: TwoSides) -> None:
    def asked() -> list[str]:
        """Without the gateway's own probes."""
        paths = [row["path"] for row in sides.upstream.ask("/_seen")]
        return [path for path in paths if path.startswith("/v1/") and path != "/v1/models"]

    before = len(asked())
    counted(sides, "a-tokens")
    assert asked()[before:] == [COUNT]


def test_by_llama_cpps_own_count(sides: TwoSides) -> None:
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert counted(sides, "l-ok", tools=tools, temperature=0.5)[1:] == ("exact", "l-ok")
    sent = json.loads(next(row for row in reversed(sides.upstream.ask("/_seen")) if row["path"] == COUNT)["body"])
    assert set(sent) == {"model", "system", "messages", "tools"}
    assert sent["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}]


def test_a_count_is_on_record_without_the_providers_time(sides: TwoSides) -> None:
    seen = sides.ask(COUNT, {"model": "a-ok", "messages": HELLO}, anthropic_version="2023-06-01")
    record = sides.record(seen)
    assert record["surface"] == "messages.count_tokens"
    assert record["overhead_s"] < record["duration_s"]
