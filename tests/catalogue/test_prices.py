"""The price of a deployment: written, looked up, or both; against genai-prices' own calculation where it was looked up."""

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import genai_prices
import jsonschema
import msgspec
import pytest

from gateway.catalogue import CompiledCatalogue, DeploymentEntry, compile_catalogue
from gateway.catalogue.list_prices import NotListed, edition, list_price
from gateway.documents import load_struct, parse
from gateway.providers.vendors import OFFERS
from gateway.values.deployment import Hardware, Price, PriceTier
from gateway.values.problem import Problem
from gateway.values.usage import Usage, cost_usd

AT = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
COMMERCIAL = "provider: openai, model: gpt-4o, hosting: commercial, base_url: 'http://h/v1'"
SELF_HOSTED = "provider: vllm, model: m, hosting: self_hosted, base_url: 'http://h/v1'"


class File(msgspec.Struct):
    deployments: dict[str, DeploymentEntry]


def compiled(fields: str, least: str = COMMERCIAL) -> tuple[CompiledCatalogue, list[Problem]]:
    document = parse(f"deployments:\n  a: {{{least},\n    {fields}}}", "f")
    parsed, problems = load_struct(document, File)
    if parsed is None:
        return CompiledCatalogue(msgspec.convert({"deployments": {}, "models": {}}, Any), {}), problems
    made, wrong = compile_catalogue(
        parsed.deployments, {}, {name: OFFERS[name] for name in ("vllm", "openai")}, document, AT
    )
    return made, problems + wrong


def price(fields: str) -> Price:
    made, problems = compiled(f"price: {{{fields}}}")
    assert problems == []
    found = made.catalogue.deployments["a"].price
    assert found is not None
    return found


def told(fields: str, least: str = COMMERCIAL) -> list[tuple[Any, ...]]:
    _, problems = compiled(fields, least)
    return [(one.line, one.path, one.expected, one.found, one.hint) for one in problems]


def test_every_part_can_be_written() -> None:
    made = price(
        "input_usd_per_mtok: 1, output_usd_per_mtok: 2, cached_input_usd_per_mtok: 3, cache_write_usd_per_mtok: 4, "
        "reasoning_usd_per_mtok: 5, input_audio_usd_per_mtok: 6, output_audio_usd_per_mtok: 7, request_usd: 0.5"
    )
    assert made == Price(
        input_usd_per_mtok=1.0, output_usd_per_mtok=2.0, cached_input_usd_per_mtok=3.0, cache_write_usd_per_mtok=4.0,
        reasoning_usd_per_mtok=5.0, input_audio_usd_per_mtok=6.0, output_audio_usd_per_mtok=7.0, request_usd=0.5,
    )  # fmt: skip


def test_written_tiers_keep_what_they_do_not_say() -> None:
    made = price(
        "input_usd_per_mtok: 1, output_usd_per_mtok: 2, cached_input_usd_per_mtok: 0.1, "
        "tiers: [{above_prompt_tokens: 100, input_usd_per_mtok: 3}, {above_prompt_tokens: 200, output_usd_per_mtok: 4}], "
        "service_tiers: {flex: 0.5}"
    )
    first = Price(input_usd_per_mtok=3.0, output_usd_per_mtok=2.0, cached_input_usd_per_mtok=0.1)
    second = Price(input_usd_per_mtok=3.0, output_usd_per_mtok=4.0, cached_input_usd_per_mtok=0.1)
    assert made.tiers == (PriceTier(100, first), PriceTier(200, second))
    flex = made.service_tiers["flex"]
    assert (flex.input_usd_per_mtok, flex.output_usd_per_mtok, flex.cached_input_usd_per_mtok) == (0.5, 1.0, 0.05)
    assert [tier.price.input_usd_per_mtok for tier in flex.tiers] == [1.5, 1.5]
    assert flex.reasoning_usd_per_mtok is None


def test_a_price_is_looked_up_by_the_deployments_model_or_another() -> None:
    listed = price("provider: openai")
    assert (listed.input_usd_per_mtok, listed.output_usd_per_mtok, listed.cached_input_usd_per_mtok) == (
        2.5,
        10.0,
        1.25,
    )
    assert price("provider: openai, model: gpt-4o-mini").input_usd_per_mtok == 0.15
    assert set(listed.service_tiers) == {"priority", "fast", "batch"}


