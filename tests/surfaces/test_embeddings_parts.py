"""Embeddings in parts over real sockets: what one part learned, one model for all, and answers that mislead."""

import base64
import itertools
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2 as httpx
import openai
import pytest

from tests.fake_upstream import vectors
from tests.support.fleet import Fleet, Stand
from tests.support.gateway import GatewayProcess, deployment

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 0.0}
MANY = [f"text {at}" for at in range(10_000)]
PARTS = 5  # of 2,048 at most
FIRST = [vectors.numbers(vectors.packed(text)) for text in MANY]  # those of one model
OTHER = [vectors.numbers(vectors.packed("b" + text)) for text in MANY]  # those of another
SETS = 24
PATIENT = {"connect_s": 5, "first_output_s": 30, "idle_s": 30, "total_s": 30}
_numbers = itertools.count()


class Set(NamedTuple):
    """Deployments that no other test has: `a` and `b` of one model, `c` of another; and who stands behind them."""

    a: str
    b: str
    c: str
    same: str  # the pool of a and b
    mixed: str  # the pool of a and c
    three: str


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(3) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    deployments: dict[str, Any] = {}
    models: dict[str, Any] = {}
    more: dict[str, Any] = {"price": PRICE, "surfaces": ["embeddings"], "timeouts": PATIENT}
    for number in range(SETS):
        for letter, stand, model in zip("abc", fleet.stands, ("m", "m", "other"), strict=True):
            deployments[f"{letter}{number}"] = deployment(stand.base_url, model, **more)
        models[f"same{number}"] = {"deployments": [f"a{number}", f"b{number}"]}
        models[f"mixed{number}"] = {"deployments": [f"a{number}", f"c{number}"]}
        models[f"three{number}"] = {"deployments": [f"a{number}", f"b{number}", f"c{number}"]}
    small = {**more, "provider": "openai_compatible"}
    deployments["small"] = deployment(fleet.stands[0].base_url, "m", **small)
    config = {
        "deployments": deployments,
        "models": models,
        "policy": {"rules": [{"name": "all", "fallback": {"retries": 0}}]},
    }
    with GatewayProcess(tmp_path_factory.mktemp("parts"), config) as process:
        yield process


@pytest.fixture
def own(fleet: Fleet) -> Set:
    fleet.stands[0].play("vectors")
    fleet.stands[1].play("vectors")
    fleet.stands[2].play("vectors_b")
    for stand in fleet.stands:
        stand.forget()
    number = next(_numbers)
    assert number < SETS
    return Set(*(f"{name}{number}" for name in ("a", "b", "c", "same", "mixed", "three")))


@pytest.fixture
def a(fleet: Fleet, own: Set) -> Stand:
    return fleet.stands[0]


@pytest.fixture
def b(fleet: Fleet, own: Set) -> Stand:
    return fleet.stands[1]


@pytest.fixture
def c(fleet: Fleet, own: Set) -> Stand:
    return fleet.stands[2]


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0, timeout=60)


