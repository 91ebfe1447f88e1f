"""The body of legacy completions: checked as far as the gateway must understand it, the facts drawn."""

from typing import NamedTuple

import msgspec

from gateway.providers.fields_beside_chat import uncommon
from gateway.surfaces.chat_body import Shape, StreamOptions, text_tokens
from gateway.surfaces.fields import Fields, invalid, optional, read
from gateway.values.deployment import Capability
from gateway.values.pause import Pause, no_pause
from gateway.values.surface import Serves

_MOST_PROMPTS = 2048
_MOST_CHOICES = 128


_model = msgspec.json.Decoder(str)
_prompts = msgspec.json.Decoder(str | list[str | int | list[int]] | None)
_bool = msgspec.json.Decoder(bool | None)
_count = msgspec.json.Decoder(int | None)
_options = msgspec.json.Decoder(StreamOptions | None)
_NONE: frozenset[Capability] = frozenset()
_RUNNING = frozenset({"stream_options.continuous_usage_stats"})


def completions_shape(fields: Fields, *, with_prefix: bool = False, pause: Pause = no_pause) -> Shape:  # noqa: ARG001 - prompts have no turns
    """Raises ApiError 400 with the path of the field and what was expected."""
    model = read(fields, "model", _model)
    if not model:
        raise invalid("model", "a model's name, found an empty string")
    prompt = optional(fields, "prompt", _prompts)
    prompts = input_tokens("" if prompt is None else prompt, "prompt", _MOST_PROMPTS, pause)
    n = _number(fields, "n", 1, _MOST_CHOICES) or 1
    best_of = _number(fields, "best_of", n, _MOST_CHOICES) or n
    options: StreamOptions | None = optional(fields, "stream_options", _options)
    needs = {Capability.MULTIPLE_CHOICES} if n > 1 or best_of > 1 else set()
    if optional(fields, "logprobs", _count) is not None:
        needs.add(Capability.LOGPROBS)
    most = _number(fields, "max_tokens", 0, 2**31)
    extra, essential = uncommon(fields, Serves.COMPLETIONS)
    return Shape(
        model=model,
        needs=frozenset(needs) if needs else _NONE,
        prompt_tokens=prompts.tokens,
        longest_prompt_tokens=prompts.longest,
        max_output_tokens=most,  # vendors differ in what they take for it: OpenAI and vLLM 16, llama.cpp all there is room for
        stream=bool(optional(fields, "stream", _bool)),
        wants_usage=bool(options and options.include_usage),
        choices=max(n, best_of) * prompts.number,
        service_tier=None,
        prefix=None,
        exact_tokens=prompts.is_exact,
        unreadable=prompts.is_exact or "prompt_embeds" in fields,
        extra_fields=extra | _RUNNING if options is not None and options.says_running_usage else extra,
        essential_fields=essential - {"best_of"} if best_of == n else essential,  # all that are made are chosen
    )


class Inputs(NamedTuple):
    """How many tokens all have, how many there are, and the `longest` of several."""

    tokens: int
    number: int = 1
    longest: int | None = None
    is_exact: bool = False


def _number(fields: Fields, name: str, least: int, most: int) -> int | None:
    number: int | None = optional(fields, name, _count)
    if number is not None and not least <= number <= most:
        raise invalid(name, f"a number from {least} to {most}")
    return number


def input_tokens(given: str | list[str | int | list[int]], name: str, most: int, pause: Pause) -> Inputs:
    """Of a text, texts, tokens, or lists of tokens. Texts are estimated. Raises ApiError 400."""
    if isinstance(given, str):
        return Inputs(text_tokens(given, pause) if given else 1)
    if not given:
        raise invalid(name, "at least one")
    kinds = {type(one) for one in given}
    if len(kinds) > 1:
        raise invalid(name, "texts, tokens, or lists of tokens, not a mixture")
    if kinds == {int}:
        return Inputs(len(given), is_exact=True)
    if len(given) > most:
        raise invalid(name, f"at most {most}, found {len(given)}")
    each = [_tokens(one, pause) for one in given]
    longest = max(each) if len(each) > 1 else None
    return Inputs(max(sum(each), 1), len(given), longest, is_exact=kinds == {list})


def _tokens(one: str | int | list[int], pause: Pause) -> int:
    if isinstance(one, str):
        return text_tokens(one, pause)
    return 1 if isinstance(one, int) else len(one)
