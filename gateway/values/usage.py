"""Tokens used, and what they cost. Unknown is None, never 0 (law 5)."""

import msgspec

from gateway.values.deployment import Price


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as OpenAI counts them: `cached_tokens` is a part of `prompt_tokens`, `reasoning_tokens` of the output."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    estimated: bool = False  # the provider had no chance to say; counted from what was asked and what came


def cost_usd(price: Price | None, usage: Usage | None) -> float | None:
    """What this usage costs; None when the price or the usage is unknown, or a cached part has no price of its own."""
    if price is None or usage is None:
        return None
    cached = usage.cached_tokens or 0
    if cached and price.cached_input_usd_per_mtok is None:
        return None
    fresh = usage.prompt_tokens - cached
    total = fresh * price.input_usd_per_mtok + usage.completion_tokens * price.output_usd_per_mtok
    if cached:
        total += cached * (price.cached_input_usd_per_mtok or 0.0)
    return total / 1e6
