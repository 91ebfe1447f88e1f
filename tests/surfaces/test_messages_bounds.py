"""What holds of every surface holds of Anthropic's: detection, deadlines, bounds of cost, names of headers."""

import json
from typing import Any

import pytest

from tests.support.client import Seen
from tests.support.two_sides import COUNT, HELLO, MESSAGES, TwoSides

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
CARD = "My card is 4111 1111 1111 1111."
CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {"note": CARD}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": CARD}]}
PLACES: list[tuple[str, dict[str, Any]]] = [
    ("text", {"messages": [{"role": "user", "content": CARD}]}),
    ("block", {"messages": [{"role": "user", "content": [{"type": "text", "text": CARD}]}]}),
    ("system", {"system": [{"type": "text", "text": CARD}]}),
    ("arguments", {"messages": [*HELLO, {"role": "assistant", "content": [CALL]}]}),
    ("result", {"messages": [*HELLO, {"role": "user", "content": [RESULT]}]}),
    ("document", {"messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": CARD}}]}]}),
    ("user id", {"metadata": {"user_id": CARD}}),
    ("unknown", {"anything": {"else": [CARD]}}),
]  # fmt: skip


def error(seen: Seen) -> tuple[int, str, str]:
    told = json.loads(seen.body)["error"]
    return seen.status, told["type"], told["details"]["error_code"]


def ask(sides: TwoSides, model: str, *, stream: bool = False, path: str = MESSAGES, **more: Any) -> Seen:
    headers = {name: more.pop(name) for name in list(more) if name.startswith("x_")}
    body: dict[str, Any] = {"model": model, "messages": HELLO, **more}
    if path == MESSAGES:
        body |= {"max_tokens": 100, "stream": stream}
    return sides.ask(path, body, anthropic_version="2023-06-01", **headers)


@pytest.mark.parametrize("path", [MESSAGES, COUNT], ids=["messages", "count"])
@pytest.mark.parametrize(("place", "more"), PLACES, ids=[one[0] for one in PLACES])
def test_card_keeps_a_request_from_where_it_is_not_cleared(
    sides: TwoSides, place: str, more: dict[str, Any], path: str
) -> None:
    seen = ask(sides, "a-plain", path=path, **more)
    assert error(seen) == (403, "permission_error", "sensitivity_not_cleared"), place
    assert "4111" not in seen.body.decode()
    assert not [row for row in sides.upstream.ask("/_seen") if "4111 1111" in (row["body"] or "")]


@BOTH
@pytest.mark.parametrize("model", ["a-slow-1000", "o-slow-1000"])
def test_deadline(sides: TwoSides, model: str, stream: bool) -> None:
    seen = ask(sides, model, stream=stream, x_gateway_deadline_ms="200")
    assert error(seen) == (504, "timeout_error", "deadline_exceeded")


@pytest.mark.parametrize("model", ["a-ok", "o-ok"])
def test_bound_of_cost(sides: TwoSides, model: str) -> None:
    assert ask(sides, model, x_gateway_max_cost_usd="0.01").status == 200
    seen = ask(sides, model, x_gateway_max_cost_usd="0.0000001")
    assert error(seen) == (400, "invalid_request_error", "max_cost_too_low")


SEARCH = {"tools": [{"type": "web_search_20260209", "name": "web_search", "max_uses": 2}]}


@pytest.mark.parametrize(
    ("more", "status"),
    [({}, 200), ({"speed": "standard"}, 200), ({"inference_geo": "global"}, 200), (SEARCH, 400), ({"speed": "fast"}, 400),
     ({"inference_geo": "us"}, 400), ({"mcp_servers": [{"type": "url", "url": "https://tools.example", "name": "t"}]}, 400)],
    ids=["plain", "usual speed", "anywhere", "search", "fast", "in one country", "mcp"],
)  # fmt: skip
def test_bound_of_cost_where_the_price_is_another(sides: TwoSides, more: dict[str, Any], status: int) -> None:
    seen = ask(sides, "a-ok", x_gateway_max_cost_usd="0.01", **more)
    assert seen.status == status, seen.body
    assert status == 200 or error(seen)[2] == "max_cost_too_low"


@BOTH
@pytest.mark.parametrize("more", [{"speed": "fast"}, {"inference_geo": "us"}])
def test_cost_of_another_way_of_processing_is_unknown_without_its_price(
    sides: TwoSides, more: dict[str, Any], stream: bool
) -> None:
    record = sides.record(ask(sides, "a-ok", stream=stream, **more))
    (attempt,) = record["attempts"]
    assert (attempt["outcome"], attempt.get("cost_usd")) == ("ok", None)
    assert attempt["usage"]["service_tier"] == ("fast" if "speed" in more else "geo_us")


def test_a_dialect_without_the_providers_tools_is_bounded_all_the_same(sides: TwoSides) -> None:
    seen = ask(sides, "o-ok", x_gateway_max_cost_usd="0.01", **SEARCH)
    assert (seen.status, seen.headers["x-gateway-lost"]) == (200, "tools")


@BOTH
def test_hedge_by_another_dialect(sides: TwoSides, stream: bool) -> None:
    seen = ask(sides, "hedged", stream=stream)
    assert seen.status == 200, seen.body
    record = sides.record(seen)
    assert record["answered_by"] == "o-ok"
    outcomes = {attempt["deployment"]: attempt["outcome"] for attempt in record["attempts"]}
    assert outcomes == {"a-slow-1000": "hedge_lost", "o-ok": "ok"}


@BOTH
def test_rule_that_wants_the_tokens_counted(sides: TwoSides, stream: bool) -> None:
    record = sides.record(ask(sides, "counted", stream=stream, system="Be brief."))
    facts = record["decision"]["facts"]
    assert (facts["prompt_tokens"], facts["exact_tokens"], facts["counted_at"]) == (4, True, "v-ok")


def test_misspelt_header(sides: TwoSides) -> None:
    seen = ask(sides, "a-ok", x_gateway_sensitivty="public")
    assert error(seen)[:2] == (400, "invalid_request_error")


def test_output_above_what_the_deployment_takes(sides: TwoSides) -> None:
    body = {"model": "a-ok", "max_tokens": 50_000, "messages": HELLO}
    seen = sides.ask(MESSAGES, body, anthropic_version="2023-06-01")
    assert error(seen) == (400, "invalid_request_error", "max_tokens_too_large")


def test_cost_is_told(sides: TwoSides) -> None:
    for model in ("a-ok", "o-ok"):
        assert float(ask(sides, model).headers["x-gateway-cost-usd"]) == pytest.approx((2 * 1.0 + 4 * 2.0) / 1e6)


def test_metrics_name_the_surface(sides: TwoSides) -> None:
    ask(sides, "a-ok")
    ask(sides, "a-ok", path=COUNT)
    told = sides.metrics()
    assert 'surface="messages"' in told
    assert 'surface="messages.count_tokens"' in told
