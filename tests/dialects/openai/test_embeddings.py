"""Embeddings: a vector for each input, in order; parts of a large request, and the whole of their answers."""

import base64
import json
import math
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
from gateway.values.pause import no_pause
from gateway.values.request import Request
from tests.fake_upstream import vectors
from tests.fake_upstream.call import Kind, parse
from tests.insight.worlds import deployment as target_of

TRANSLATOR = EmbeddingsTranslator(2048)
MANY = [f"text {at}" for at in range(10_000)]


def request(inputs: Any, **fields: Any) -> Request:
    body = json.dumps({"model": "vectors", "input": inputs, **fields}).encode()
    return EMBEDDINGS.read(body, {}, Caller.anonymous(), "d")


def body_of(request: Request) -> bytes:
    return msgspec.json.encode(request.fields)


def answered(request: Request) -> bytes:
    return json.dumps(vectors.whole(parse(body_of(request), Kind.EMBEDDINGS))).encode()


def joined(bodies: list[bytes]) -> bytes:
    joiner = TRANSLATOR.joiner()
    for body in bodies:
        joiner.add(body, no_pause)
    return b"".join(joiner.body())


TEXTS = st.lists(st.text(max_size=5), min_size=1, max_size=40)
TOKENS = st.lists(st.lists(st.integers(0, 200_000), min_size=1, max_size=3), min_size=1, max_size=40)


@given(TEXTS | TOKENS, st.integers(1, 50), st.sampled_from(["float", "base64"]))
def test_parts_put_together_are_the_whole(inputs: Any, most: int, form: str) -> None:
    whole = request(inputs, encoding_format=form, user="u")
    parts = TRANSLATOR.parts(whole, most)
    assert [one for part in parts for one in json.loads(bytes(part.fields["input"]))] == inputs
    assert all(1 <= part.inputs <= most for part in parts)
    assert all({**part.fields, "input": None} == {**whole.fields, "input": None} for part in parts)
    told = json.loads(joined([answered(part) for part in parts]))
    assert told == json.loads(answered(whole)) | {"usage": told["usage"]}
    assert told["usage"]["prompt_tokens"] == sum(json.loads(answered(part))["usage"]["prompt_tokens"] for part in parts)


def test_ten_thousand_inputs_stay_in_order_in_both_forms() -> None:
    told = {}
    for form in ("float", "base64"):
        parts = TRANSLATOR.parts(request(MANY, encoding_format=form), 2048)
        assert [part.inputs for part in parts] == [2048] * 4 + [1808]
        told[form] = json.loads(joined([answered(part) for part in parts]))["data"]
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
    assert f'"embedding":{written}'.encode() in joined([body, body])


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
    assert json.loads(joined(bodies)).get("usage") == expected


def answer(*vectors: Any, **more: Any) -> bytes:
    return json.dumps({"object": "list", "data": list(vectors), "model": "m", **more}).encode()


def vector(index: int | None) -> dict[str, Any]:
    return {"embedding": [0.5], "index": index}


def packed(index: int, *numbers: float) -> dict[str, Any]:
    return {"embedding": base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode(), "index": index}


BROKEN: list[tuple[str, bytes, Outcome]] = [
    ("no JSON", b"OK", Outcome.MALFORMED_ANSWER),
    ("a list", b"[]", Outcome.MALFORMED_ANSWER),
    ("no body", b" ", Outcome.EMPTY_ANSWER),
    ("nothing", b"{}", Outcome.EMPTY_ANSWER),
    ("null for all", b'{"data":null}', Outcome.EMPTY_ANSWER),
    ("no entry", answer(), Outcome.EMPTY_ANSWER),
    ("one missing", answer(vector(0)), Outcome.TRUNCATED),
    ("one too many", answer(vector(0), vector(1), vector(2)), Outcome.TRUNCATED),
    ("an index twice", answer(vector(0), vector(0)), Outcome.MALFORMED_ANSWER),
    ("an index that is none", answer(vector(0), vector(2)), Outcome.MALFORMED_ANSWER),
    ("numbered from one", answer(vector(1), vector(2)), Outcome.MALFORMED_ANSWER),
    ("a negative index", answer(vector(0), vector(-1)), Outcome.MALFORMED_ANSWER),
    ("an index beside none", answer(vector(1), vector(None)), Outcome.MALFORMED_ANSWER),
    ("a text as index", answer(vector(0), {"embedding": [0.5], "index": "1"}), Outcome.MALFORMED_ANSWER),
    ("unequal lengths", answer(vector(0), {"embedding": [0.5, 0.5], "index": 1}), Outcome.MALFORMED_ANSWER),
    ("no numbers", answer(*[{"embedding": [], "index": at} for at in range(2)]), Outcome.MALFORMED_ANSWER),
    ("space for numbers", answer(vector(0), vector(1)).replace(b"[0.5]", b"[ ]"), Outcome.MALFORMED_ANSWER),
    ("NaN", answer(vector(0), vector(1)).replace(b"[0.5]", b"[NaN]"), Outcome.MALFORMED_ANSWER),
    ("null for NaN", answer(vector(0), vector(1)).replace(b"[0.5]", b"[null]"), Outcome.MALFORMED_ANSWER),
    ("texts", answer(vector(0), vector(1)).replace(b"[0.5]", b'["0.5"]'), Outcome.MALFORMED_ANSWER),
    ("lists", answer(vector(0), vector(1)).replace(b"[0.5]", b"[[0.5]]"), Outcome.MALFORMED_ANSWER),
    ("an object", answer(vector(0), vector(1)).replace(b"[0.5]", b'{"float":[0.5]}'), Outcome.MALFORMED_ANSWER),
    ("NaN in base64", answer(packed(0, math.nan), packed(1, 0.5)), Outcome.MALFORMED_ANSWER),
    ("infinite in base64", answer(packed(0, 0.5), packed(1, -math.inf)), Outcome.MALFORMED_ANSWER),
    ("no base64", answer({"embedding": "a text", "index": 0}, packed(1, 0.5)), Outcome.MALFORMED_ANSWER),
    (
        "half a number",
        answer({"embedding": "AAA=", "index": 0}, {"embedding": "AAA=", "index": 1}),
        Outcome.MALFORMED_ANSWER,
    ),
    ("nothing in base64", answer(*[{"embedding": "", "index": at} for at in range(2)]), Outcome.MALFORMED_ANSWER),
    ("null", answer({"embedding": None, "index": 0}, vector(1)), Outcome.MALFORMED_ANSWER),
    ("an error", answer(vector(0), vector(1), error={"message": "x"}), Outcome.ERROR_IN_ANSWER),
]


