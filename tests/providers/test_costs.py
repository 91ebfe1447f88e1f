"""What answers cost: the providers' own arithmetic, worked out by hand, against what is read of their usage at their list's price.

Each example is a `usage` as that vendor sends it, and its bill: so many tokens at so many US dollars per million, and fees. Prices
are those of the installed lists on 2026-11-01, as the providers publish them.
"""

import datetime as dt
import json
from typing import Any

import pytest

from gateway.catalogue.list_prices import list_price
from gateway.providers.vendors import VENDORS
from gateway.surfaces.table import SURFACES
from gateway.values.answer import WholeAnswer
from gateway.values.caller import Caller
from gateway.values.request import Request
from gateway.values.surface import Serves, Surface
from gateway.values.usage import billed_usd, cost_usd

AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
Bill = tuple[tuple[int, float], ...]
Example = tuple[str, str, str, dict[str, Any], Bill, float]


def oa(prompt: int, completion: int, total: int | None = None, **more: Any) -> dict[str, Any]:
    """OpenAI's form. `cached`, `audio_in`, `reasoning`, `audio_out` stand in the details."""
    parts = {
        "prompt_tokens_details": {"cached_tokens": more.pop("cached", None), "audio_tokens": more.pop("audio_in", None)},
        "completion_tokens_details": {
            "reasoning_tokens": more.pop("reasoning", None), "audio_tokens": more.pop("audio_out", None),
        },
    }  # fmt: skip
    of = {name: {part: one for part, one in said.items() if one is not None} for name, said in parts.items()}
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total or prompt + completion}
    return {**counts, **{name: said for name, said in of.items() if said}, **more}


def an(into: int, out: int, read: int = 0, written: int = 0, hour: int = 0, **more: Any) -> dict[str, Any]:
    """Anthropic's form: what was read from the cache and written to it is beside the input."""
    return {
        "input_tokens": into, "output_tokens": out, "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour}, **more,
    }  # fmt: skip


