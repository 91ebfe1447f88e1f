"""Exact counts of tokens: asked for only where the request may go whatever the count says, and never for long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import deployment
from tests.support.in_process import InProcessGateway, InProcessScripted, Received
from tests.support.scripted import Asked, completion, response
from tests.support.virtual_time import VirtualTime

PROMPT = "Some forty characters, and not one more."
LONG, SHORT = {"min_prompt_tokens": 100}, {"max_prompt_tokens": 99}
Counting = Callable[[], Awaitable[bytes | None]]


def counts(tokens: int) -> Counting:
    async def count() -> bytes:
        return response({"count": tokens, "max_model_len": 9999, "tokens": []})

    return count


async def hangs() -> bytes | None:
    await asyncio.sleep(1.5)
    return None


class World:
    """Two deployments, `us` and `eu`, which count tokens, and a gateway with these rules in front of them."""

    def __init__(self, gateway: InProcessGateway, us: InProcessScripted, eu: InProcessScripted) -> None:
        self.gateway, self.us, self.eu = gateway, us, eu

    def ask(self, **headers: str) -> tuple[Received, dict[str, Any], float]:
        """The answer, what is on record of it, and how long it took in seconds."""
        (answer,) = self.ask_at_once(1, **headers)
        return answer, self.gateway.decision(answer.headers["x-gateway-decision"]), answer.all_s

    def ask_at_once(self, number: int, **headers: str) -> list[Received]:
        """The answers."""
        sent = {f"x-gateway-{name.replace('_', '-')}": value for name, value in headers.items()}
        return self.gateway.chats(*["chat"] * number, headers=sent, messages=[{"role": "user", "content": PROMPT}])


def upstream(virtual: VirtualTime, count: Counting) -> InProcessScripted:
    async def reply(asked: Asked) -> bytes | None:
        return await count() if asked.path == "/tokenize" else response(completion())

    return InProcessScripted(virtual, reply)


@contextmanager
def world(
    directory: Path,
    rules: list[dict[str, Any]],
    count: Counting,
    server: dict[str, Any] | None = None,
    **of_us: Any,
) -> Iterator[World]:
    with ExitStack() as stack:
        virtual = stack.enter_context(VirtualTime())
        us, eu = (stack.enter_context(upstream(virtual, count)) for _ in range(2))
        config = {
            "deployments": {
                "us": deployment(us.base_url, "m", provider="vllm", region="us", **of_us),
                "eu": deployment(eu.base_url, "m", provider="vllm", region="eu"),
            },
            "models": {"chat": {"deployments": ["us", "eu"]}},
            "policy": {"rules": rules},
            "server": server or {},
        }
        yield World(stack.enter_context(InProcessGateway(virtual, directory, config, {})), us, eu)


def test_no_prompt_is_counted_where_a_rule_that_may_follow_forbids_it(tmp_path: Path) -> None:
    rules = [{"name": "short", "when": SHORT, "count_tokens": "exact"}, {"name": "long", "require": {"region": ["eu"]}}]
    with world(tmp_path, rules, counts(400)) as here:
        answer, told, _ = here.ask()
        facts = told["record"]["decision"]["facts"]
        assert answer.headers["x-gateway-deployment"] == "eu"
        assert (facts["prompt_tokens"], facts["exact_tokens"], facts["counted_at"]) == (400, True, "eu")
        assert "400 prompt tokens (counted by eu)" in told["sentences"][0]
        assert here.us.paths() == []


@pytest.mark.parametrize(
    ("rules", "counted"),
    [
        ([{"name": "short", "when": SHORT, "count_tokens": "exact"}, {"name": "long", "privacy": {"refuse": True}}], []),
        ([{"name": "short", "when": SHORT, "count_tokens": "exact"}, {"name": "long"}], ["/tokenize"]),
        ([{"name": "all", "count_tokens": "exact", "require": {"region": ["us"]}}], ["/tokenize"]),
        ([{"name": "short", "when": SHORT, "count_tokens": "exact"}, {"name": "long", "when": LONG},
          {"name": "never", "privacy": {"refuse": True}}], ["/tokenize"]),
    ],
    ids=["may be refused", "may go there", "no rule asks for the length", "the refusing rule cannot match"],
)  # fmt: skip
def test_a_rule_that_may_refuse_what_it_counts_counts_nothing(
    tmp_path: Path, rules: list[dict[str, Any]], counted: list[str]
) -> None:
    with world(tmp_path, rules, counts(10)) as here:
        answer, told, _ = here.ask()
        assert answer.status == 200
        assert here.us.paths() == [*counted, "/v1/chat/completions"]
        assert told["record"]["decision"]["facts"].get("exact_tokens", False) is bool(counted)


def test_no_prompt_is_counted_below_its_sensitivity(tmp_path: Path) -> None:
    with world(tmp_path, [{"name": "all", "count_tokens": "exact"}], counts(10), clearance="internal") as here:
        _, told, _ = here.ask(sensitivity="confidential")
        assert told["record"]["decision"]["facts"]["counted_at"] == "eu"
        assert here.us.paths() == []


def test_a_tokenizer_that_hangs_is_left_alone(tmp_path: Path) -> None:
    """The next one counts; the time is not the gateway's own, and the record says where the prompt went."""
    with world(tmp_path, [{"name": "all", "count_tokens": "exact"}], hangs) as here:
        _, told, took = here.ask()
        facts = told["record"]["decision"]["facts"]
        assert (facts["counted_at"], "exact_tokens" in facts) == ("us", False)
        assert "(us did not count them)" in told["sentences"][0]
        assert took == pytest.approx(0.5, abs=0.05)
        assert told["record"]["overhead_s"] < 0.2
        assert here.ask()[1]["record"]["decision"]["facts"]["counted_at"] == "eu"
        _, told, took = here.ask()
        assert "counted_at" not in told["record"]["decision"]["facts"]
        assert took < 0.3
        assert here.us.paths().count("/tokenize") == 1


def test_a_count_leaves_time_for_the_answer(tmp_path: Path) -> None:
    """And a caller in a hurry does not silence the tokenizer for the others."""
    with world(tmp_path, [{"name": "all", "count_tokens": "exact"}], hangs) as here:
        for _ in range(2):
            answer, told, took = here.ask(deadline_ms="400")
            assert answer.status == 200
            assert told["record"]["decision"]["facts"]["counted_at"] == "us"
            assert took < 0.4


def test_a_prompt_that_cannot_be_counted_does_not_silence_the_tokenizer(tmp_path: Path) -> None:
    async def refuses() -> bytes:
        return response({"error": {"message": "no such template"}}, 400)

    with world(tmp_path, [{"name": "all", "count_tokens": "exact"}], refuses) as here:
        for _ in range(2):
            assert here.ask()[1]["record"]["decision"]["facts"]["counted_at"] == "us"


def test_what_is_refused_for_want_of_room_is_not_counted(tmp_path: Path) -> None:
    async def slowly() -> bytes:
        await asyncio.sleep(0.3)
        return response({"count": 400, "max_model_len": 9999, "tokens": []})

    rules = [{"name": "all", "count_tokens": "exact", "require": {"region": ["us"]}}]
    with world(tmp_path, rules, slowly, {"most_running": 1, "most_waiting": 1}) as here:
        statuses = [answer.status for answer in here.ask_at_once(8)]
        taken = statuses.count(200)
        assert taken >= 2
        assert set(statuses) <= {200, 429, 503}  # throttled, too
        assert here.us.paths().count("/tokenize") == taken
