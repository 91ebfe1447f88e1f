"""Usage as vendors that speak OpenAI say it; ours has one convention. Shapes and numbers from their documentation."""

import json
from typing import Any

import msgspec
import pytest

from gateway.providers.openai.answer import decode
from gateway.providers.openai.stream import OpenAIStreamDecoder
from gateway.providers.openai.told import MOST_TOKENS, Told, read_usage
from gateway.values.usage import Counts, Usage


def used(**fields: Any) -> dict[str, Any]:
    return {"prompt_tokens": 100, "completion_tokens": 20, **fields}


def expected(**fields: Any) -> Usage:
    return Usage(**{"prompt_tokens": 100, "completion_tokens": 20, **fields})


CASES = {
    "plain": (used(total_tokens=120), expected()),
    "without a total": (used(), expected()),
    "a total that is too small": (used(total_tokens=5), expected()),
    "openai": (
        used(
            total_tokens=120,
            prompt_tokens_details={"cached_tokens": 64, "audio_tokens": 7, "cache_write_tokens": 3},
            completion_tokens_details={
                "reasoning_tokens": 11, "audio_tokens": 5, "accepted_prediction_tokens": 1, "rejected_prediction_tokens": 0,
            },
        ),
        expected(
            cached_tokens=64, audio_prompt_tokens=7, cache_write_tokens=3, reasoning_tokens=11, audio_completion_tokens=5
        ),
    ),
    "details that are null": (used(prompt_tokens_details=None, completion_tokens_details={"audio_tokens": None}), expected()),
    "xai, whose completion leaves out reasoning": (
        used(total_tokens=214, completion_tokens_details={"reasoning_tokens": 94}),
        expected(completion_tokens=114, reasoning_tokens=94),
    ),
    "gemini, which says of reasoning only the total": (used(total_tokens=180), expected(completion_tokens=80)),
    "gemini, all of whose output was reasoning": (
        used(completion_tokens=0, total_tokens=160, completion_tokens_details={"reasoning_tokens": 60}),
        expected(completion_tokens=60, reasoning_tokens=60),
    ),
    "deepseek": (used(prompt_cache_hit_tokens=40, prompt_cache_miss_tokens=60), expected(cached_tokens=40)),
    "moonshot": (used(cached_tokens=30), expected(cached_tokens=30)),
    "both names": (used(cached_tokens=9, prompt_tokens_details={"cached_tokens": 30}), expected(cached_tokens=30)),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "usage"), CASES.values(), ids=CASES)
def test_usage(wire: dict[str, Any], usage: Usage) -> None:
    assert read_usage(msgspec.Raw(json.dumps(wire).encode())) == Told(usage)


ODD = {
    "a float": (used(completion_tokens=20.0), expected()),
    "texts": ({"prompt_tokens": "100", "completion_tokens": "20", "total_tokens": "120"}, expected()),
    "one text": (used(prompt_tokens_details={"cached_tokens": "64"}), expected(cached_tokens=64)),
    "half a token": (used(prompt_tokens_details={"cached_tokens": 0.5, "audio_tokens": 3}), expected(audio_prompt_tokens=3)),
    "below nothing": (used(cached_tokens=-5), expected()),
    "details that are a list": (used(prompt_tokens_details=[]), expected()),
    "too many of a part": (used(completion_tokens_details={"reasoning_tokens": 10**30}), expected()),
    "too many in all": (used(total_tokens=10**400), expected()),
    "a boolean": (used(prompt_tokens_details={"cached_tokens": True}), expected()),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "usage"), ODD.values(), ids=ODD)
def test_an_odd_member_takes_no_other_with_it(wire: dict[str, Any], usage: Usage) -> None:
    assert read_usage(msgspec.Raw(json.dumps(wire).encode())) == Told(usage, odd=True)


def test_a_prompt_that_is_the_rest_of_the_total() -> None:
    assert read_usage(msgspec.Raw(b'{"completion_tokens": 20, "total_tokens": 120}')) == Told(expected())


@pytest.mark.parametrize(("wire", "counts"), [
    ({}, None), ({"completion_tokens": 5}, Counts(completion_tokens=5)), (used(prompt_tokens=-1), Counts(completion_tokens=20)),
    (used(completion_tokens=-1), Counts(prompt_tokens=100)), (5, None), ({"prompt_tokens": 10}, Counts(prompt_tokens=10)),
    (used(prompt_tokens=0), Counts(completion_tokens=20)), (used(prompt_tokens=10**30), Counts(completion_tokens=20)),
    (used(completion_tokens=MOST_TOKENS + 1), Counts(prompt_tokens=100)), ({"prompt_tokens": "many"}, None),
    (used(completion_tokens=10**400), Counts(prompt_tokens=100)), ([1], None), ("100", None),
])  # fmt: skip
def test_usage_that_lacks_a_part(wire: Any, counts: Counts | None) -> None:
    assert read_usage(msgspec.Raw(json.dumps(wire).encode())) == Told(counts=counts, odd=True)


def test_usage_that_was_not_said() -> None:
    assert read_usage(msgspec.Raw(b"null")) == Told()


@pytest.mark.parametrize(("told", "usage"), [
    (used(), expected()), (used(completion_tokens=0), None), ({"prompt_tokens": 100, "total_tokens": 120}, expected()),
    ({"prompt_tokens": 100, "total_tokens": 100}, None),
])  # fmt: skip
def test_what_came_was_not_generated_from_nothing(told: dict[str, Any], usage: Usage | None) -> None:
    """Unknown is unknown, never 0 (law 5)."""
    whole = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": told}
    assert decode(json.dumps(whole).encode()).usage == usage
    chunk = {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}], "usage": told}
    decoder = OpenAIStreamDecoder(keep_usage=True)
    assert decoder.feed(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())[-1].done
    assert decoder.summary().usage == usage


def test_a_filter_that_left_nothing_may_say_so() -> None:
    body = {
        "choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}],
        "usage": used(completion_tokens=0),
    }
    assert decode(json.dumps(body).encode()).usage == expected(completion_tokens=0)


TIERS = [
    ('"flex"', "flex"), ('"priority"', "priority"), ('"scale"', "scale"), ('"default"', None), ('"auto"', None),
    ('"on_demand"', None), ("null", None), ("5", None), ('{"a": 1}', None),
    ('"sk-Proj-1"', "other"), ('""', "other"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "tier"), TIERS)
def test_the_service_tier_of_an_answer(said: str, tier: str | None) -> None:
    body = f"""{{"choices": [{{"message": {{"content": "x"}}, "finish_reason": "stop"}}],
               "service_tier": {said}, "usage": {json.dumps(used())}}}"""
    answer = decode(body.encode())
    assert answer.usage == expected(service_tier=tier)


@pytest.mark.parametrize(("said", "tier"), TIERS)
def test_the_service_tier_of_a_stream(said: str, tier: str | None) -> None:
    chunk = (
        f'{{"choices": [{{"index": 0, "delta": {{"content": "x"}}, "finish_reason": "stop"}}], "service_tier": {said}}}'
    )
    last = f'{{"choices": [], "usage": {json.dumps(used())}, "service_tier": {said}}}'
    decoder = OpenAIStreamDecoder(keep_usage=True)
    chunks = decoder.feed(f"data: {chunk}\n\ndata: {last}\n\ndata: [DONE]\n\n".encode())
    assert chunks[-1].done
    assert decoder.summary().usage == expected(service_tier=tier)
