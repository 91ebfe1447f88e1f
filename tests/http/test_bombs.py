"""Bodies that are made to cost a lot: refused at once, and large honest ones are not."""

import json
import time

import httpx2 as httpx
import pytest

from gateway.http.errors import ApiError
from gateway.surfaces.fields import MAX_MEMBERS, parse_fields
from tests.support.client import MESSAGES, post
from tests.support.gateway import GatewayProcess


def nested(depth: int) -> bytes:
    return b'{"model":"chat","messages":[{"role":"user","content":"x"}],"x":' + b"[" * depth + b"]" * depth + b"}"


CHAT = b'{"model":"chat","messages":[{"role":"user","content":"x"}],"x":'
BOMBS = [
    ("depth", nested(100_000), {400}),
    ("depth of messages", b'{"model":"chat","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {400}),
    ("members", b'{"model":"chat",' + b",".join(b'"f%d":0' % i for i in range(400_000)) + b"}", {400}),
    ("members, spaced", CHAT + b"{" + b",".join([b'"a" :1'] * 4_000_000) + b"}}", {400}),
    ("members, lined", CHAT + b"{" + b",".join([b'"a"\n\t:1'] * 2_000_000) + b"}}", {400}),
    ("objects", CHAT + b"[" + b",".join([b'{"":0}'] * 3_000_000) + b"]}", {400}),
    ("empty lists", CHAT + b"[" + b",".join([b"[]"] * 8_000_000) + b"]}", {400}),
    ("lists of one", CHAT + b"[" + b" , ".join([b"[1]"] * 4_000_000) + b"]}", {400}),
    ("empty strings", CHAT + b"[" + b",".join([b'""'] * 8_000_000) + b"]}", {400}),
    ("escaped strings", CHAT + b"[" + b",".join([b'"\\\\\\""'] * 3_000_000) + b"]}", {400}),
    ("messages", b'{"model":"chat","messages":[' + b",".join([b'{"role":""}'] * 1_500_000) + b"]}", {400}),
    ("one long number", b'{"model":"chat","messages":[],"n":' + b"9" * 1_000_000 + b"}", {400}),
    ("announced too large", b"x" * (33 * 1024 * 1024), {413}),
]


@pytest.mark.parametrize(("body", "statuses"), [bomb[1:] for bomb in BOMBS], ids=[bomb[0] for bomb in BOMBS])
def test_bombs_are_refused_quickly(gateway: GatewayProcess, body: bytes, statuses: set[int]) -> None:
    start = time.monotonic()
    try:
        answer = post(gateway, body)
    except httpx.WriteError:  # the gateway answered and closed while the body was still being sent
        assert statuses == {413}
    else:
        assert answer.status_code in statuses
    assert time.monotonic() - start < 2
    assert post(gateway, {"model": "chat", "messages": MESSAGES}).status_code == 200


TEXTS = {
    "commas": "one, two, [three], {four}: " * 300_000,
    "quotes": '{"a": [1, 2], "b": {}},' * 300_000,
    "escapes": '\\, \\\\, \n", ' * 400_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_is_no_structure(text: str) -> None:
    """Whatever stands in it, and at once."""
    body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": text}]}).encode()
    since = time.monotonic()
    assert set(parse_fields(body)) == {"model", "messages"}
    assert time.monotonic() - since < 0.5


@pytest.mark.parametrize("values", [MAX_MEMBERS - 10, MAX_MEMBERS + 10])
@pytest.mark.parametrize("value", ["0", '"a, b, c"', "[]", '{"a":"b"}'])
def test_members_are_counted(value: str, values: int) -> None:
    each = 1 + value.count("{") + value.count("[")
    body = f'{{"x":[{",".join([value] * (values // each))}]}}'.encode()
    if values < MAX_MEMBERS:
        assert list(parse_fields(body)) == ["x"]
    else:
        with pytest.raises(ApiError) as caught:
            parse_fields(body)
        assert caught.value.code == "too_many_fields"
