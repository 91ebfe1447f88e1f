"""Embeddings from outside, by the official SDK and by hand, over real sockets: parts, retries, costs, deadlines."""

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import openai
import pytest

from tests.conftest import Upstream
from tests.fake_upstream import vectors
from tests.support.gateway import GatewayProcess, deployment

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 0.0}
MANY = [f"text {at}" for at in range(10_000)]
EXPECTED = [vectors.numbers(vectors.packed(text)) for text in MANY]
TOKENS = 20_000  # a word is a token
PARTS = 5  # of 2,048 at most


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    def one(model: str, **more: Any) -> dict[str, Any]:
        return deployment(upstream.base_url, model, price=PRICE, surfaces=["embeddings"], **more)

    deployments = {
        "vectors": one("vectors"),
        "fails-once": one("vectors_500_once@5000"),
        "limited-once": one("vectors_429_once@5000"),
        "fails": one("vectors_500_for@5000"),
        "hangs": one("vectors_hang_for@5000", timeouts={"total_s": 60, "adaptive": False}),
        "missing": one("vector_missing"),
        "missing-once": one("vector_missing_once"),
        "out-of-order": one("vectors_out_of_order"),
        "unnumbered": one("vectors_without_index"),
        "uncounted": one("vectors_without_usage"),
        "chat-only": deployment(upstream.base_url, "ok", price=PRICE),
    }
    config = {"deployments": deployments}
    with GatewayProcess(tmp_path_factory.mktemp("embeddings"), config) as process:
        yield process


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)


