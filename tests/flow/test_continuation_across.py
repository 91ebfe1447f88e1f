"""Streams that break are gone on with whatever dialects their caller and their providers speak, where the next server can."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.flow.test_continuation import BEGINNING, PRICE, REST, events, outcomes, usage
from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted, delta, response
from tests.support.two_sides import of_events

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


def message_events(*payloads: dict[str, Any]) -> bytes:
    body = b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in payloads)
    return response(body, content_type="text/event-stream")


def said(index: int, text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def started(index: int = 0, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": "", **block}}


START = {
    "type": "message_start",
    "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1},
    },
}  # fmt: skip
ENDED = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
STOPPED = {"type": "content_block_stop", "index": 0}


def says(asked: Asked) -> bytes:
    """By the model's name: how its stream goes."""
    body = json.loads(asked.body)
    if asked.text == "Be well.":
        if asked.path.endswith("/messages"):
            return message_events(START, started(), said(0, "ok"), STOPPED, ENDED, {"type": "message_stop"})
        return events(delta("ok"), delta(finish="stop"))
    match body["model"]:
        case "breaks":
            return events(delta(BEGINNING[:45]), delta(BEGINNING[45:]), done=False)
        case "breaks-too":
            return events(*map(delta, (REST[:70], REST[70:76])), done=False)
        case "claude":
            return message_events(START, started(), said(0, BEGINNING[:45]), said(0, BEGINNING[45:]))
        case "claude-closed":
            return message_events(START, started(), said(0, BEGINNING), STOPPED)
        case "claude-thinks":
            return message_events(START, started(type="thinking", thinking="", signature=""), said(0, "x"), STOPPED)
        case "claude-calls":
            call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
            return message_events(START, started(), said(0, BEGINNING), STOPPED, started(1, **call))
        case "last":
            sent = body["messages"][-1]["content"]
            assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
            rest = (BEGINNING + REST)[len(sent) :]
            return events(delta("", role="assistant"), delta(rest), delta(finish="stop"), usage(40, 22))
    raise AssertionError(body["model"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted(says) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    def one(model: str, provider: str) -> dict[str, Any]:
        made = deployment(upstream.base_url, model, price=PRICE, max_output_tokens=500)
        return {**made, "provider": provider, "clearance": "internal"}

    kinds = {
        "breaks": "vllm", "breaks-too": "llama_cpp", "last": "vllm", "claude": "anthropic", "claude-closed": "anthropic",
        "claude-thinks": "anthropic", "claude-calls": "anthropic",
    }  # fmt: skip
    deployments = {name: one(name, kind) for name, kind in kinds.items()}
    deployments["claude-last"] = one("claude", "anthropic")
    pools = {
        "two": ["breaks", "last"], "three": ["breaks", "breaks-too", "last"], "from-claude": ["claude", "last"],
        "around-claude": ["breaks", "claude-last", "last"], "to-claude": ["breaks", "claude-last"],
        "claude-twice": ["claude", "breaks-too", "last"],
        **{f"from-{name}": [name, "last"] for name in ("claude-closed", "claude-thinks", "claude-calls")},
    }  # fmt: skip
    rules = [{"name": "on", "fallback": {"after_output": "continue", "retries": 0}}]
    config = {
        "deployments": deployments,
        "models": {name: {"deployments": pool} for name, pool in pools.items()},
        "policy": {"rules": rules},
    }
    with GatewayProcess(tmp_path_factory.mktemp("across"), config) as process:
        yield process


@pytest.fixture(autouse=True)
def _well(gateway: GatewayProcess) -> Iterator[None]:
    """Each test begins with deployments that have answered."""
    yield
    for name in ("breaks", "breaks-too", "claude", "claude-last", "claude-closed", "claude-thinks", "claude-calls"):
        path = MESSAGES if name.startswith("claude") else CHAT
        _, decision = ask(gateway, path, name, messages=[{"role": "user", "content": "Be well."}])
        assert decision["record"]["outcome"] == "ok"


def ask(gateway: GatewayProcess, path: str, model: str, **more: Any) -> tuple[bytes, dict[str, Any]]:
    body = {
        "model": model,
        "max_tokens": 200,
        "messages": [{"role": "user", "content": "Count."}],
        "stream": True,
        **more,
    }
    answer = httpx.post(f"{gateway.url}{path}", json=body, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.content, gateway.decision(answer.headers["x-gateway-decision"])


def read(path: str, body: bytes) -> tuple[str, str | None, dict[str, Any]]:
    """The text, why it ended, and the last usage that was told."""
    if path == CHAT:
        lines = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: {")]
        chunks = [json.loads(line) for line in lines]
        choices = [choice for one in chunks for choice in one.get("choices", [])]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        ends = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
        assert body.endswith(b"data: [DONE]\n\n") is bool(ends)
        assert len({(one["id"], one["model"]) for one in chunks if "id" in one}) == 1
        return (
            text,
            ends[-1] if ends else None,
            next((one["usage"] for one in reversed(chunks) if one.get("usage")), {}),
        )
    found = list(of_events(body))
    names = [name for name, _ in found]
    assert names.count("message_start") == 1
    assert names.count("message_stop") <= 1
    text = "".join(data["delta"].get("text", "") for name, data in found if name == "content_block_delta")
    assert {data["index"] for name, data in found if name == "content_block_delta"} <= {0}
    ends = [data for name, data in found if name == "message_delta"]
    assert (names[-1] == "message_stop") is bool(ends)
    return text, ends[-1]["delta"]["stop_reason"] if ends else None, ends[-1]["usage"] if ends else {}


OPEN = [
    ("two", ["breaks", "last"]),
    ("three", ["breaks", "breaks-too", "last"]),
    ("from-claude", ["claude", "last"]),
    ("around-claude", ["breaks", "last"]),
    ("claude-twice", ["claude", "breaks-too", "last"]),
]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(("model", "tried"), OPEN, ids=[one[0] for one in OPEN])
def test_another_goes_on_and_the_caller_reads_one_answer(
    gateway: GatewayProcess, path: str, model: str, tried: list[str]
) -> None:
    more = {"stream_options": {"include_usage": True}} if path == CHAT else {}
    body, decision = ask(gateway, path, model, **more)
    record = decision["record"]
    text, end, used = read(path, body)
    assert text == BEGINNING + REST
    assert end == ("stop" if path == CHAT else "end_turn")
    assert [attempt["deployment"] for attempt in record["attempts"]] == tried
    assert (record["outcome"], record["answered_by"]) == ("ok", "last")
    assert f": {tried[-2]} broke off (truncated); last goes on".encode() in body
    assert used[{CHAT: "completion_tokens", MESSAGES: "output_tokens"}[path]] > 22  # of all parts


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("model", ["from-claude-closed", "from-claude-thinks", "from-claude-calls"])
def test_what_is_no_open_text_ends_with_an_error(gateway: GatewayProcess, path: str, model: str) -> None:
    body, decision = ask(gateway, path, model)
    assert b"error" in body
    assert b"goes on" not in body
    assert outcomes(decision["record"])[0][1] == "truncated"
    assert read(path, body)[1] is None


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_provider_that_refuses_to_go_on_is_not_asked_and_the_decision_says_who_may(
    gateway: GatewayProcess, path: str
) -> None:
    body, decision = ask(gateway, path, "to-claude")
    assert outcomes(decision["record"]) == [("breaks", "truncated")]
    assert b"goes on" not in body
    candidates = decision["record"]["decision"]["candidates"]
    assert {one["deployment"]: one.get("continues", False) for one in candidates} == {
        "breaks": True,
        "claude-last": False,
    }
    assert "breaks may go on with it" in json.dumps(decision)
