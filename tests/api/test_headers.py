"""The optional headers: what they bound is bounded, and a bad or doubled one is refused, never ignored."""

import gzip
import json
import socket

import httpx2 as httpx
import pytest

from tests.support.client import MESSAGES, post
from tests.support.gateway import GatewayProcess

HEADERS = [
    ("x-gateway-sensitivity", "secret"),
    ("x-gateway-deadline-ms", "0"),
    ("x-gateway-deadline-ms", "soon"),
    ("x-gateway-deadline-ms", "000000000001" + "9" * 400),
    ("x-gateway-deadline-ms", "1" + "0" * 5000),
    ("x-gateway-max-cost-usd", "-1"),
    ("x-gateway-max-cost-usd", "1_0"),
    ("x-gateway-max-cost-usd", "inf"),
    ("x-gateway-max-cost-usd", "9" * 400),
    ("x-gateway-max-cost-usd", "nan"),
    ("x-gateway-tags", "a"),
    ("x-gateway-tags", ",".join(f"t{i}=1" for i in range(17))),
]


@pytest.mark.parametrize(("name", "value"), HEADERS)
def test_bad_headers_are_refused(gateway: GatewayProcess, name: str, value: str) -> None:
    answer = post(gateway, {"model": "chat", "messages": MESSAGES}, **{name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == name


MISSPELT = {
    "x-gateway-sensitivty": "x-gateway-sensitivity",
    "X-Gateway-Sensitivity-": "x-gateway-sensitivity",
    "x-gateway-deadline-s": "x-gateway-deadline-ms",
    "x-gateway-max-cost": "x-gateway-max-cost-usd",
    "x-gateway_tags": "x-gateway-tags",
    "x_gateway_session": "x-gateway-session",
    "x-gatewaysession": "x-gateway-session",
    "x-gatway-sensitivity": "x-gateway-sensitivity",
    "x-gatewy-deadline-ms": "x-gateway-deadline-ms",
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/admin/explain"])
@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_header_is_not_ignored(gateway: GatewayProcess, path: str, name: str) -> None:
    body = {"model": "chat", "messages": MESSAGES}
    answer = httpx.post(f"{gateway.url}{path}", json=body, headers={name: "restricted"}, trust_env=False)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_header", name.lower())
    assert f"did you mean {MISSPELT[name]!r}?" in error["message"]
    assert all(known in error["message"] for known in set(MISSPELT.values()))


@pytest.mark.parametrize("name", ["x-gateway-", "x-gateway", "x-gateway-zzz"])
def test_a_header_like_none_is_not_ignored_either(gateway: GatewayProcess, name: str) -> None:
    answer = post(gateway, {"model": "chat", "messages": MESSAGES}, **{name: "1"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


@pytest.mark.parametrize("name", ["x-google-trace", "x-gitlab-event", "x-gate", "x-forwarded-for", "x-gw-tag"])
def test_what_others_add_is_theirs(gateway: GatewayProcess, name: str) -> None:
    assert post(gateway, {"model": "chat", "messages": MESSAGES}, **{name: "1"}).status_code == 200


TWICE = [
    ("x-gateway-sensitivity", "restricted", "public"), ("X-Gateway-Sensitivity", "public", "restricted"),
    ("x-gateway-max-cost-usd", "1", "1"), ("authorization", "Bearer a", "Bearer b"), ("x-api-key", "a", "a"),
    ("x-request-id", "a", "b"), ("origin", "http://localhost", "http://localhost"), ("content-encoding", "gzip", "identity"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "second"), TWICE)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/admin/explain"])
def test_a_header_that_counts_is_sent_once(
    gateway: GatewayProcess, path: str, name: str, first: str, second: str
) -> None:
    """A class that a proxy has put in front is not overridden by the caller's own, nor the other way round."""
    body = json.dumps({"model": "chat", "messages": MESSAGES}).encode()
    headers = [(name, first), ("accept", "a"), ("accept", "b"), (name, second)]
    answer = httpx.post(f"{gateway.url}{path}", content=body, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name.lower())
    assert httpx.post(f"{gateway.url}{path}", content=body, headers=headers[1:3], trust_env=False).status_code == 200


@pytest.mark.parametrize("usd", ["1", "0.5", ".5", "1.", "1e-1", "2E+3"])
def test_a_number_may_be_written_in_any_usual_way(gateway: GatewayProcess, usd: str) -> None:
    assert post(gateway, {"model": "chat", "messages": MESSAGES}, **{"x-gateway-max-cost-usd": usd}).status_code == 200


TAKES_A_BODY = [
    ("POST", "/v1/chat/completions"), ("POST", "/admin/explain"), ("PUT", "/admin/policy"), ("POST", "/admin/policy/check"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), TAKES_A_BODY)
def test_an_encoded_body_is_told_what_is_taken(gateway: GatewayProcess, method: str, path: str) -> None:
    body = gzip.compress(json.dumps({"model": "chat", "messages": MESSAGES}).encode())
    for encoding in ("gzip", "br", "x-unknown", "gzip, identity"):
        headers = {"content-encoding": encoding}
        answer = httpx.request(method, f"{gateway.url}{path}", content=body, headers=headers, trust_env=False)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (415, "unsupported_content_encoding")
        assert (error["type"], error["param"]) == ("invalid_request_error", "content-encoding")
        assert answer.headers["accept-encoding"] == "identity"


def test_an_encoded_body_is_not_waited_for(gateway: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n"
        client.sendall(head + b"content-encoding: gzip\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 415")


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_as_it_is_may_say_so(gateway: GatewayProcess, encoding: str) -> None:
    headers = {"content-encoding": encoding}
    assert post(gateway, {"model": "chat", "messages": MESSAGES}, **headers).status_code == 200
