"""What a caller may send: passed on unchanged, or refused at once with the field's path and what was expected."""

import json
import socket
import string
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import APP_KEY, OPERATOR_KEY, Upstream, configuration
from tests.support.client import MESSAGES, post
from tests.support.gateway import GatewayProcess
from tests.support.in_process import in_front_of

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
FULL: dict[str, Any] = {
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "What is this?"}, PICTURE]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1.50}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "a \u00e9\U0001f600 cat"},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "strict": True, "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "n": 2, "logprobs": True, "top_logprobs": 3, "temperature": 0.30, "top_p": 1, "seed": 7, "stop": ["x"],
    "max_completion_tokens": 10, "logit_bias": {"50256": -100}, "metadata": {"a": "b"}, "user": "u", "store": False,
    "prediction": {"type": "content", "content": "x"}, "reasoning_effort": "low", "parallel_tool_calls": False,
    "x_unknown": {"deep": [1, 2.0, None, {"e": 1e-7}]}, "guided_json": {"type": "object"}, "min_p": 0.05,
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_every_field_reaches_the_upstream_unchanged(gateway: GatewayProcess, upstream: Upstream, stream: bool) -> None:
    sent = {"model": "chat", "stream": stream, **FULL}
    if stream:
        sent["stream_options"] = {"include_obfuscation": False}
    assert post(gateway, sent).status_code == 200
    got = json.loads(upstream.last("ok")["body"])
    assert got.pop("model") == "ok"
    if stream:
        assert got.pop("stream_options") == {"include_obfuscation": False, "include_usage": True}
        sent.pop("stream_options")
    assert got == {name: value for name, value in sent.items() if name != "model"}
    assert list(got) == [name for name in sent if name != "model"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.text(string.ascii_letters + "_-. \u00e9", min_size=1, max_size=12).map(lambda name: f"x_{name}")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extra=st.dictionaries(names, values, max_size=4))
def test_unknown_fields_are_kept_to_the_byte(
    gateway: GatewayProcess, upstream: Upstream, extra: dict[str, Any]
) -> None:
    pieces = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in extra.items()]
    body = "{" + ", ".join(['"model": "chat"', f'"messages": {json.dumps(MESSAGES)}', *pieces]) + "}"
    assert post(gateway, body.encode()).status_code == 200
    seen = upstream.last("ok")["body"]
    for value in extra.values():
        assert json.dumps(value) in seen


