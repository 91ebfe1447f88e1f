"""A provider that repeats the gateway's credential tells it to nobody, wherever it puts it (law 11)."""

import base64
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted, completion, delta, events, response

KEY = "sk-canary-0123456789abcdef"
SHORTEST_LEAK = KEY[3:13]
SPELLINGS = {
    "upper case": KEY.upper(),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "base64 of a password": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "base64 in lower case": base64.b64encode(KEY.encode()).decode().lower(),
    "hex": KEY.encode().hex(),
    "the beginning": KEY[:12],
    "the middle": KEY[6:16],
    "the end": KEY[-9:],
    "masked": f"{KEY[:5]}***************{KEY[-4:]}",
    "masked by dots": f"{KEY[:7]}...{KEY[-4:]}",
    "masked, its end": f"****{KEY[-4:]}",
    "its last four": KEY[-4:],
}


def says(asked: Asked) -> bytes | None:
    """By the prompt: where the key is repeated."""
    match asked.text:
        case "message" | "code" | "param" | "type" as place:
            return response({"error": {"message": "no", place: KEY}}, 400)
        case "long message":
            return response({"error": {"message": "x" * 1980 + KEY}}, 400)
        case spelling if spelling in SPELLINGS:
            return response({"error": {"message": f"Wrong key ({SPELLINGS[spelling]}). Ends in {KEY[-4:]}."}}, 400)
        case "server error":
            return response({"error": {"message": KEY, "type": KEY, "code": KEY}}, 500)
        case "model":
            return response(completion(model=KEY))
        case "finish":
            return response(completion(finish=KEY))
        case "tier":
            return response(completion(service_tier=KEY))
        case "coding":
            return response(b"x", content_encoding=f"{'a' * 15}{KEY}")
        case _:
            return events(delta("a", model=KEY), delta(finish=KEY))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with Scripted(says) as upstream:
        one = deployment(upstream.base_url, "m", api_key="${env:UPSTREAM_KEY}")
        config = {"deployments": {"chat": one}, "policy": {"rules": [{"name": "once", "fallback": {"retries": 0}}]}}
        with GatewayProcess(tmp_path_factory.mktemp("redaction"), config, {"UPSTREAM_KEY": KEY}) as process:
            yield process
        assert all(asked.headers["authorization"] == f"Bearer {KEY}" for asked in upstream.asked)
        assert SHORTEST_LEAK not in process.log.read_text()


def ask(gateway: GatewayProcess, place: str, *, stream: bool = False) -> tuple[httpx.Response, str]:
    """The answer, and all that is on record of it."""
    body = {"model": "chat", "stream": stream, "messages": [{"role": "user", "content": place}]}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, trust_env=False, timeout=20)
    return answer, str(gateway.decision(answer.headers["x-gateway-decision"]))


REFUSALS = ["message", "long message", "code", "param", "type", "server error", "coding"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", REFUSALS)
def test_in_an_error(gateway: GatewayProcess, place: str, stream: bool) -> None:
    answer, record = ask(gateway, place, stream=stream)
    assert answer.status_code >= 400
    assert SHORTEST_LEAK not in answer.text
    assert SHORTEST_LEAK not in str(answer.headers)
    assert SHORTEST_LEAK not in record


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_in_another_spelling(gateway: GatewayProcess, spelling: str) -> None:
    answer, _ = ask(gateway, spelling)
    said = answer.json()["error"]["message"]
    before = {"base64 of a password": "dXNlcjp", "base64 of the header": "QmVhcmVyIH"}.get(spelling, "")
    assert said.replace("=", "") == f"Wrong key ({before}[redacted]). Ends in [redacted]."


@pytest.mark.parametrize("place", ["model", "finish", "tier"])
def test_in_an_answer(gateway: GatewayProcess, place: str) -> None:
    """The answer itself is the caller's, byte by byte; the record is not."""
    answer, record = ask(gateway, place)
    assert answer.status_code == 200
    assert SHORTEST_LEAK not in record
    assert SHORTEST_LEAK not in str(answer.headers)


def test_in_a_stream(gateway: GatewayProcess) -> None:
    answer, record = ask(gateway, "stream", stream=True)
    assert answer.text.endswith("[DONE]\n\n")
    assert "[redacted]" in record
    assert SHORTEST_LEAK not in record


def test_what_a_provider_says_of_itself_is_bounded(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Scripted(lambda _: response(completion(model="m" * 1_000_000))) as upstream:
        config = {"deployments": {"chat": deployment(upstream.base_url, "m")}}
        with GatewayProcess(tmp_path_factory.mktemp("bounded"), config) as gateway:
            answer, record = ask(gateway, "hi")
            assert len(answer.content) > 1_000_000
            assert len(record) < 10_000
