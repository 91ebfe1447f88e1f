"""The least rate of a stream: the bucket by itself, and a crawl on virtual time."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.flow.least_throughput import LeastThroughput
from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import in_front_of


@given(st.floats(0.1, 1000), st.integers(1, 60))
def test_who_keeps_the_rate_is_never_behind(least: float, seconds: int) -> None:
    pace, came = LeastThroughput(least), 0.0
    for _ in range(seconds):
        pace.waited(1.0)
        came += least + 1  # whole tokens are counted
        pace.came(int(came))
        assert pace.left_s() >= 9.0 - 1e-6


@given(st.floats(0.1, 1000), st.floats(0, 0.99))
def test_who_does_not_is_found_out(least: float, share: float) -> None:
    pace, waited = LeastThroughput(least), 0
    while pace.left_s() > 0:
        waited += 1
        pace.waited(1.0)
        pace.came(int(least * share * waited))
        assert waited <= 11 / (1 - share) + 1
    assert waited >= 10


def test_what_it_was_ahead_is_worth_ten_seconds() -> None:
    pace = LeastThroughput(2.0)
    pace.came(10_000)
    assert pace.left_s() == pytest.approx(10.0)
    pace.waited(4.0)
    assert pace.left_s() == pytest.approx(6.0)


def test_a_crawl_is_ended(tmp_path: Path) -> None:
    timeouts = {"connect_s": 1, "first_output_s": 5, "idle_s": 5, "total_s": 60}

    def configuration(stands: list[Stand]) -> dict[str, Any]:
        return {
            "deployments": {"crawls": deployment(stands[0].base_url, "crawl@1000", timeouts=timeouts)},
            "policy": {"rules": [{"name": "brisk", "limits": {"min_output_tokens_per_s": 50}}]},
        }

    with in_front_of(1, tmp_path, configuration) as here:
        (answer,) = here.gateway.chats("crawls", stream=True)
        record = here.gateway.decision(answer.headers["x-gateway-decision"])["record"]
    assert record["outcome"] == "limit_passed"
    assert json.loads(answer.body.split(b"data: ")[-1])["error"]["code"] == "limit_passed"
    assert 10 < answer.all_s < 12
    assert record["attempts"][0]["usage"]["completion_tokens"] >= 9