def test_a_list_has_searches_writes_for_an_hour_and_speeds() -> None:
    listed = price("provider: anthropic, model: claude-opus-5-5")
    assert (listed.cache_write_usd_per_mtok, listed.cache_write_1h_usd_per_mtok, listed.web_search_usd) == (
        5.0,
        8.0,
        0.01,
    )
    fast = listed.service_tiers["fast"]
    assert (fast.input_usd_per_mtok, fast.cache_write_1h_usd_per_mtok, fast.web_search_usd) == (8.0, 16.0, 0.01)
    written = price("provider: anthropic, model: claude-opus-5-5, web_search_usd: 0.02, service_tiers: {geo_us: 1.1}")
    assert (written.web_search_usd, written.service_tiers["geo_us"].web_search_usd) == (0.02, 0.02)
    assert written.service_tiers["geo_us"].input_usd_per_mtok == pytest.approx(4.4)


def test_what_is_written_wins_over_the_list_and_ends_its_service_tiers() -> None:
    listed, made = (
        price("provider: openai, model: gpt-5.5"),
        price("provider: openai, model: gpt-5.5, input_usd_per_mtok: 1"),
    )
    assert listed.tiers[0].price.input_usd_per_mtok == 10.0
    assert (made.input_usd_per_mtok, made.tiers[0].price.input_usd_per_mtok) == (1.0, 1.0)
    assert made.output_usd_per_mtok == listed.output_usd_per_mtok
    assert made.tiers[0].price.output_usd_per_mtok == listed.tiers[0].price.output_usd_per_mtok
    assert (set(listed.service_tiers) > {"flex", "batch"}, made.service_tiers) == (True, {})
    assert price("provider: openai, model: gpt-5.5, tiers: []").tiers == ()
    assert set(price("provider: openai, model: gpt-5.5, service_tiers: {flex: 0.4}").service_tiers) == {"flex"}


def test_the_source_is_told() -> None:
    made, _ = compiled("price: {provider: openai}")
    version = edition(AT).version
    assert made.price_sources == {"a": f"openai/gpt-4o in genai-prices {version}"}
    assert compiled("price: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}")[0].price_sources == {}


def test_the_edition_is_dated_by_its_latest_change() -> None:
    assert dt.date(2026, 10, 1) <= edition(AT).newest <= AT.date()
    assert edition(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).newest < dt.date(2026, 1, 2)


def test_the_documentation_names_the_installed_edition() -> None:
    page = (Path(__file__).parents[2] / "docs" / "prices.md").read_text()
    assert edition(AT).version in page
    assert edition(AT).newest.isoformat() in page


def test_names_that_are_not_listed() -> None:
    assert told("price: {provider: opnai}") == [
        (3, "deployments.a.price.provider", "a provider that genai-prices lists", "'opnai'", "did you mean 'openai'?")
    ]
    assert told("price: {provider: openai, model: gtp-4o}") == [
        (
            3,
            "deployments.a.price.model",
            "a model that genai-prices lists for openai",
            "'gtp-4o'",
            "did you mean 'gpt-4o'?",
        )
    ]
    assert told("price: {provider: openai}", COMMERCIAL.replace("gpt-4o", "gpt4o"))[0][:2] == (
        3,
        "deployments.a.price.model",
    )
    assert told("price: {provider: azure, model: gtp-4o}")[0][4] == "did you mean 'gpt-4o'?"


def test_what_a_price_must_say() -> None:
    place = "deployments.a.price"
    assert told("price: {input_usd_per_mtok: 1}") == [
        (3, f"{place}.output_usd_per_mtok", "the required field 'output_usd_per_mtok'", "nothing", None)
    ]
    assert told("price: {input_usd_per_mtok: 1, output_usd_per_mtok: 1, model: gpt-4o}") == [
        (3, f"{place}.model", "'provider' beside it: whose list it stands in", "none", None)
    ]
    assert told("price: {provider: openai, inptu_usd_per_mtok: 1}")[0][4] == "did you mean 'input_usd_per_mtok'?"
    assert told("price: {provider: mistral, model: mistral-ocr-2505}") == [
        (3, f"{place}.model", "a model that is priced by the token, the minute of sound or the character",
         f"mistral/mistral-ocr-2505 in genai-prices {edition(AT).version}", None)
    ]  # fmt: skip