def post(gateway: GatewayProcess, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    body = {"encoding_format": "base64", **body}
    return httpx.post(f"{gateway.url}/v1/embeddings", json=body, headers=headers, trust_env=False, timeout=60)


def told(answer: httpx.Response) -> list[list[float]]:
    assert answer.status_code == 200, answer.text[:500]
    data = answer.json()["data"]
    assert [one["index"] for one in data] == list(range(len(data)))
    return [vectors.numbers(base64.b64decode(one["embedding"])) for one in data]


def asked(stand: Stand) -> list[dict[str, Any]]:
    """The requests that came there since it forgot."""
    rows: list[dict[str, Any]] = httpx.get(f"http://127.0.0.1:{stand.port}/_seen", trust_env=False).json()
    return [row for row in rows if row["path"] == "/v1/embeddings"]


def attempts(gateway: GatewayProcess, answer: httpx.Response) -> list[tuple[str, str]]:
    record = gateway.decision(answer.headers["x-gateway-decision"])["record"]
    return [(one["deployment"][:1], one["outcome"]) for one in record["attempts"]]


def test_who_failed_one_part_is_not_asked_in_each(gateway: GatewayProcess, own: Set, a: Stand) -> None:
    a.play("error_500")
    answer = post(gateway, model=own.same, input=MANY)
    assert told(answer) == FIRST
    assert attempts(gateway, answer) == [("a", "server_error"), *[("b", "ok")] * PARTS]
    assert answer.json()["usage"]["prompt_tokens"] == 20_000


def test_another_deployment_of_the_same_model_takes_over_in_the_middle(
    gateway: GatewayProcess, own: Set, a: Stand
) -> None:
    a.play("vectors_500_for@5000")
    answer = post(gateway, model=own.same, input=MANY)
    assert told(answer) == FIRST
    assert attempts(gateway, answer) == [("a", "ok"), ("a", "ok"), ("a", "server_error"), *[("b", "ok")] * 3]
    assert float(answer.headers["x-gateway-cost-usd"]) == pytest.approx(20_000 / 1e6)


def test_another_model_is_asked_for_all_of_it(
    client: openai.OpenAI, gateway: GatewayProcess, own: Set, a: Stand
) -> None:
    a.play("vectors_500_for@5000")
    raw = client.embeddings.with_raw_response.create(model=own.mixed, input=MANY)
    assert [one.embedding for one in raw.parse().data] == OTHER
    record = gateway.decision(raw.headers["x-gateway-decision"])["record"]
    by = [(one["deployment"][:1], one["outcome"]) for one in record["attempts"]]
    assert by == [("a", "ok"), ("a", "ok"), ("a", "server_error"), *[("c", "ok")] * PARTS]
    paid = sum(one["cost_usd"] or 0 for one in record["attempts"])
    assert paid == pytest.approx((20_000 + 2 * 2 * 2048) / 1e6)  # what came to nothing was paid for as well
    assert raw.headers["x-gateway-deployment"] == own.c


def test_the_same_model_is_asked_before_another(gateway: GatewayProcess, own: Set, a: Stand) -> None:
    a.play("vectors_500_for@5000")
    answer = post(gateway, model=own.three, input=MANY)
    assert told(answer) == FIRST
    assert ("c", "ok") not in attempts(gateway, answer)


def test_the_first_part_takes_any_model_that_answers(gateway: GatewayProcess, own: Set, a: Stand, b: Stand) -> None:
    a.play("error_500")
    b.play("error_500")
    answer = post(gateway, model=own.three, input=MANY)
    assert told(answer) == OTHER
    assert attempts(gateway, answer) == [("a", "server_error"), ("b", "server_error"), *[("c", "ok")] * PARTS]


def test_no_model_answers_all_of_it(gateway: GatewayProcess, own: Set, a: Stand, c: Stand) -> None:
    a.play("vectors_500_for@5000")
    c.play("vectors_b_500_for@9000")
    answer = post(gateway, model=own.mixed, input=MANY)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "server_error"
    assert own.c in answer.json()["error"]["message"]
    assert [one for one in attempts(gateway, answer) if one[1] != "ok"] == [
        ("a", "server_error"),
        ("c", "server_error"),
    ]


@pytest.mark.parametrize(("usd", "status"), [("0.032", 502), ("0.06", 200)])
def test_what_was_asked_in_vain_is_gone_from_the_ceiling(
    gateway: GatewayProcess, own: Set, a: Stand, c: Stand, usd: str, status: int
) -> None:
    a.play("vectors_500_for@5000")
    answer = post(gateway, {"x-gateway-max-cost-usd": usd}, model=own.mixed, input=MANY)
    assert answer.status_code == status
    assert bool(asked(c)) is (status == 200)


def test_the_callers_mistake_is_not_asked_of_another_model(
    gateway: GatewayProcess, own: Set, a: Stand, c: Stand
) -> None:
    """And it names the input by its place in the request, not in the part."""
    a.play("vectors_400_for@5000")
    answer = post(gateway, model=own.mixed, input=MANY)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "input[5000]")
    assert "input[5000]" in error["message"]
    assert asked(c) == []


@pytest.mark.parametrize("fault", ["vectors_renamed_from@5000", "vectors_short_from@5000"])
def test_vectors_that_change_in_the_middle_are_never_given(
    gateway: GatewayProcess, own: Set, a: Stand, fault: str
) -> None:
    a.play(fault)
    answer = post(gateway, model=own.a, input=MANY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "malformed_answer")
    assert told(post(gateway, model=own.mixed, input=MANY)) == OTHER


