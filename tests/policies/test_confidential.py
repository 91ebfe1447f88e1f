"""Of thousands of confidential requests while everything fails, none reaches an upstream without the clearance.

Counted at the upstreams, by a word that is in every body. CONFIDENTIAL_REQUESTS sets another number; `make test-long`
sends 10,000.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fake_upstream import BEHAVIOURS
from tests.policies.sensitive import ACCOUNT, MAIL, PLACES
from tests.support.example import Example

REQUESTS = int(os.environ.get("CONFIDENTIAL_REQUESTS", "3000"))
AT_ONCE = 32
PAUSE_S = 1.0  # between two requests of one of them, so that who was told to rest is asked again
CANARY = "canary-confidential-0123456789"
PUBLIC = "canary-public-0123456789"
CLEARED = {"home", "home-2"}
# answers and faults of every kind that take no time of their own: a test of ten thousand cannot wait for silences
QUICK = {"answers", "refusals", "faults_before", "not_answers", "errors_in_streams", "unended_streams", "empty_streams"}
SLOW_OR_LARGE = {"huge_error", "endless_error", "silent_error", "unicode"}
# they ask to be left alone for a second, in which nothing would be sent
PAUSES = {"rate_limit_429", "rate_limit_date_429", "rate_limit_reset_429", "overloaded_503"}


def PATCH(document: dict[str, Any]) -> None:  # noqa: N802
    """Impatient, and able to do what is asked for: capabilities must not keep at home what its sensitivity should."""
    for entry in document["deployments"].values():
        entry["capabilities"] = ["tools", "vision"]
        entry["timeouts"] = {"connect_s": 1, "first_output_s": 0.5, "idle_s": 0.3, "total_s": 1}


def faults() -> list[str]:
    """As many good answers as all faults together, mixed, so that breakers open and close all the time: refusals one after
    the other would make a deployment rest for most of the flood.
    """
    rows = [
        row
        for row in BEHAVIOURS.values()
        if row.group in QUICK and not row.hangs and row.name not in SLOW_OR_LARGE | PAUSES
    ]
    bad = [row.name for row in rows if row.group != "answers"]
    assert len(bad) > 50
    mixed = ["ok"] * len(bad) + bad
    random.Random(2).shuffle(mixed)
    return mixed


@dataclass
class Flood:
    """What came back, and what the upstreams saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    by: Counter[str | None] = field(default_factory=Counter)
    holding: dict[str, int] = field(default_factory=dict)
    public: dict[str, int] = field(default_factory=dict)
    unfinished: int = 0  # streams that ended otherwise than well


@pytest.fixture(scope="module")
def flood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flood]:
    with Example("restricted-stays-home", tmp_path_factory.mktemp("flood"), PATCH) as example:
        for stand in example.stands.values():
            stand.play(*faults())
        found = Flood()
        example.virtual.run(send_all(example, found))
        found.holding, found.public = example.calls(CANARY), example.calls(PUBLIC)
        yield found


def requests() -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Declared, or found in one of the places; every tenth is public, to see that the cloud is there to be reached."""
    drawn = random.Random(1)
    places = list(PLACES.values())
    for number in range(REQUESTS + REQUESTS // 10):
        body: dict[str, Any] = {"model": "chat", "stream": drawn.random() < 0.5, "max_tokens": 50}
        if number % 11 == 10:
            yield {}, {**body, "messages": [{"role": "user", "content": PUBLIC}]}
        elif drawn.random() < 0.5:
            declared = drawn.choice(["confidential", "restricted"])
            yield {"x-gateway-sensitivity": declared}, {**body, "messages": [{"role": "user", "content": CANARY}]}
        else:
            yield {}, {**body, **drawn.choice(places)(drawn.choice([MAIL, ACCOUNT])), "x_canary": CANARY}


async def send_all(example: Example, found: Flood) -> None:
    waiting = requests()

    async def worker() -> None:
        for headers, body in waiting:
            await asyncio.sleep(PAUSE_S)
            answer = await example.gateway.ask("/v1/chat/completions", body, headers)
            found.statuses[answer.status] += 1
            if answer.status == 200:
                found.by[answer.headers["x-gateway-deployment"]] += 1
                found.unfinished += body["stream"] and not answer.body.rstrip().endswith(b"data: [DONE]")

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def test_none_reached_an_upstream_without_the_clearance(flood: Flood) -> None:
    assert set(flood.holding) == CLEARED
    assert sum(flood.holding.values()) > REQUESTS / 4


def test_all_were_answered_or_refused(flood: Flood) -> None:
    assert sum(flood.statuses.values()) == REQUESTS + REQUESTS // 10
    assert flood.statuses[200] > REQUESTS / 4
    assert set(flood.statuses) <= {200, 400, 403, 413, 422, 429, 502, 503, 504}


def test_the_others_were_reached_by_what_is_public(flood: Flood) -> None:
    """Else it would be no wonder that nothing else came there."""
    assert flood.public["cloud"] > REQUESTS / 100
    assert flood.by["cloud"] > 0


def test_the_faults_were_real(flood: Flood) -> None:
    failed = sum(count for status, count in flood.statuses.items() if status >= 400)
    assert failed > REQUESTS / 50
    assert flood.unfinished > 0