@pytest.mark.parametrize("second", [100, 50])
def test_tiers_rise(second: int) -> None:
    tiers = f"tiers: [{{above_prompt_tokens: 100}}, {{above_prompt_tokens: {second}}}]"
    assert told(f"price: {{provider: openai, {tiers}}}") == [
        (
            3,
            "deployments.a.price.tiers[1].above_prompt_tokens",
            "more than 100, that of the tier before",
            str(second),
            None,
        )
    ]


def test_a_price_that_changes_with_the_time_of_day_has_to_be_written() -> None:
    least = "price: {provider: deepseek, model: deepseek-v4-pro"
    ((_, path, expected, found, _),) = told(least + ", output_usd_per_mtok: 4}")
    assert (path, expected) == (
        "deployments.a.price", "cached_input_usd_per_mtok, input_usd_per_mtok beside 'provider'",
    )  # fmt: skip
    assert "changes with the time of day" in found
    assert told(least + ", output_usd_per_mtok: 4, input_usd_per_mtok: 2, cached_input_usd_per_mtok: 0.1}") == []


def test_own_cost() -> None:
    made, problems = compiled(
        "own_cost: {gpu_hour_usd: 2.5, gpus: 0.5, tokens_per_s: 900, concurrent: 8, window_s: 60}", SELF_HOSTED
    )
    assert problems == []
    deployment = made.catalogue.deployments["a"]
    assert deployment.own_cost == Hardware(gpu_hour_usd=2.5, gpus=0.5, tokens_per_s=900.0, concurrent=8, window_s=60.0)
    assert (deployment.price, deployment.has_price) == (None, True)
    assert compiled("own_cost: {gpu_hour_usd: 2.5}", SELF_HOSTED)[0].catalogue.deployments["a"].own_cost == Hardware(
        gpu_hour_usd=2.5
    )
    assert not compiled("region: eu", SELF_HOSTED)[0].catalogue.deployments["a"].has_price


def test_own_cost_is_of_what_is_ones_own() -> None:
    place = "deployments.a.own_cost"
    assert told("own_cost: {gpu_hour_usd: 2.5}") == [
        (3, place, "'price': only what is self-hosted has a cost of its own", "own_cost", None)
    ]
    both = "own_cost: {gpu_hour_usd: 2.5}, price: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}"
    assert told(both, SELF_HOSTED) == [(3, place, "at most one of 'price' and 'own_cost'", "both", None)]
    assert told("own_cost: {gpu_hour_usd: 0}", SELF_HOSTED) == [(3, f"{place}.gpu_hour_usd", "more than 0", "0", None)]


def test_editors_see_the_same() -> None:
    validator = jsonschema.Draft202012Validator(msgspec.json.schema(DeploymentEntry))
    least = {"provider": "openai", "model": "m", "hosting": "commercial"}
    explicit = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}
    for good in (None, explicit, {"provider": "openai"}, {"provider": "openai", "output_usd_per_mtok": 1}):
        assert validator.is_valid({**least, "price": good})
    for bad in (
        {},
        {"input_usd_per_mtok": 1},
        {**explicit, "tiers": [{}]},
        {**explicit, "service_tiers": {"flex": 0}},
        5,
    ):
        assert not validator.is_valid({**least, "price": bad})


def test_the_lists_are_loaded_only_for_who_looks_up() -> None:
    code = "import sys, gateway.catalogue; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