def test_nobody_is_asked_after_the_deadline(gateway: GatewayProcess, own: Set, a: Stand, c: Stand) -> None:
    a.play("vectors_hang_for@5000")
    answer = post(gateway, {"x-gateway-deadline-ms": "3000"}, model=own.mixed, input=MANY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert asked(c) == []


@pytest.mark.parametrize("form", ["float", "base64"])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("vector_missing", "truncated"),
        ("vector_too_many", "truncated"),
        ("vector_twice", "malformed_answer"),
        ("vector_short", "malformed_answer"),
        ("vectors_nan", "malformed_answer"),
        ("null_vector", "malformed_answer"),
    ],
)
def test_an_answer_that_misleads_is_none(
    gateway: GatewayProcess, fleet: Fleet, fault: str, outcome: str, form: str
) -> None:
    """The next candidate is asked; alone it is an error."""
    fleet.stands[0].play(fault)
    fleet.stands[1].play("vectors")
    answer = post(gateway, model=f"same{SETS - 1}", input=MANY[:3], encoding_format=form)
    assert answer.status_code == 200
    record = gateway.decision(answer.headers["x-gateway-decision"])["record"]
    assert [one["outcome"] for one in record["attempts"]] in ([outcome, "ok"], ["ok"])  # a may rest by then
    alone = post(gateway, model=f"a{SETS - 1}", input=MANY[:3], encoding_format=form)
    assert alone.status_code in (502, 503)


@pytest.mark.parametrize("playing", ["vectors_other_form", "vectors_out_of_order"])
def test_what_is_only_written_otherwise_is_put_in_order(
    client: openai.OpenAI, gateway: GatewayProcess, own: Set, a: Stand, playing: str
) -> None:
    a.play(playing)
    for form in ({}, {"encoding_format": "float"}):
        for count in (3, 3000):
            answer = client.embeddings.create(model=own.a, input=MANY[:count], **form)  # type: ignore[arg-type]
            assert [one.embedding for one in answer.data] == FIRST[:count]
            assert [one.index for one in answer.data] == list(range(count))
    metrics = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    assert f'gateway_answer_anomalies_total{{anomaly="vectors_put_in_order",deployment="{own.a}"}}' in metrics


def test_base64_and_numbers_agree_bit_for_bit_whoever_writes_them(gateway: GatewayProcess, own: Set, a: Stand) -> None:
    bits = []
    for playing in ("vectors", "vectors_other_form"):
        a.play(playing)
        bits += [
            base64.b64decode(one["embedding"]) for one in post(gateway, model=own.a, input=MANY[:50]).json()["data"]
        ]
        floats = post(gateway, model=own.a, input=MANY[:50], encoding_format="float").json()["data"]
        bits += [struct.pack("<8f", *one["embedding"]) for one in floats]
    assert bits == [vectors.packed(text) for text in MANY[:50]] * 4


def test_dimensions_that_are_passed_over_are_no_answer(gateway: GatewayProcess, own: Set, a: Stand) -> None:
    a.play("vectors_of_full_size")
    assert told(post(gateway, model=own.a, input=MANY[:3])) == FIRST[:3]
    alone = post(gateway, model=own.a, input=MANY[:3], dimensions=3)
    assert (alone.status_code, alone.json()["error"]["code"]) == (502, "malformed_answer")
    spared = told(post(gateway, model=own.same, input=MANY[:3], dimensions=3))
    assert spared == [vectors.numbers(vectors.packed(text, 3)) for text in MANY[:3]]


def test_an_answer_that_would_not_fit_is_refused_after_the_first_part(
    gateway: GatewayProcess, own: Set, a: Stand
) -> None:
    many: dict[str, Any] = {"model": "small", "input": ["x"] * 20_000, "dimensions": 2000, "encoding_format": "float"}
    answer = post(gateway, **many)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "answer_too_large", "input")
    assert "MiB" in error["message"]
    assert len(asked(a)) == 1


def test_lists_of_tokens_are_as_long_as_vendors_take(gateway: GatewayProcess, own: Set, a: Stand) -> None:
    """More than a vendor takes at once: 300,000 tokens at OpenAI."""
    inputs = [[7] * 1000 for _ in range(600)]
    answer = post(gateway, model=own.a, input=inputs)
    assert told(answer) == [vectors.numbers(vectors.packed(" ".join(["7"] * 1000)))] * 600
    assert answer.json()["usage"]["prompt_tokens"] == 600_000
    assert attempts(gateway, answer) == [("a", "ok")] * 3


def test_an_empty_text_is_the_providers_to_judge(gateway: GatewayProcess, own: Set, a: Stand) -> None:
    assert told(post(gateway, model=own.a, input="")) == [vectors.numbers(vectors.packed(""))]
    a.play("bad_param_400")
    assert post(gateway, model=own.a, input=["a", ""]).status_code == 400


def test_the_gateway_is_well(gateway: GatewayProcess) -> None:
    assert "Traceback" not in gateway.log.read_text()
    metrics = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    assert 'outcome="internal_error"' not in metrics
    in_flight = [line for line in metrics.splitlines() if line.startswith("gateway_attempts_in_flight{")]
    assert all(line.endswith(" 0.0") for line in in_flight)
