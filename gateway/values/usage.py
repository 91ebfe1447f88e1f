"""Tokens used, and what they cost. Unknown is None, never 0 (law 5)."""

import msgspec

from gateway.values.deployment import Price
from gateway.values.units import Units


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens under one convention, whatever the provider's: its translator sees to it.

    Cached, written, audio and image tokens are parts of `prompt_tokens`; reasoning, audio and image ones are parts of
    `completion_tokens`, which is all that was generated. Of the written ones, `cache_write_1h_tokens` are kept for an hour,
    at a price of their own. A part that is None was not said, and counts as none.
    `service_tier` is how the request was processed, by the provider's word (`flex`); None is the usual way.
    `web_searches` are those that a provider's own tool made. `rounds`: how often the model was asked within this answer,
    whose prompts are all counted here; None is once. `units`: what was used by another measure. `unpriced`: something was
    used that no price here is of. `reported_usd` is what the provider itself says that it costs; None where it does not say.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_prompt_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_completion_tokens: int | None = None
    service_tier: str | None = None
    cache_write_1h_tokens: int | None = None
    web_searches: int | None = None
    rounds: int | None = None
    image_prompt_tokens: int | None = None
    image_completion_tokens: int | None = None
    units: Units | None = None
    unpriced: bool = False
    reported_usd: float | None = None
    estimated: bool = False  # the provider had no chance to say; counted from what was asked and what came


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What could be read of a usage that lacks a part: None is the part that was not said, or is no count.

    `told`: the parts of the prompt, and how it is processed, where that was said before the end.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    told: Usage | None = None


def billed_usd(price: Price | None, usage: Usage | None) -> float | None:
    """What is known of the bill: what this usage costs at this price, else what the provider says that it costs."""
    usd = cost_usd(price, usage)
    return usage.reported_usd if usd is None and usage is not None else usd


def cost_usd(price: Price | None, usage: Usage | None) -> float | None:
    """What this usage costs at this price. None if either is unknown, or a part that was used has no price.

    What has a price by the unit costs that, whatever tokens were counted beside it.

    None too where the parts cannot be told apart: they exceed the whole, or a prompt has both audio and cached or
    written tokens, and which of the audio was cached is not said; or the prompts of several rounds may be of several tiers.
    """
    if price is None or usage is None or usage.unpriced:
        return None
    if usage.units is not None:
        by_unit = price.units.usd(usage.units)
        if by_unit is not None or not (usage.prompt_tokens or usage.completion_tokens):
            return None if by_unit is None else by_unit + price.request_usd
    if price.tiers or usage.service_tier is not None:
        whole = price.at(usage.prompt_tokens, usage.service_tier)
        if whole is None or (usage.rounds is not None and whole is not price.at(0, usage.service_tier)):
            return None
        price = whole
    prompt, searches = _prompt_usd(price, usage), _searches_usd(price, usage)
    if prompt is None or searches is None:
        return None
    completion = _completion_usd(price, usage)
    return None if completion is None else (prompt + completion) / 1e6 + price.request_usd + searches


def _searches_usd(price: Price, usage: Usage) -> float | None:
    if not usage.web_searches:
        return 0.0
    return None if price.web_search_usd is None else usage.web_searches * price.web_search_usd


def _prompt_usd(price: Price, usage: Usage) -> float | None:
    """In millionths of a dollar."""
    cached, written, audio = usage.cached_tokens, usage.cache_write_tokens, usage.audio_prompt_tokens
    for_long = usage.cache_write_1h_tokens or 0
    image = 0 if price.input_image_usd_per_mtok is None else usage.image_prompt_tokens or 0
    if not (cached or written or audio or image):
        return _part_usd(usage.prompt_tokens, price.input_usd_per_mtok)
    cached, written, audio = cached or 0, written or 0, audio or 0
    if (audio or image) and (cached or written):
        return None
    return _sum(
        _part_usd(usage.prompt_tokens - cached - written - audio - image, price.input_usd_per_mtok),
        _part_usd(image, price.input_image_usd_per_mtok),
        _part_usd(cached, price.cached_input_usd_per_mtok),
        _part_usd(written - for_long, price.cache_write_usd_per_mtok),
        _part_usd(for_long, price.cache_write_1h_usd_per_mtok),
        _part_usd(audio, price.input_audio_usd_per_mtok),
    )


def _completion_usd(price: Price, usage: Usage) -> float | None:
    """In millionths of a dollar."""
    audio = usage.audio_completion_tokens or 0
    reasoning = 0 if price.reasoning_usd_per_mtok is None else usage.reasoning_tokens or 0
    image = 0 if price.output_image_usd_per_mtok is None else usage.image_completion_tokens or 0
    if not (audio or reasoning or image):
        return _part_usd(usage.completion_tokens, price.output_usd_per_mtok)
    return _sum(
        _part_usd(usage.completion_tokens - reasoning - audio - image, price.output_usd_per_mtok),
        _part_usd(image, price.output_image_usd_per_mtok),
        _part_usd(reasoning, price.reasoning_usd_per_mtok),
        _part_usd(audio, price.output_audio_usd_per_mtok),
    )


def _part_usd(tokens: int, usd_per_mtok: float | None) -> float | None:
    if tokens == 0:
        return 0.0
    return None if usd_per_mtok is None or tokens < 0 else tokens * usd_per_mtok


def _sum(*parts: float | None) -> float | None:
    total = 0.0
    for part in parts:
        if part is None:
            return None
        total += part
    return total