@pytest.mark.parametrize(("body", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
@pytest.mark.parametrize("form", ["float", "base64"])
def test_no_answers(body: bytes, expected: Outcome, form: str) -> None:
    with pytest.raises(AttemptFailed) as caught:
        TRANSLATOR.decode(body, request(["a", "b"], encoding_format=form))
    assert caught.value.outcome is expected


@pytest.mark.parametrize("form", ["float", "base64"])
@pytest.mark.parametrize("dimensions", [1, 3])
def test_other_dimensions_than_were_asked_for_are_no_answer(form: str, dimensions: int) -> None:
    body = answer(*[{"embedding": [0.5, 0.25], "index": at} for at in range(2)])
    with pytest.raises(AttemptFailed) as caught:
        TRANSLATOR.decode(body, request(["a", "b"], dimensions=dimensions, encoding_format=form))
    assert caught.value.outcome is Outcome.MALFORMED_ANSWER
    assert TRANSLATOR.decode(body, request(["a", "b"], dimensions=2)).body == body


def test_what_came_out_of_order_is_put_in_order_by_its_index() -> None:
    given: list[dict[str, Any]] = [
        {"object": "embedding", "index": at, "embedding": [at / 2], "more": {"at": at}} for at in (2, 0, 1)
    ]
    told = TRANSLATOR.decode(answer(*given, usage=None), request(["a", "b", "c"]))
    assert json.loads(told.body) == json.loads(answer(*sorted(given, key=lambda one: one["index"]), usage=None))
    assert told.anomalies == (Anomaly.VECTORS_PUT_IN_ORDER,)


def float32s(vector: Any) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector) if isinstance(vector, list) else base64.b64decode(vector)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_the_other_form_is_converted_bit_for_bit(numbers: list[float]) -> None:
    bits = float32s(numbers)
    as_numbers, as_text = answer({"embedding": numbers, "index": 0}), answer(packed(0, *numbers))
    for form, given_, other in (("float", as_text, list), ("base64", as_numbers, str)):
        told = TRANSLATOR.decode(given_, request("a", encoding_format=form))
        (vector,) = json.loads(told.body)["data"]
        assert isinstance(vector["embedding"], other)
        assert float32s(vector["embedding"]) == bits
        assert told.anomalies == (Anomaly.VECTORS_PUT_IN_ORDER,)
    for form, given_ in (("float", as_numbers), ("base64", as_text)):
        assert TRANSLATOR.decode(given_, request("a", encoding_format=form)).body == given_


def test_numbers_are_what_is_asked_for_where_nothing_is_said() -> None:
    told = TRANSLATOR.decode(answer(packed(0, 0.5)), request("a"))
    assert json.loads(told.body)["data"][0]["embedding"] == [0.5]


@pytest.mark.parametrize("number", ["1e39", "1e400"])
def test_a_number_that_no_float32_holds_is_no_base64(number: str) -> None:
    body = answer(vector(0)).replace(b"0.5", number.encode())
    with pytest.raises(AttemptFailed):
        TRANSLATOR.decode(body, request("a", encoding_format="base64"))


def test_numbers_of_vllms_other_kinds_are_not_read() -> None:
    """Half floats in base64, three of them."""
    body = answer({"embedding": base64.b64encode(struct.pack("<3e", 1, 2, math.inf)).decode(), "index": 0})
    asked = request("a", encoding_format="base64", embed_dtype="float16")
    assert TRANSLATOR.decode(body, asked).body == body
    assert json.loads(joined([body, body]))["data"][1]["index"] == 1


def test_parts_with_vectors_of_other_lengths_are_not_joined() -> None:
    one, other = answer(vector(0)), answer({"embedding": [0.5, 0.5], "index": 0})
    with pytest.raises(AttemptFailed) as caught:
        joined([one, other])
    assert caught.value.outcome is Outcome.MALFORMED_ANSWER


LONG = [f"text {at}" for at in range(9_000)]  # of which the answer is read in steps


@pytest.mark.parametrize("form", ["float", "base64"])
@pytest.mark.parametrize("spaces", [None, 1], ids=["dense", "wide"])
def test_a_long_answer_is_read_in_steps_to_the_same_end(form: str, spaces: int | None) -> None:
    asked = request(LONG, encoding_format=form)
    whole = vectors.whole(parse(body_of(asked), Kind.EMBEDDINGS))
    body = json.dumps(whole, indent=spaces).encode()
    steps: list[int] = []
    assert TRANSLATOR.decode_in_steps(body, asked, lambda: steps.append(1)).body == body
    assert len(steps) > len(LONG)
    whole["data"].reverse()
    told = TRANSLATOR.decode_in_steps(json.dumps(whole, indent=spaces).encode(), asked, lambda: steps.append(1))
    whole["data"].reverse()
    assert json.loads(told.body) == whole
    assert told.usage is not None


@pytest.mark.parametrize(
    "more",
    [{"warnings": ["]"]}, {"meta": {"data": [1]}}, {"note": '"data": [', "usage": None}],
    ids=["a list after it", "another data", "a text"],
)
def test_members_around_a_long_list_do_not_mislead(more: dict[str, Any]) -> None:
    asked = request(LONG)
    whole = vectors.whole(parse(body_of(asked), Kind.EMBEDDINGS))
    for body in ({**more, **whole}, {**whole, **more}):
        told = TRANSLATOR.decode(json.dumps(body).encode(), asked)
        assert json.loads(told.body) == body
    assert json.loads(joined([json.dumps({**more, **whole}).encode()] * 2))["data"][9_000]["index"] == 9_000


def test_a_long_answer_that_is_cut_is_none() -> None:
    asked = request(LONG)
    with pytest.raises(AttemptFailed):
        TRANSLATOR.decode(answered(asked)[:-1000], asked)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, 512),  # numbers of 4,096 dimensions
        ({"encoding_format": "base64"}, 2048),
        ({"dimensions": 256}, 2048),
        ({"dimensions": 100_000}, 20),
        ({"dimensions": 10**9}, 1),
    ],
)
def test_a_part_is_as_large_as_an_answer_may_be(fields: dict[str, Any], most: int) -> None:
    assert TRANSLATOR.most(request(MANY, **fields)) == (most, None)