def post(gateway: GatewayProcess, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/embeddings", json=body, headers=headers, trust_env=False, timeout=30)


def record_of(gateway: GatewayProcess, headers: Any) -> dict[str, Any]:
    record: dict[str, Any] = gateway.decision(headers["x-gateway-decision"])["record"]
    return record


def test_the_sdk_asks_base64_and_gets_what_floats_are(client: openai.OpenAI, upstream: Upstream) -> None:
    raw = client.embeddings.with_raw_response.create(model="vectors", input=["text 0", "text 1"])
    assert json.loads(upstream.last("vectors")["body"])["encoding_format"] == "base64"
    answer = raw.parse()
    assert [one.embedding for one in answer.data] == EXPECTED[:2]
    assert float(raw.headers["x-gateway-cost-usd"]) == pytest.approx(4 / 1e6)
    numbers = client.embeddings.create(model="vectors", input=["text 0", "text 1"], encoding_format="float")
    assert [one.embedding for one in numbers.data] == EXPECTED[:2]


@pytest.mark.parametrize("given", ["a text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_inputs(client: openai.OpenAI, given: Any) -> None:
    count = len(given) if isinstance(given[0], list) or given == ["a", "b"] else 1
    answer = client.embeddings.create(model="vectors", input=given, dimensions=3)
    assert [(one.index, len(one.embedding)) for one in answer.data] == [(at, 3) for at in range(count)]


@pytest.mark.parametrize("model", ["vectors", "fails-once", "limited-once"])
def test_ten_thousand_inputs_are_split_and_in_order(client: openai.OpenAI, gateway: GatewayProcess, model: str) -> None:
    raw = client.embeddings.with_raw_response.create(model=model, input=MANY)
    answer = raw.parse()
    assert [one.embedding for one in answer.data] == EXPECTED
    assert [one.index for one in answer.data] == list(range(10_000))
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (TOKENS, TOKENS)
    record = record_of(gateway, raw.headers)
    outcomes = [attempt["outcome"] for attempt in record["attempts"]]
    assert outcomes.count("ok") == PARTS
    assert len(outcomes) == PARTS + (model != "vectors")
    assert raw.headers["x-gateway-attempts"] == str(len(outcomes))
    assert float(raw.headers["x-gateway-cost-usd"]) == pytest.approx(TOKENS / 1e6)
    assert sum(attempt["cost_usd"] or 0 for attempt in record["attempts"]) == pytest.approx(TOKENS / 1e6)


def test_floats_and_base64_agree_bit_for_bit_over_parts(gateway: GatewayProcess) -> None:
    numbers = post(gateway, model="vectors", input=MANY[:3000], encoding_format="float").json()["data"]
    packed = post(gateway, model="vectors", input=MANY[:3000], encoding_format="base64").json()["data"]
    for one, other in zip(numbers, packed, strict=True):
        assert vectors.numbers(base64.b64decode(other["embedding"])) == one["embedding"]


def test_what_came_out_of_order_is_in_order(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="out-of-order", input=MANY[:3])
    assert [one.embedding for one in answer.data] == EXPECTED[:3]
    assert [one.index for one in answer.data] == [0, 1, 2]


def test_without_numbers_the_order_counts(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="unnumbered", input=MANY[:3])
    assert [one.embedding for one in answer.data] == EXPECTED[:3]


def test_a_vector_too_few_is_no_answer(gateway: GatewayProcess) -> None:
    answer = post(gateway, model="missing", input=MANY[:3])
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "truncated"


def test_no_part_is_given_out_alone(gateway: GatewayProcess) -> None:
    answer = post(gateway, model="fails", input=MANY, encoding_format="base64")
    assert answer.status_code >= 500
    record = record_of(gateway, answer.headers)
    assert (record["outcome"], record["answered_by"]) == ("server_error", None)
    paid = sum(attempt["cost_usd"] or 0 for attempt in record["attempts"])
    assert paid == pytest.approx(2 * 2 * 2048 / 1e6)  # the parts before it were answered, and are paid for


def test_an_unknown_part_of_the_cost_is_not_nothing(gateway: GatewayProcess) -> None:
    answer = post(gateway, model="uncounted", input=MANY[:3000])
    assert answer.headers["x-gateway-cost-usd"] == "unknown"
    assert "usage" not in answer.json()


def test_the_deadline_is_of_all_parts(gateway: GatewayProcess) -> None:
    since = time.monotonic()
    answer = post(gateway, {"x-gateway-deadline-ms": "1500"}, model="hangs", input=MANY, encoding_format="base64")
    assert time.monotonic() - since < 10
    assert answer.status_code == 504
    attempts = record_of(gateway, answer.headers)["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["ok", "ok", "deadline_exceeded"]


def hanging(upstream: Upstream) -> list[dict[str, Any]]:
    return [row for row in upstream.ask("/_seen") if row["model"] == "vectors_hang_for@5000"]


def test_a_caller_that_leaves_stops_the_work(gateway: GatewayProcess, upstream: Upstream) -> None:
    """While the third part is asked; no part is asked after it."""
    before = len(hanging(upstream))
    body = json.dumps({"model": "hangs", "input": MANY, "encoding_format": "base64"}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as caller:
        caller.sendall(head + body)
        wait_for(lambda: len(hanging(upstream)) >= before + 3)
    wait_for(lambda: hanging(upstream)[-1]["left_ms"] is not None)
    assert len(hanging(upstream)) == before + 3


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_ceiling_on_the_cost_counts_no_output(gateway: GatewayProcess) -> None:
    assert post(gateway, {"x-gateway-max-cost-usd": "0.001"}, model="vectors", input="a").status_code == 200
    refused = post(gateway, {"x-gateway-max-cost-usd": "0.000001"}, model="vectors", input=MANY[:100])
    assert refused.status_code == 400


def test_a_ceiling_on_the_cost_is_of_all_parts(gateway: GatewayProcess) -> None:
    """Each part's first answer is none, and may have cost; what is lost so is not spent again by the next part."""
    free = post(gateway, model="missing-once", input=MANY[:6000], encoding_format="base64")
    assert (free.status_code, free.headers["x-gateway-attempts"]) == (200, "6")
    (candidate,) = record_of(gateway, free.headers)["decision"]["candidates"]
    bounded = {"x-gateway-max-cost-usd": f"{2.5 * candidate['most_usd']:.9f}"}
    refused = post(gateway, bounded, model="missing-once", input=MANY[1:6001], encoding_format="base64")
    outcomes = [attempt["outcome"] for attempt in record_of(gateway, refused.headers)["attempts"]]
    assert (refused.status_code, outcomes) == (502, ["truncated", "ok", "truncated"])


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {"input": None}, "input"),
    ("no inputs", {"input": []}, "input"),
    ("a mixture", {"input": ["a", 1]}, "input"),
    ("a float", {"input": [1.5]}, "input[0]"),
    ("an object", {"input": {"text": "a"}}, "input"),
    ("lists of texts", {"input": [["a"]]}, "input[0][0]"),
    ("another form", {"encoding_format": "int8"}, "encoding_format"),
    ("no dimensions", {"dimensions": 0}, "dimensions"),
    ("a float of dimensions", {"dimensions": 1.5}, "dimensions"),
]


@pytest.mark.parametrize(("fields", "path"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_bodies(gateway: GatewayProcess, fields: dict[str, Any], path: str) -> None:
    answer = post(gateway, model="vectors", **{"input": "x", **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == path


def test_input_is_required(gateway: GatewayProcess) -> None:
    answer = post(gateway, model="vectors")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")


def test_a_deployment_of_chats_is_not_asked(gateway: GatewayProcess) -> None:
    answer = post(gateway, model="chat-only", input="x")
    assert answer.status_code >= 400
    assert "embeddings" in answer.json()["error"]["message"]


def test_a_deployment_of_embeddings_takes_no_chats(gateway: GatewayProcess) -> None:
    body = {"model": "vectors", "messages": [{"role": "user", "content": "x"}]}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, trust_env=False)
    assert answer.status_code >= 400
    assert "chat" in answer.json()["error"]["message"]


def test_the_books_agree(gateway: GatewayProcess) -> None:
    metrics = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    assert 'surface="embeddings"' in metrics
    in_flight = [line for line in metrics.splitlines() if line.startswith("gateway_attempts_in_flight{")]
    assert all(line.endswith(" 0.0") for line in in_flight)
    assert "Traceback" not in gateway.log.read_text()
