"""Nothing may be lost: a candidate whose translation would lose a member is passed over; where none is left it is a 400 that
names the members as the caller knows them, before anything is sent.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import OPERATOR_KEY
from tests.support.client import Seen
from tests.support.in_process import in_front_of
from tests.support.two_sides import CHAT, HELLO, MESSAGES, SECRETS, TwoSides, configuration

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
STRICT = {"x_gateway_strict": "true"}
SYSTEM = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
RULE = {"name": "lossless", "when": {"tags": {"exact": "yes"}}, "require": {"lossless": True}}


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    def with_rule(base_url: str) -> dict[str, Any]:
        config = configuration(base_url)
        return {**config, "policy": {"rules": [RULE, *config["policy"]["rules"]]}}

    directory = tmp_path_factory.mktemp("strict")
    with in_front_of(1, directory, lambda stands: with_rule(stands[0].base_url), SECRETS) as here:
        yield TwoSides(here.gateway, here.stands[0])


def calls(sides: TwoSides) -> int:
    return len(sides.upstream.ask("/_seen"))


def chat(sides: TwoSides, model: str, headers: dict[str, str], **more: Any) -> Seen:
    return sides.ask(CHAT, {"model": model, "messages": HELLO, "max_tokens": 9, **more}, **headers)


def message(sides: TwoSides, model: str, headers: dict[str, str], **more: Any) -> Seen:
    body = {"model": model, "messages": HELLO, "max_tokens": 9, **more}
    return sides.ask(MESSAGES, body, anthropic_version="2023-06-01", **headers)


@BOTH
@pytest.mark.parametrize("headers", [STRICT, {"x_gateway_tags": "exact=yes"}], ids=["header", "rule"])
def test_a_loss_is_a_400_that_names_the_callers_members(sides: TwoSides, stream: bool, headers: dict[str, str]) -> None:
    before = calls(sides)
    named = [{"role": "user", "name": "Ann", "content": "hi"}]
    seen = chat(sides, "a-ok", headers, seed=1, messages=named, stream=stream)
    error = json.loads(seen.body)["error"]
    assert (seen.status, error["code"], error["param"]) == (400, "fields_would_be_lost", "seed")
    assert "seed, messages[0].name would be lost there" in error["message"]
    seen = message(sides, "o-ok", headers, system=SYSTEM, thinking={"type": "enabled", "budget_tokens": 1024})
    error = json.loads(seen.body)["error"]
    assert (seen.status, error["type"]) == (400, "invalid_request_error")
    assert error["details"]["error_code"] == "fields_would_be_lost"
    assert "cache_control, thinking would be lost" in error["message"]
    assert calls(sides) == before


@BOTH
def test_a_candidate_that_would_lose_something_is_passed_over(sides: TwoSides, stream: bool) -> None:
    seen = chat(sides, "anthropic-first", STRICT, seed=1, stream=stream)
    assert (seen.status, seen.headers["x-gateway-deployment"]) == (200, "o-ok")
    assert "x-gateway-lost" not in seen.headers
    decision = sides.record(seen)["decision"]
    assert decision["facts"]["strict"] is True
    assert decision["facts"]["losses"] == [["a-ok", ["seed"]]]
    left_out = next(one for one in decision["candidates"] if one["deployment"] == "a-ok")
    assert [(reason["cause"], reason["needed"]) for reason in left_out["against"]] == [("loss", "seed")]


def test_what_is_only_adapted_is_taken(sides: TwoSides) -> None:
    seen = chat(sides, "a-ok", STRICT, temperature=1.5)
    assert (seen.status, seen.headers["x-gateway-adapted"]) == (200, "temperature")
    assert sides.record(seen)["attempts"][0]["adapted"] == ["temperature: 1, the most that there is"]


def test_without_it_the_first_answers_and_says_what_it_lost(sides: TwoSides) -> None:
    seen = chat(sides, "anthropic-first", {"x_gateway_strict": "false"}, seed=1)
    assert (seen.headers["x-gateway-deployment"], seen.headers["x-gateway-lost"]) == ("a-ok", "seed")


def test_what_a_server_passes_over_is_lost_too(sides: TwoSides) -> None:
    """llama.cpp takes any member, and heeds those that it knows."""
    seen = chat(sides, "l-ok", STRICT, service_tier="flex")
    error = json.loads(seen.body)["error"]
    assert (seen.status, error["param"]) == (400, "service_tier")
    assert chat(sides, "l-ok", STRICT, min_p=0.1).status == 200


def test_what_has_no_form_at_all_is_named(sides: TwoSides) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
    seen = chat(sides, "a-ok", STRICT, messages=[{"role": "user", "content": [sound]}])
    assert (seen.status, json.loads(seen.body)["error"]["code"]) == (400, "fields_would_be_lost")


@pytest.mark.parametrize("value", ["", "yes", "1", "true, true"])
def test_a_wrong_value_is_refused(sides: TwoSides, value: str) -> None:
    seen = chat(sides, "o-ok", {"x_gateway_strict": value or " "})
    assert (seen.status, json.loads(seen.body)["error"]["param"]) == (400, "x-gateway-strict")


def test_explain_says_what_each_candidate_would_lose_and_adapt(sides: TwoSides) -> None:
    body = {"model": "openai-first", "messages": HELLO, "seed": 1, "temperature": 1.5}
    operator = {"authorization": f"Bearer {OPERATOR_KEY}"}
    seen = sides.ask("/admin/explain", body, **operator)
    candidates = {one["deployment"]: one for one in json.loads(seen.body)["record"]["decision"]["candidates"]}
    assert "unsaid" not in candidates["o-ok"]
    assert candidates["a-ok"]["unsaid"] == ["seed"]
    notes = [one.partition(":")[0] for one in candidates["a-ok"]["adapted"]]
    assert notes == ["max_tokens", "temperature"]
    told = seen.body.decode()
    assert "its translation loses seed" in told
    strict = sides.ask("/admin/explain", body, **operator, **STRICT)
    decision = json.loads(strict.body)["record"]["decision"]
    assert decision["attempts"] == ["o-ok"]


def test_losses_are_counted_by_closed_words(sides: TwoSides) -> None:
    assert chat(sides, "a-ok", {}, seed=1, temperature=1.5).status == 200
    made_up = {"my-secret-4711": 1}
    assert chat(sides, "a-ok", {}, **made_up).status == 200
    text = sides.metrics()
    for kind, member in (("lost", "seed"), ("lost", "other"), ("adapted", "temperature")):
        series = f'gateway_translation_deviations_total{{deployment="a-ok",kind="{kind}",member="{member}"}}'
        assert series in text
    assert "4711" not in text