BAD: list[tuple[str, Any, str | None, str]] = [
    ("not json", b"{oops", None, "invalid_json"),
    ("nothing", b"", None, "invalid_json"),
    ("a list", b"[]", None, "invalid_json"),
    ("not utf-8", b'{"model": "\xff"}', "model", "invalid_json"),
    ("no model", {"messages": MESSAGES}, "model", "missing_required_parameter"),
    ("model is a number", {"model": 5, "messages": MESSAGES}, "model", "invalid_type"),
    ("empty model", {"model": "", "messages": MESSAGES}, "model", "invalid_value"),
    ("no messages", {"model": "chat"}, "messages", "missing_required_parameter"),
    ("empty messages", {"model": "chat", "messages": []}, "messages", "invalid_value"),
    ("messages are text", {"model": "chat", "messages": "hi"}, "messages", "invalid_type"),
    ("no role", {"model": "chat", "messages": [*MESSAGES, {"content": "x"}]}, "messages[1]", "invalid_type"),
    ("content is a number", {"model": "chat", "messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    ("part without type", {"model": "chat", "messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0]", "invalid_type"),
    ("stream is text", {"model": "chat", "messages": MESSAGES, "stream": "yes"}, "stream", "invalid_type"),
    ("n is 0", {"model": "chat", "messages": MESSAGES, "n": 0}, "n", "invalid_value"),
    ("n is huge", {"model": "chat", "messages": MESSAGES, "n": 10**9}, "n", "invalid_value"),
    ("max_tokens is text", {"model": "chat", "messages": MESSAGES, "max_tokens": "9"}, "max_tokens", "invalid_type"),
    ("max_tokens below 0", {"model": "chat", "messages": MESSAGES, "max_tokens": -1}, "max_tokens", "invalid_value"),
    ("max_tokens is huge", {"model": "chat", "messages": MESSAGES, "max_tokens": 10**400}, "max_tokens", "invalid_value"),
    ("the other bound below 0", {"model": "chat", "messages": MESSAGES, "max_completion_tokens": -10**6}, "max_completion_tokens", "invalid_value"),
    ("options are a list", {"model": "chat", "messages": MESSAGES, "stream_options": []}, "stream_options", "invalid_type"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "param", "code"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_bad_bodies_name_the_field(gateway: GatewayProcess, body: Any, param: str | None, code: str) -> None:
    answer = post(gateway, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert error["message"]
    assert answer.headers["x-request-id"]


def test_a_large_body_passes(gateway: GatewayProcess, upstream: Upstream) -> None:
    """A 10 MB image (FAULTS K2)."""
    url = "data:image/png;base64," + "A" * 10_000_000
    content = [{"type": "image_url", "image_url": {"url": url}}]
    assert post(gateway, {"model": "chat", "messages": [{"role": "user", "content": content}]}).status_code == 200
    assert upstream.last("ok")["body_bytes"] > 10_000_000


def test_a_deadline_bounds_all_attempts(tmp_path: Path) -> None:
    with in_front_of(1, tmp_path, lambda stands: configuration(stands[0].base_url)) as here:
        (answer,) = here.gateway.chats("slow-3000", headers={"x-gateway-deadline-ms": "300"})
    assert (answer.status, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert 0.3 <= answer.all_s < 0.32


def test_a_cost_ceiling_excludes_what_may_cost_more_or_is_unknown(gateway: GatewayProcess) -> None:
    cheap = {"x-gateway-max-cost-usd": "0.0000001"}
    answer = post(gateway, {"model": "chat", "messages": MESSAGES}, **cheap)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "max_cost_too_low")
    unknown = post(gateway, {"model": "plain", "messages": MESSAGES}, **{"x-gateway-max-cost-usd": "100"})
    assert unknown.status_code == 400
    assert post(gateway, {"model": "plain", "messages": MESSAGES}).headers["x-gateway-cost-usd"] == "unknown"


@pytest.mark.parametrize(("asked", "status"), [
    ({"max_tokens": 10}, 200), ({"max_tokens": 400}, 400), ({"max_completion_tokens": 1, "max_tokens": 400}, 400),
    ({"max_completion_tokens": 400, "max_tokens": 1}, 400), ({"max_tokens": 0}, 400), ({"max_tokens": None}, 400),
])  # fmt: skip
def test_a_cost_ceiling_is_held_whatever_bounds_the_output(
    gateway: GatewayProcess, asked: dict[str, Any], status: int
) -> None:
    """Of two bounds the upstream may read either; 0 may mean none to it."""
    answer = post(gateway, {"model": "chat", "messages": MESSAGES, **asked}, **{"x-gateway-max-cost-usd": "0.0002"})
    assert answer.status_code == status


def test_declared_sensitivity_is_hard(gateway: GatewayProcess) -> None:
    body = {"model": "plain", "messages": MESSAGES}
    assert post(gateway, body, **{"x-gateway-sensitivity": "internal"}).status_code == 200
    refused = post(gateway, body, **{"x-gateway-sensitivity": "restricted"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "sensitivity_not_cleared")


def test_a_prompt_that_fits_nowhere_is_refused_with_the_reason(gateway: GatewayProcess) -> None:
    answer = post(gateway, {"model": "plain", "messages": [{"role": "user", "content": "word " * 2000}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
    assert "500" in answer.json()["error"]["message"]


def test_the_request_id_comes_back_and_goes_nowhere_else(gateway: GatewayProcess, upstream: Upstream) -> None:
    """It may be anything, a card number too: the provider and the journal have the gateway's own id."""
    answer = post(gateway, {"model": "chat", "messages": MESSAGES}, **{"x-request-id": "4111-1111-1111-1111"})
    assert answer.headers["x-request-id"] == "4111-1111-1111-1111"
    assert upstream.last("ok")["headers"]["x-request-id"] == answer.headers["x-gateway-decision"]
    for kept in (upstream.last("ok"), gateway.decision(answer.headers["x-gateway-decision"])):
        assert "4111-1111" not in json.dumps(kept)
    odd = post(gateway, {"model": "chat", "messages": MESSAGES}, **{"x-request-id": "spaces are odd"})
    assert odd.headers["x-request-id"] == odd.headers["x-gateway-decision"]


def test_a_callers_credential_never_goes_upstream(keyed: GatewayProcess, upstream: Upstream) -> None:
    answer = post(keyed, {"model": "chat", "messages": MESSAGES}, authorization=f"Bearer {APP_KEY}")
    assert answer.status_code == 200
    assert APP_KEY not in json.dumps(upstream.last("ok"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"x-api-key": APP_KEY}, 200), ({"authorization": f"bearer {APP_KEY}"}, 200),
     ({"authorization": f"Basic {APP_KEY}"}, 401),
     ({"authorization": f"Bearer {APP_KEY}", "x-api-key": OPERATOR_KEY}, 401)],
)  # fmt: skip
def test_credentials(keyed: GatewayProcess, headers: dict[str, str], status: int) -> None:
    assert post(keyed, {"model": "chat", "messages": MESSAGES}, **headers).status_code == status


ADMIN = [
    ("GET", "/admin/decisions"), ("GET", "/admin/decisions/x"), ("POST", "/admin/explain"), ("POST", "/admin/policy/check"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_admin_needs_an_operators_key(keyed: GatewayProcess, method: str, path: str) -> None:
    """Every route, without a key, with a wrong one, and with an application's (FAULTS X3, X4)."""
    url = f"{keyed.url}{path}"
    for key, status in ((None, 401), ("wrong-key-0123456789", 401), (APP_KEY, 403)):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        assert httpx.request(method, url, headers=headers, trust_env=False).status_code == status
    operator = httpx.request(method, url, headers={"authorization": f"Bearer {OPERATOR_KEY}"}, trust_env=False)
    assert operator.status_code in (200, 400, 404)


@pytest.mark.parametrize("header", [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}])
@pytest.mark.parametrize("path", ["/v1/models", "/admin/decisions", "/metrics", "/readyz", "/healthz"])
def test_without_keys_other_sites_cannot_reach_it_through_a_browser(
    gateway: GatewayProcess, header: dict[str, str], path: str
) -> None:
    assert httpx.get(f"{gateway.url}{path}", headers=header, trust_env=False).status_code == 403


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/chat/completions", 405), ("GET", "/nothing", 404), ("POST", "/v1/models", 405),
    ("DELETE", "/v1/chat/completions", 405),
])  # fmt: skip
def test_what_does_not_exist_is_told_in_openais_form(
    gateway: GatewayProcess, method: str, path: str, status: int
) -> None:
    answer = httpx.request(method, f"{gateway.url}{path}", trust_env=False)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/v1/chat/completions", "POST"), ("HEAD", "/v1/chat/completions", "POST"),
    ("POST", "/v1/models", "GET, HEAD, OPTIONS"), ("PUT", "/admin/explain", "OPTIONS, POST"),
])  # fmt: skip
def test_what_is_allowed_is_said(gateway: GatewayProcess, method: str, path: str, allowed: str) -> None:
    answer = httpx.request(method, f"{gateway.url}{path}", trust_env=False)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/models"])
def test_head_is_get_without_the_body(gateway: GatewayProcess, path: str) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert get.headers["content-type"].count("charset") <= 1


def test_machines_need_no_key(keyed: GatewayProcess) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = httpx.get(f"{keyed.url}{path}", headers={"host": "gateway.example"}, trust_env=False)
        assert answer.status_code == 200


def test_half_a_request_holds_nobody_up(gateway: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port)) as half:
        half.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        assert post(gateway, {"model": "chat", "messages": MESSAGES}).status_code == 200
