"""Where requests are looked through, and what follows when they cannot be."""

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import hyperscan
import msgspec
import pytest

from gateway.app import Gateway
from gateway.flow.classify import OFF_LOOP_BYTES, Classifier
from gateway.flow.fair_threads import FairThreads, TimeSlice, TooBusy
from gateway.providers.vendors import OFFERS
from gateway.routing.plan import Detecting
from gateway.settings import load
from gateway.values.finding import SensitiveKind
from gateway.values.request import Facts, Request
from gateway.values.sensitivity import Sensitivity
from tests.conftest import configuration

CARD = "4111 1111 1111 1111"
DENSE = "123 456 " * 2_000
LARGE = "a b " * (OFF_LOOP_BYTES // 2)


def detecting(limit_s: float = 30.0, kinds: frozenset[SensitiveKind] = frozenset(SensitiveKind)) -> Detecting:
    return Detecting(kinds, dict.fromkeys(SensitiveKind, Sensitivity.CONFIDENTIAL), Sensitivity.RESTRICTED, limit_s)


def asked(text: str, key: str = "app") -> Request:
    fields = msgspec.json.decode(json.dumps({"messages": [{"content": text}]}), type=dict[str, msgspec.Raw])
    facts = Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=None, stream=False, key=key
    )  # fmt: skip
    return Request(id="r", fields=fields, size=len(text), facts=facts, wants_usage=False)


@pytest.mark.parametrize(
    ("text", "on_threads"),
    [("hello", 0), (CARD, 0), (LARGE, 1), (LARGE + CARD, 1), (DENSE, 1), (DENSE + CARD, 1)],
)
async def test_large_bodies_and_dense_ones_go_to_a_thread(text: str, on_threads: int) -> None:
    classifier = Classifier()
    request = await classifier.classify(asked(text), detecting())
    assert request.facts.found == ((SensitiveKind.CARD,) if CARD in text else ())
    assert request.facts.sensitivity is (Sensitivity.CONFIDENTIAL if CARD in text else Sensitivity.PUBLIC)
    so_far = classifier.so_far
    assert (so_far.on_threads, so_far.found, so_far.clean) == (on_threads, int(CARD in text), int(CARD not in text))
    assert classifier.classify_now(asked(text), detecting()).facts == request.facts
    classifier.close()


async def test_out_of_time_is_the_policy_s_class(caplog: pytest.LogCaptureFixture) -> None:
    classifier = Classifier()
    request = await classifier.classify(asked(DENSE * 20 + CARD), detecting(limit_s=1e-6))
    assert (request.facts.sensitivity, request.facts.detection_failed) == (Sensitivity.RESTRICTED, True)
    assert classifier.so_far.failed == 1
    assert "out of time" in caplog.text
    assert "4111" not in caplog.text
    classifier.close()


async def test_no_patterns_are_compiled_once_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier()

    def compiled(*_: object) -> None:
        raise AssertionError("patterns were compiled for a request")

    monkeypatch.setattr(hyperscan, "Database", compiled)
    for kinds in (
        frozenset(SensitiveKind),
        frozenset({SensitiveKind.CARD}),
        frozenset({SensitiveKind.EMAIL, SensitiveKind.CARD}),
    ):
        request = await classifier.classify(asked(f"{CARD} jane@example.com +1 415-555-2671"), detecting(kinds=kinds))
        assert SensitiveKind.CARD in request.facts.found
        assert set(request.facts.found) <= kinds
    classifier.close()


async def test_a_request_that_finds_no_thread_is_turned_away() -> None:
    threads = FairThreads("test", threads=1, most_waiting=1, longest_wait_s=0.02)
    classifier, go = Classifier(threads), threading.Event()
    blocked = asyncio.create_task(threads.run("huge", lambda _: go.wait(20), 30))
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await classifier.classify(asked(LARGE), detecting())
    assert (await classifier.classify(asked(CARD), detecting())).facts.found == (SensitiveKind.CARD,)  # needs none
    assert classifier.so_far.turned_away == 1
    go.set()
    await blocked
    assert (await classifier.classify(asked(LARGE), detecting())).facts.found == ()
    classifier.close()


async def test_the_caller_is_told_503_and_when_to_come_back(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(configuration("http://127.0.0.1:9/v1")))
    gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, OFFERS))
    go = threading.Event()

    def blocks(_: TimeSlice) -> bool:
        return go.wait(20)

    threads = gateway._classifier._threads
    await threads.run(None, lambda _: time.sleep(0.1), 30)  # so that what waits takes long, by its bytes
    blocked = [asyncio.create_task(threads.run(None, blocks, 30, size=1000)) for _ in range(3)]
    await asyncio.sleep(0)
    status, headers, body = await post(gateway, {"model": "ok", "messages": [{"role": "user", "content": LARGE}]})
    assert (status, body["error"]["code"]) == (503, "gateway_busy")
    assert int(headers["retry-after"]) >= 10
    text = gateway.metrics.text().decode()
    assert 'gateway_rejected_requests_total{code="gateway_busy",surface="chat.completions"} 1.0' in text
    assert 'gateway_detections_total{result="turned_away"} 1.0' in text
    assert "gateway_detections_waiting 1.0" in text
    go.set()
    await asyncio.gather(*blocked)
    await gateway.stop()


async def post(gateway: Gateway, body: object) -> tuple[int, dict[str, str], Any]:
    sent: list[dict[str, Any]] = []
    received = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> dict[str, Any]:
        if received:
            return received.pop()
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions",
        "query_string": b"", "headers": [(b"content-type", b"application/json")], "client": ("127.0.0.1", 1), "scheme": "http",
    }  # fmt: skip
    await gateway.asgi(scope, receive, send)  # type: ignore[arg-type]
    head = next(message for message in sent if message["type"] == "http.response.start")
    content = b"".join(message.get("body", b"") for message in sent)
    headers = {name.decode(): value.decode() for name, value in head["headers"]}
    return head["status"], headers, json.loads(content)
