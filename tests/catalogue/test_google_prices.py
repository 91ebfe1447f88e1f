"""What answers of Gemini cost by the installed lists: Google's own arithmetic, worked out by hand per million tokens."""

import datetime as dt
from typing import Any

import pytest

from gateway.catalogue.list_prices import list_price
from gateway.dialects.gemini.reported_usage import read_usage, with_searches
from gateway.dialects.gemini.wire import ABSENT
from gateway.values.usage import cost_usd
from tests.dialects.gemini.support import fields_of

AT = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
AUDIO = [{"modality": "TEXT", "tokenCount": 500}, {"modality": "AUDIO", "tokenCount": 1500}]
SEARCHED = {"webSearchQueries": ["a", "b"]}


def cost(model: str, usage: dict[str, Any], grounding: Any = None) -> float | None:
    raw = fields_of({"usage": usage, "grounding": grounding})
    told = with_searches(read_usage(raw["usage"]), raw["grounding"] if grounding else ABSENT, model)
    return cost_usd(list_price("google", model, AT).price, told.usage)


def tokens(prompt: int, candidates: int, **more: Any) -> dict[str, Any]:
    return {"promptTokenCount": prompt, "candidatesTokenCount": candidates, **more}


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        ("gemini-2.5-flash", tokens(1000, 500), (1000 * 0.3 + 500 * 2.5) / 1e6),
        # thoughts are billed as output, beside the candidates
        ("gemini-2.5-flash", tokens(1000, 500, thoughtsTokenCount=2000), (1000 * 0.3 + 2500 * 2.5) / 1e6),
        # what is cached is within the prompt
        ("gemini-2.5-flash", tokens(10_000, 500, cachedContentTokenCount=8000), (2000 * 0.3 + 8000 * 0.03 + 500 * 2.5) / 1e6),
        # sound has a price of its own, images and video have that of text
        ("gemini-2.5-flash", tokens(2000, 100, promptTokensDetails=AUDIO), (500 * 0.3 + 1500 * 1.0 + 100 * 2.5) / 1e6),
        # what tools gave the model is input
        ("gemini-2.5-flash", tokens(1000, 100, toolUsePromptTokenCount=4000), (5000 * 0.3 + 100 * 2.5) / 1e6),
        # a long prompt prices all of the request, a prompt of 200,000 does not
        ("gemini-3.1-pro-preview", tokens(200_000, 1000), (200_000 * 2 + 1000 * 12) / 1e6),
        ("gemini-3.1-pro-preview", tokens(200_001, 1000), (200_001 * 4 + 1000 * 18) / 1e6),
        ("gemini-3.1-pro-preview", tokens(300_000, 1000, cachedContentTokenCount=250_000),
         (50_000 * 4 + 250_000 * 0.4 + 1000 * 18) / 1e6),
        ("gemini-4-argon", tokens(1000, 100, thoughtsTokenCount=900), (1000 * 2 + 1000 * 10) / 1e6),
        # an image that was made
        ("gemini-2.5-flash-image", tokens(1000, 1290, candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 1290}]),
         (1000 * 0.3 + 1290 * 30) / 1e6),
        ("gemini-3.8-flash", tokens(1000, 100, trafficType="ON_DEMAND"), (1000 * 0.75 + 100 * 3.75) / 1e6),
    ],
)  # fmt: skip
def test_a_worked_example(model: str, usage: dict[str, Any], usd: float) -> None:
    assert cost(model, usage) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        # which of the sound was cached is not said
        ("gemini-2.5-flash", tokens(2000, 100, cachedContentTokenCount=1000, promptTokensDetails=AUDIO)),
        # a way of processing that the list has no price of
        ("gemini-3.8-flash", tokens(1000, 100, serviceTier="priority")),
        ("gemini-3.8-flash", tokens(1000, 100, trafficType="PROVISIONED_THROUGHPUT")),
        ("gemini-3.8-flash", tokens(1000, 100, candidatesTokensDetails=[{"modality": "VIDEO", "tokenCount": 100}])),
        ("gemini-3.8-flash", tokens(1000, 100, candidatesTokensDetails="many")),
    ],
)
def test_what_cannot_be_known_is_unknown(model: str, usage: dict[str, Any]) -> None:
    assert cost(model, usage) is None


def test_searches_cost_beside_the_tokens() -> None:
    usage = tokens(1000, 100)
    assert cost("gemini-3.1-pro-preview", usage, SEARCHED) == pytest.approx((1000 * 2 + 100 * 12) / 1e6 + 2 * 0.014)
    assert cost("gemini-2.5-flash", usage, SEARCHED) == pytest.approx(
        (1000 * 0.3 + 100 * 2.5) / 1e6 + 0.035
    )  # by request
    assert cost("gemini-2.5-flash", usage, {"groundingChunks": [{"maps": {}}]}) is None
