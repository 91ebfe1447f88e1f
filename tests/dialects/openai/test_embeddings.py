"""Embeddings: a vector for each input, in order; parts of a large request, and the whole of their answers."""

import base64
import json
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.openai.embeddings import EmbeddingsTranslator
from gateway.surfaces.table import EMBEDDINGS
from gateway.values.anomaly import Anomaly
from gateway.values.caller import Caller
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from tests.fake_upstream import vectors
from tests.fake_upstream.call import Kind, parse

TRANSLATOR = EmbeddingsTranslator(2048)
MANY = [f"text {at}" for at in range(10_000)]


def request(inputs: Any, **fields: Any) -> Request:
    body = json.dumps({"model": "vectors", "input": inputs, **fields}).encode()
    return EMBEDDINGS.read(body, {}, Caller.anonymous(), "d")


def body_of(request: Request) -> bytes:
    return msgspec.json.encode(request.fields)


def answered(request: Request) -> bytes:
    return json.dumps(vectors.whole(parse(body_of(request), Kind.EMBEDDINGS))).encode()


TEXTS = st.lists(st.text(max_size=5), min_size=1, max_size=40)
TOKENS = st.lists(st.lists(st.integers(0, 200_000), min_size=1, max_size=3), min_size=1, max_size=40)


@given(TEXTS | TOKENS, st.integers(1, 50), st.sampled_from(["float", "base64"]))
def test_parts_put_together_are_the_whole(inputs: Any, most: int, form: str) -> None:
    whole = request(inputs, encoding_format=form, user="u")
    parts = TRANSLATOR.parts(whole, most)
    assert [one for part in parts for one in json.loads(bytes(part.fields["input"]))] == inputs
    assert all(1 <= part.inputs <= most for part in parts)
    assert all({**part.fields, "input": None} == {**whole.fields, "input": None} for part in parts)
    joined = json.loads(TRANSLATOR.join([answered(part) for part in parts]))
    assert joined == json.loads(answered(whole)) | {"usage": joined["usage"]}
    assert joined["usage"]["prompt_tokens"] == sum(
        json.loads(answered(part))["usage"]["prompt_tokens"] for part in parts
    )


def test_ten_thousand_inputs_stay_in_order_in_both_forms() -> None:
    told = {}
    for form in ("float", "base64"):
        parts = TRANSLATOR.parts(request(MANY, encoding_format=form), 2048)
        assert [part.inputs for part in parts] == [2048] * 4 + [1808]
        told[form] = json.loads(TRANSLATOR.join([answered(part) for part in parts]))["data"]
    for at, (numbers, packed) in enumerate(zip(told["float"], told["base64"], strict=True)):
        assert numbers["index"] == packed["index"] == at
        assert struct.pack("<8f", *numbers["embedding"]) == base64.b64decode(packed["embedding"])
        assert numbers["embedding"] == vectors.numbers(vectors.packed(MANY[at]))


@settings(max_examples=50)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_numbers_keep_every_digit(numbers: list[float]) -> None:
    """As they were written: they are not read."""
    written = "[" + ",".join(f"{number!r}0" if "." in repr(number) and "e" not in repr(number) else repr(number) for number in numbers) + "]"  # fmt: skip
    body = f'{{"data":[{{"embedding":{written},"index":0}}],"usage":null}}'.encode()
    assert f'"embedding":{written}'.encode() in TRANSLATOR.join([body, body])


def test_parts_share_what_is_expected_of_the_prompt() -> None:
    whole = request(MANY)
    parts = TRANSLATOR.parts(whole, 2048)
    assert sum(part.facts.prompt_tokens for part in parts) == pytest.approx(whole.facts.prompt_tokens, rel=0.01)


def test_few_inputs_are_not_parted() -> None:
    one = request(["a", "b"])
    assert TRANSLATOR.parts(one, 2) == [one]


USAGES: list[tuple[str, list[Any], Any]] = [
    ("summed", [{"prompt_tokens": 1, "total_tokens": 2}, {"prompt_tokens": 3, "total_tokens": 4}], {"prompt_tokens": 4, "total_tokens": 6}),
    ("one has none", [{"prompt_tokens": 1}, None], None),
    ("details are left out", [{"prompt_tokens": 1, "prompt_tokens_details": None}] * 2, {"prompt_tokens": 2}),
    ("what only one counts", [{"prompt_tokens": 1, "total_tokens": 1}, {"prompt_tokens": 1}], {"prompt_tokens": 2}),
    ("odd", [{"prompt_tokens": "many"}, {"prompt_tokens": 1}], {}),
    ("flags are no counts", [{"prompt_tokens": True}, {"prompt_tokens": 1}], {}),
]  # fmt: skip


@pytest.mark.parametrize(("usages", "expected"), [case[1:] for case in USAGES], ids=[case[0] for case in USAGES])
def test_usage_of_parts(usages: list[Any], expected: Any) -> None:
    bodies = [json.dumps({"data": [{"embedding": [1], "index": 0}], "usage": usage}).encode() for usage in usages]
    assert json.loads(TRANSLATOR.join(bodies)).get("usage") == expected


def answer(*vectors: Any, **more: Any) -> bytes:
    return json.dumps({"object": "list", "data": list(vectors), "model": "m", **more}).encode()


def vector(index: int | None) -> dict[str, Any]:
    return {"embedding": [0.5], "index": index}


BROKEN: list[tuple[str, bytes, Outcome]] = [
    ("no JSON", b"OK", Outcome.MALFORMED_ANSWER),
    ("a list", b"[]", Outcome.MALFORMED_ANSWER),
    ("no body", b" ", Outcome.EMPTY_ANSWER),
    ("nothing", b"{}", Outcome.EMPTY_ANSWER),
    ("null for all", b'{"data":null}', Outcome.EMPTY_ANSWER),
    ("no entry", answer(), Outcome.EMPTY_ANSWER),
    ("one missing", answer(vector(0)), Outcome.TRUNCATED),
    ("one too many", answer(vector(0), vector(1), vector(2)), Outcome.TRUNCATED),
    ("out of order", answer(vector(1), vector(0)), Outcome.TRUNCATED),
    ("null", answer({"embedding": None, "index": 0}, vector(1)), Outcome.MALFORMED_ANSWER),
    ("an error", answer(vector(0), vector(1), error={"message": "x"}), Outcome.ERROR_IN_ANSWER),
]


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_no_answers(body: bytes, expected: Outcome) -> None:
    with pytest.raises(AttemptFailed) as caught:
        TRANSLATOR.decode(body, request(["a", "b"]))
    assert caught.value.outcome is expected


def test_an_answer_is_kept_byte_for_byte() -> None:
    body = answer(vector(None), vector(None), usage={"prompt_tokens": 2, "total_tokens": 2})
    told = TRANSLATOR.decode(body, request(["a", "b"]))
    assert told.body == body
    assert told.usage is not None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (2, 0)


def test_odd_usage_is_unknown_and_said() -> None:
    told = TRANSLATOR.decode(answer(vector(0), usage={"prompt_tokens": "many"}), request("a"))
    assert (told.usage, told.anomalies) == (None, (Anomaly.ODD_USAGE,))


def test_tokens_are_counted_and_texts_estimated_and_nothing_is_generated() -> None:
    facts = request([[1, 2, 3], [4]]).facts
    assert (facts.prompt_tokens, facts.exact_tokens) == (4, True)
    assert not request(["a b c"]).facts.exact_tokens
    assert request("a").facts.max_output_tokens == 0
