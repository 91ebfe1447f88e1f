"""Servers that refuse a field which others take, each in the words that were seen. Without it they answer like ok."""

from tests.fake_upstream.behaviours.answers import say
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import echo
from tests.fake_upstream.wire import error_body

_OPENAI_TAKES = frozenset({
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "messages", "metadata", "modalities", "model", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_cache_key", "reasoning_effort", "response_format", "safety_identifier", "seed",
    "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs",
    "top_p", "user", "verbosity", "web_search_options",
})  # fmt: skip
_MESSAGE_TAKES = frozenset({
    "audio", "content", "function_call", "name", "refusal", "role", "tool_call_id", "tool_calls",
})  # fmt: skip


@behaviour("strict", "both")
async def strict(x: Exchange) -> None:
    """400 to a field that OpenAI's API does not have, in its words; else what `ok` does."""
    unknown = [name for name in x.call.fields if name not in _OPENAI_TAKES]
    inner = [name for message in x.call.fields["messages"] for name in message if name not in _MESSAGE_TAKES]
    options = [name for name in x.call.fields.get("stream_options") or {} if name != "include_usage"]
    if unknown:
        said = f"Unrecognized request argument{'s' * (len(unknown) > 1)} supplied: {', '.join(unknown)}"
        await x.whole(error_body(said, "invalid_request_error"), status=400)
    elif inner or options:
        path = f"messages[0].{inner[0]}" if inner else f"stream_options.{options[0]}"
        said = f"Unknown parameter: '{path}'."
        await x.whole(error_body(said, "invalid_request_error", path, "unknown_parameter"), status=400)
    else:
        await say(x, echo(x.call))


@behaviour("strict_groq", "both")
async def strict_groq(x: Exchange) -> None:
    """400 to `top_k` in Groq's words; else what `ok` does."""
    if "top_k" in x.call.fields:
        await x.whole(error_body("property 'top_k' is unsupported", "invalid_request_error"), status=400)
    else:
        await say(x, echo(x.call))


@behaviour("reasoning_model", "both")
async def reasoning_model(x: Exchange) -> None:
    """400 to `max_tokens`, as OpenAI's reasoning models answer; else what `ok` does."""
    if "max_tokens" in x.call.fields:
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        await x.whole(error_body(said, "invalid_request_error", "max_tokens", "unsupported_parameter"), status=400)
    else:
        await say(x, echo(x.call))
