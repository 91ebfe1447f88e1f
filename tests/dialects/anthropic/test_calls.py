"""What is sent: the body as it came, the headers that the caller may choose, the prompt that is counted."""

import json

import pytest

from gateway.dialects.contract import TokenCounter
from gateway.values.outcome import AttemptFailed, Outcome
from tests.dialects.anthropic.support import PLAIN, TRANSLATOR, request_of, target
from tests.dialects.sending import sent


def test_a_call_asks_for_a_stream_where_the_request_does() -> None:
    headers = dict(TRANSLATOR.encode(request_of({**PLAIN, "stream": True}), target()).headers)
    assert headers == {
        "content-type": "application/json", "accept": "text/event-stream", "anthropic-version": "2023-06-01",
        "x-request-id": "req-1",
    }  # fmt: skip
    assert dict(TRANSLATOR.encode(request_of(PLAIN), target()).headers)["accept"] == "application/json"


def test_the_callers_version_and_trials_are_passed_on() -> None:
    told = (("anthropic-version", "2026-10-21"), ("anthropic-beta", "a-2026-01-01, b-2026-02-02"))
    call = TRANSLATOR.encode(request_of(PLAIN, told), target())
    assert [one for one in call.headers if one[0].startswith("anthropic-")] == list(told)


@pytest.mark.parametrize(
    "header",
    [
        ("anthropic-version", "1\r\nx-api-key: k"),
        ("anthropic-beta", ""),
        ("x-api-key", "stolen"),
        ("host", "evil.example"),
    ],
)
def test_no_other_header_of_the_callers_is_passed_on(header: tuple[str, str]) -> None:
    call = TRANSLATOR.encode(request_of(PLAIN, (header,)), target())
    assert ("anthropic-version", "2023-06-01") in call.headers
    assert header not in call.headers


def test_a_body_is_sent_as_it_came_but_for_the_models_name() -> None:
    body = '{"model":"m", "max_tokens": 1e1,"messages":[ {"role":"user","content":"\\u00e9 \\ud83d\\ude00"} ],"new":{"a":[]}}'
    request = request_of(json.loads(body))
    request.fields.update(request_of(json.loads(body)).fields)
    call = TRANSLATOR.encode(request, target())
    assert json.loads(call.body) == {**json.loads(body), "model": "upstream-model"}
    assert TRANSLATOR.encode(request, target()).body == call.body


UNSIGNED = {
    **PLAIN,
    "messages": [
        {"role": "user", "content": 'x "signature":""'},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "theirs", "signature": ""},
                {"type": "thinking", "thinking": "ours", "signature": "c2ln"},
                {"type": "text", "text": '"signature": ""'},
                {"type": "tool_use", "id": "t", "name": "sign", "input": {"type": "thinking", "signature": ""}},
            ],
        },
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "only", "signature": ""}]},
    ],
}


def test_thoughts_that_anthropic_did_not_sign_are_left_out() -> None:
    call, lost = sent(TRANSLATOR, request_of(UNSIGNED), target())
    told = json.loads(call.body)["messages"]
    assert lost == ("messages[1].content[0]",)
    assert told[1]["content"] == UNSIGNED["messages"][1]["content"][1:]
    assert [told[0], told[2]] == [UNSIGNED["messages"][0], UNSIGNED["messages"][2]]  # one is all that the turn has
    counted = json.loads(TRANSLATOR.encode_count(TRANSLATOR.prepare(request_of(UNSIGNED)).request, target()).body)
    assert counted["messages"] == told


def test_signed_thoughts_keep_their_bytes() -> None:
    body = {
        **PLAIN,
        "messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "é", "signature": "c2ln"}]}],
    }
    request = request_of(body)
    call, lost = sent(TRANSLATOR, request, target())
    assert bytes(request.fields["messages"]) in call.body
    assert lost == ()


def test_only_what_makes_the_prompt_is_counted() -> None:
    body = {
        **PLAIN, "system": "s", "tools": [], "tool_choice": {"type": "auto"}, "thinking": {"type": "adaptive"},
        "temperature": 1, "metadata": {"user_id": "u"}, "stream": True, "stop_sequences": ["x"],
    }  # fmt: skip
    call = TRANSLATOR.encode_count(request_of(body, (("anthropic-version", "2026-10-21"),)), target())
    assert (call.method, call.path, call.beside_api) == ("POST", "/messages/count_tokens", False)
    assert set(json.loads(call.body)) == {"messages", "system", "tools", "tool_choice", "thinking", "model"}
    assert dict(call.headers)["accept"] == "application/json"
    assert dict(call.headers)["anthropic-version"] == "2026-10-21"
    assert isinstance(TRANSLATOR, TokenCounter)


def test_a_count_is_read() -> None:
    assert TRANSLATOR.decode_count(b'{"input_tokens": 2095}') == 2095
    for body in (b"{}", b"", b'{"input_tokens": "many"}', b"\xff"):
        with pytest.raises(AttemptFailed) as failed:
            TRANSLATOR.decode_count(body)
        assert failed.value.outcome is Outcome.MALFORMED_ANSWER