TIER = "service_tier"
OPENAI_EXAMPLES: list[Example] = [
    ("openai", "openai", "gpt-4o", oa(1000, 50), ((1000, 2.5), (50, 10)), 0),
    ("openai", "openai", "gpt-4o", oa(1000, 50, cached=768), ((232, 2.5), (768, 1.25), (50, 10)), 0),
    ("openai", "openai", "gpt-4o", oa(2006, 300, cached=1920), ((86, 2.5), (1920, 1.25), (300, 10)), 0),
    ("openai", "openai", "gpt-4o-mini", oa(120_000, 4000, cached=0), ((120_000, 0.15), (4000, 0.6)), 0),
    ("openai", "openai", "o3", oa(75, 1186, reasoning=1024), ((75, 2), (1186, 8)), 0),
    ("openai", "openai", "gpt-5", oa(5000, 9000, cached=4096, reasoning=8000), ((904, 1.25), (4096, 0.125), (9000, 10)), 0),
    ("openai", "openai", "gpt-5", {**oa(5000, 900, reasoning=800), TIER: "flex"}, ((5000, 0.625), (900, 5)), 0),
    ("openai", "openai", "gpt-5", {**oa(5000, 900, cached=1024), TIER: "priority"}, ((3976, 2.5), (1024, 0.25), (900, 20)), 0),
    ("openai", "openai", "gpt-4o", {**oa(1000, 50), TIER: "default"}, ((1000, 2.5), (50, 10)), 0),
    ("openai", "openai", "o3", {**oa(1000, 100), TIER: "batch"}, ((1000, 1), (100, 4)), 0),
    ("openai", "openai", "gpt-audio", oa(500, 200, audio_in=400, audio_out=150), ((100, 2.5), (400, 32), (50, 10), (150, 64)), 0),
    ("openai", "openai", "gpt-audio", oa(500, 200, audio_in=0, audio_out=0), ((500, 2.5), (200, 10)), 0),
    ("openai", "openai", "gpt-5.5", oa(272_000, 100), ((272_000, 5), (100, 30)), 0),
    ("openai", "openai", "gpt-5.5", oa(300_000, 100), ((300_000, 10), (100, 45)), 0),
    ("openai", "openai", "gpt-5.5", oa(300_000, 100, cached=200_000), ((100_000, 10), (200_000, 1), (100, 45)), 0),
    ("azure", "azure", "gpt-4o", oa(1000, 50, cached=512), ((488, 2.5), (512, 1.25), (50, 10)), 0),
    ("azure_deployments", "azure", "gpt-4o", oa(10, 2), ((10, 2.5), (2, 10)), 0),
]  # fmt: skip
ANTHROPIC_EXAMPLES: list[Example] = [
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(2095, 503), ((2095, 3), (503, 15)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(50, 500, read=100_000), ((50, 3), (100_000, 0.3), (500, 15)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(50, 500, written=2048), ((50, 3), (2048, 3.75), (500, 15)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(50, 500, written=556, hour=100), ((50, 3), (456, 3.75), (100, 6), (500, 15)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(2048, 503, read=1800, written=248), ((2048, 3), (1800, 0.3), (248, 3.75), (503, 15)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(150_000, 100, read=60_000), ((150_000, 6), (60_000, 0.6), (100, 22.5)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(200_000, 100), ((200_000, 3), (100, 15)), 0),
    ("anthropic", "anthropic", "claude-sonnet-4-5", an(1000, 200, **{TIER: "batch"}), ((1000, 1.5), (200, 7.5)), 0),
    ("anthropic", "anthropic", "claude-opus-4-5", an(1000, 5000, output_tokens_details={"thinking_tokens": 4000}), ((1000, 5), (5000, 25)), 0),
    ("anthropic", "anthropic", "claude-opus-4-5", an(10, 20, written=4000, hour=4000, **{TIER: "batch"}), ((10, 2.5), (4000, 5), (20, 12.5)), 0),
    ("anthropic", "anthropic", "claude-haiku-4-5", an(105, 60, server_tool_use={"web_search_requests": 3}), ((105, 1), (60, 5)), 0.03),
    ("anthropic", "anthropic", "claude-haiku-4-5", an(105, 60, **{TIER: "standard"}), ((105, 1), (60, 5)), 0),
]  # fmt: skip
OTHER_EXAMPLES: list[Example] = [
    ("deepseek", "deepseek", "deepseek-v4-flash", {**oa(88, 4), "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 24}, ((24, 0.15), (64, 0.003), (4, 0.6)), 0),
    ("deepseek", "deepseek", "deepseek-v4-flash", oa(88, 400, reasoning=380), ((88, 0.15), (400, 0.6)), 0),
    ("deepseek", "deepseek", "deepseek-chat", {**oa(1000, 10), "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 1000}, ((1000, 0.135), (10, 0.55)), 0),
    ("xai", "x-ai", "grok-3-mini", oa(12, 2, 334, cached=2, reasoning=320, cost_in_usd_ticks=1_641_500), ((10, 0.3), (2, 0.075), (322, 0.5)), 0),
    ("xai", "x-ai", "grok-4", oa(32, 9, 135, cached=6, reasoning=94), ((26, 3), (6, 0.75), (103, 15)), 0),
    ("xai", "x-ai", "grok-4", oa(1000, 200, reasoning=0), ((1000, 3), (200, 15)), 0),
    ("xai", "x-ai", "grok-4-1-fast", oa(500, 10, 1510, reasoning=1000), ((500, 0.2), (1010, 0.5)), 0),
    ("mistral", "mistral", "mistral-small-latest", oa(20, 2, num_cached_tokens=16), ((4, 0.15), (16, 0.015), (2, 0.6)), 0),
    ("mistral", "mistral", "mistral-small-latest", oa(20, 9, reasoning=7, service_tier="standard"), ((20, 0.15), (9, 0.6)), 0),
    ("mistral", "mistral", "mistral-small-latest", oa(20, 9, service_tier="batch"), ((20, 0.075), (9, 0.3)), 0),
    ("mistral", "mistral", "mistral-large-latest", oa(20, 9), ((20, 2), (9, 6)), 0),
    ("groq", "groq", "llama-3.3-70b-versatile", oa(45, 607, queue_time=0.04, total_time=2.2), ((45, 0.59), (607, 0.79)), 0),
    ("groq", "groq", "openai/gpt-oss-120b", oa(2000, 300, cached=1024, reasoning=200), ((976, 0.15), (1024, 0.075), (300, 0.6)), 0),
    ("groq", "groq", "openai/gpt-oss-120b", {**oa(2000, 300), TIER: "on_demand"}, ((2000, 0.15), (300, 0.6)), 0),
    ("perplexity", "perplexity", "sonar", oa(6, 1, search_context_size="high"), ((6, 1), (1, 1)), 0.012),
    ("perplexity", "perplexity", "sonar-pro", oa(100, 400), ((100, 3), (400, 15)), 0.014),
    ("perplexity", "perplexity", "sonar-deep-research", oa(33, 7163, citation_tokens=20_016, num_search_queries=18, reasoning_tokens=73_997), ((33, 2), (20_016, 2), (7163, 8), (73_997, 3)), 18 * 0.005),
    ("openrouter", "openrouter", "openai/gpt-4o", oa(194, 2, cost=0.000505), ((194, 2.5), (2, 10)), 0),
    ("openrouter", "openrouter", "openai/gpt-4o", oa(194, 2, cached=100, cost=0.00038), ((94, 2.5), (100, 1.25), (2, 10)), 0),
    ("moonshot", "moonshotai", "kimi-k3", oa(90, 34, cached=90, reasoning=17, cached_tokens=90), ((90, 0.3), (34, 15)), 0),
    ("moonshot", "moonshotai", "kimi-k2.5", oa(1000, 34, cached_tokens=512), ((488, 0.6), (512, 0.1), (34, 3)), 0),
    ("cerebras", "cerebras", "gpt-oss-120b", oa(10, 400, reasoning=200), ((10, 0.35), (400, 0.75)), 0),
    ("together", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", oa(10, 2, cached_tokens=0), ((10, 0.88), (2, 0.88)), 0),
    ("zhipu", "zai", "glm-4.6", oa(1000, 5, cached=400), ((600, 0.6), (400, 0.11), (5, 2.2)), 0),
    ("minimax", "minimax", "MiniMax-M2", oa(1000, 5, total_characters=0), ((1000, 0.3), (5, 1.2)), 0),
    ("cohere", "cohere", "command-a", oa(10, 2), ((10, 2.5), (2, 10)), 0),
    # Gemini's OpenAI endpoint: what was thought is only in the total
    ("openai_compatible", "google", "gemini-2.5-pro", oa(100, 20, 1120), ((100, 1.25), (1020, 10)), 0),
    ("openai_compatible", "google", "gemini-2.5-pro", oa(200_001, 20), ((200_001, 2.5), (20, 15)), 0),
    ("openai_compatible", "google", "gemini-2.5-flash", oa(300, 20, audio_in=200), ((100, 0.3), (200, 1), (20, 2.5)), 0),
]  # fmt: skip
EXAMPLES = OPENAI_EXAMPLES + ANTHROPIC_EXAMPLES + OTHER_EXAMPLES
CHAT, MESSAGES = (next(row for row in SURFACES if row.surface is one) for one in (Surface.CHAT, Surface.MESSAGES))


def asked(*, messages: bool) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    return (MESSAGES if messages else CHAT).read(json.dumps(body).encode(), {}, Caller.anonymous(), "r")


def answer(vendor: str, usage: dict[str, Any]) -> WholeAnswer:
    """A whole answer of this vendor with this usage, as its translator reads it."""
    row = VENDORS[vendor]
    if row.chat.name == VENDORS["anthropic"].chat.name:
        body = {
            "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "OK"}],
            "stop_reason": "end_turn", "usage": usage,
        }  # fmt: skip
        return row.translators[Serves.CHAT].decode(json.dumps(body).encode(), asked(messages=True))
    choice = {"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}
    inside = vendor == "mistral"
    said = {name: one for name, one in usage.items() if name != TIER or inside}
    tier = {TIER: usage[TIER]} if TIER in usage and not inside else {}
    body = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": said, **tier}
    return row.translators[Serves.CHAT].decode(json.dumps(body).encode(), asked(messages=False))


@pytest.mark.parametrize(
    ("vendor", "listed", "model", "usage", "bill", "fees"),
    EXAMPLES,
    ids=[f"{one[0]}-{one[2]}-{at}" for at, one in enumerate(EXAMPLES)],
)
def test_an_answer_costs_what_its_provider_bills(
    vendor: str, listed: str, model: str, usage: dict[str, Any], bill: Bill, fees: float
) -> None:
    read = answer(vendor, usage).usage
    assert read is not None
    price = list_price(listed, model, AT).price
    expected = sum(tokens * usd for tokens, usd in bill) / 1e6 + fees
    assert cost_usd(price, read) == pytest.approx(expected, abs=1e-12)
    assert read.prompt_tokens + read.completion_tokens == sum(tokens for tokens, _ in bill), "its parts add up"
    assert not read.estimated


def test_there_are_enough() -> None:
    assert len(EXAMPLES) >= 40
    assert len({VENDORS[one[0]].counts for one in EXAMPLES}) >= 6


REPORTED = [
    ("xai", oa(12, 2, 334, reasoning=320, cost_in_usd_ticks=1_641_500), 0.00016415),
    ("openrouter", oa(10, 2, cost=0.0000344), 0.0000344),
    ("openrouter", oa(10, 2, cost=0), 0.0),
    ("perplexity", oa(6, 1, cost={"total_cost": 0.00501, "request_cost": 0.005}), 0.00501),
    ("openai", oa(10, 2, cost=5.0), None),
    ("openrouter", oa(10, 2), None),
    *[("openrouter", oa(10, 2, cost=odd), None) for odd in (None, "1", True, -1, 1e300, [], {"total_cost": 1})],
    *[
        ("perplexity", oa(6, 1, cost=odd), None)
        for odd in (1, None, {}, {"total_cost": None}, {"total_cost": "1"}, [1])
    ],
]


@pytest.mark.parametrize(("vendor", "usage", "usd"), REPORTED)
def test_what_a_provider_says_that_it_costs(vendor: str, usage: dict[str, Any], usd: float | None) -> None:
    """Beside what the price makes, and instead of it where there is none; what cannot be meant says nothing."""
    read = answer(vendor, usage).usage
    assert read is not None
    assert read.reported_usd == (None if usd is None else pytest.approx(usd, abs=1e-15))
    assert billed_usd(None, read) == read.reported_usd


def test_a_tier_without_a_price_is_unknown() -> None:
    read = answer("anthropic", an(10, 20, inference_geo="us")).usage
    assert cost_usd(list_price("anthropic", "claude-opus-4-6", AT).price, read) is None