def test_parts_have_as_many_tokens_as_a_vendor_takes() -> None:
    inputs = [[1] * 30, [2] * 30, [3] * 50, [4] * 120, [5], [6]]
    asked = request(inputs)
    parts = TRANSLATOR.parts(asked, 10, 100)
    assert [json.loads(bytes(part.fields["input"])) for part in parts] == [
        inputs[:2],
        inputs[2:3],
        inputs[3:4],
        inputs[4:],
    ]
    assert TRANSLATOR.parts(asked, 10, 1000) == [asked]
    assert TRANSLATOR.parts(asked, 10) == [asked]
    texts = TRANSLATOR.parts(request(["a" * 300, "b" * 300, "\u00e4" * 300]), 10, 210)
    assert [part.inputs for part in texts] == [2, 1]
    one = request([1] * 1000)
    assert TRANSLATOR.parts(one, 10, 100) == [one]


def test_what_is_null_is_not_sent() -> None:
    """vLLM answers 400 to `encoding_format: null`."""
    asked = request("a", encoding_format=None, dimensions=None, user=None, other=None)
    assert json.loads(TRANSLATOR.encode(asked, target_of("d", provider="vllm")).body) == {
        "model": "m",
        "input": "a",
        "other": None,
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Invalid 'input[3]': input cannot be an empty string.",
            "Invalid 'input[2051]': input cannot be an empty string.",
        ),
        ("'$.input[0]' is too long, inputs[12] too", "'$.input[2048]' is too long, inputs[2060] too"),
        ("input is too long [3]", "input is too long [3]"),
        (None, None),
    ],
)
def test_an_input_of_a_part_is_called_by_its_number_in_the_request(said: str | None, expected: str | None) -> None:
    told = TRANSLATOR.of_whole(
        AttemptFailed(Outcome.BAD_REQUEST, "d", status=400, message=said, param="input[1]", code="c"), 2048
    )
    assert (told.message, told.param, told.code, told.status) == (expected, "input[2049]", "c", 400)


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