MODELS = [
    ("openai", "gpt-4o"), ("openai", "gpt-5.5"), ("openai", "gpt-5-mini"), ("openai", "o3"), ("openai", "gpt-audio"),
    ("azure", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-opus-4-6"),
    ("anthropic", "claude-opus-5-5"), ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.5-flash"), ("x-ai", "grok-4"), ("groq", "openai/gpt-oss-120b"), ("mistral", "mistral-large-latest"),
    ("openrouter", "anthropic/claude-sonnet-4.5"), ("perplexity", "sonar"), ("perplexity", "sonar-deep-research"),
]  # fmt: skip
USAGES = {
    "plain": Usage(prompt_tokens=1234, completion_tokens=567),
    "at the threshold": Usage(prompt_tokens=200_000, completion_tokens=567),
    "long": Usage(prompt_tokens=272_001, completion_tokens=567, cached_tokens=1000),
    "cached": Usage(prompt_tokens=1234, completion_tokens=567, cached_tokens=1000, reasoning_tokens=500),
    "reasoning": Usage(prompt_tokens=1234, completion_tokens=567, reasoning_tokens=500),
    "written": Usage(prompt_tokens=1234, completion_tokens=567, cached_tokens=34, cache_write_tokens=200),
    "audio": Usage(prompt_tokens=1234, completion_tokens=567, audio_prompt_tokens=1000, audio_completion_tokens=500),
    "audio in": Usage(prompt_tokens=1234, completion_tokens=567, audio_prompt_tokens=1234),
    "flex": Usage(prompt_tokens=1234, completion_tokens=567, cached_tokens=1000, service_tier="flex"),
    "long batch": Usage(prompt_tokens=300_000, completion_tokens=567, service_tier="batch"),
    "priority": Usage(prompt_tokens=1234, completion_tokens=567, service_tier="priority"),
    "for an hour": Usage(prompt_tokens=1234, completion_tokens=567, cache_write_tokens=200, cache_write_1h_tokens=150),
    "searches": Usage(prompt_tokens=1234, completion_tokens=567, web_searches=3),
    "fast": Usage(prompt_tokens=1234, completion_tokens=567, web_searches=3, service_tier="fast"),
}
THEIRS = {
    "prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens", "audio_prompt_tokens": "input_audio_tokens",
    "audio_completion_tokens": "output_audio_tokens", "reasoning_tokens": "output_reasoning_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens", "web_searches": "web_searches",
}  # fmt: skip


def their_cost(provider: str, model: str, usage: Usage) -> float:
    tier = usage.service_tier
    word = "processing" if tier == "batch" else "speed" if provider == "anthropic" else "service_tier"
    context = None if tier is None else {word: tier}
    counts = {theirs: count for ours, theirs in THEIRS.items() if (count := getattr(usage, ours)) is not None}
    result = genai_prices.calc_price(
        genai_prices.Usage(**counts), model, provider_id=provider, genai_request_timestamp=AT, price_context=context
    )
    return float(result.total_price)


def lacks(found: Price, usage: Usage) -> bool:
    """Whether the list says nothing of the service tier, or of a part that was used."""
    at = found.at(usage.prompt_tokens, usage.service_tier)
    if at is not None and usage.web_searches and at.web_search_usd is None:
        return True
    used = (
        (usage.cached_tokens, "cached_input"), (usage.cache_write_tokens, "cache_write"),
        (usage.audio_prompt_tokens, "input_audio"), (usage.audio_completion_tokens, "output_audio"),
        (usage.cache_write_1h_tokens, "cache_write_1h"),
    )  # fmt: skip
    return at is None or any(count and getattr(at, f"{part}_usd_per_mtok") is None for count, part in used)


def test_same_usage_same_cost() -> None:
    compared: list[tuple[str, str]] = []
    for provider, model in MODELS:
        found = list_price(provider, model, AT).price
        for name, usage in USAGES.items():
            cost = cost_usd(found, usage)
            if lacks(found, usage):
                assert cost is None, (model, name)
            else:
                assert cost == pytest.approx(their_cost(provider, model, usage), rel=1e-12), (model, name)
                compared.append((model, name))
    assert {name for _, name in compared} == set(USAGES)
    assert all((model, name) in compared for _, model in MODELS for name in ("plain", "reasoning", "at the threshold"))


def test_unknown_names_raise() -> None:
    with pytest.raises(NotListed) as missing:
        list_price("nobody", "gpt-4o", AT)
    assert (missing.value.field, "openai" in missing.value.known) == ("provider", True)
