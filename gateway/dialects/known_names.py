"""Names of members of requests that may be repeated in records and headers: those that the dialects document.

A caller can put anything into the name of a member, a secret too; what is none of these is called `other`.
"""

import re
from collections.abc import Iterable

MOST = 64  # names; of a body with more the rest is `other`
OTHER = "other"
_NAMES = frozenset({
    "add_generation_prompt", "add_special_tokens", "allowed_callers", "allowed_token_ids", "anthropic_beta",
    "audio", "bad_words", "best_of", "budget_tokens", "cache_control", "cache_prompt", "cache_salt",
    "chat_template", "chat_template_kwargs", "citations", "container", "content", "context_management",
    "continue_final_message", "custom", "defer_loading", "description", "detail", "disable_parallel_tool_use",
    "documents", "eager_input_streaming", "echo", "effort", "format", "frequency_penalty", "function",
    "function_call", "functions", "grammar", "guided_choice", "guided_decoding_backend", "guided_grammar",
    "guided_json", "guided_regex", "guided_whitespace_pattern", "ignore_eos", "image", "include_reasoning",
    "include_stop_str_in_output", "inference_geo", "input", "input_examples", "input_schema", "is_error",
    "json_schema", "kv_transfer_params", "length_penalty", "logit_bias", "logits_processors", "logprobs",
    "max_completion_tokens", "max_tokens", "mcp_servers", "metadata", "min_p", "min_tokens", "mirostat",
    "mirostat_eta", "mirostat_tau", "mm_processor_kwargs", "modalities", "models", "n", "n_predict", "n_probs",
    "name", "output_config", "output_format", "parallel_tool_calls", "parts", "prediction", "presence_penalty",
    "priority", "prompt_cache_key", "prompt_cache_retention", "prompt_logprobs", "provider", "reasoning",
    "reasoning_content", "reasoning_effort", "refusal", "repeat_last_n", "repeat_penalty", "repetition_penalty",
    "response_format", "return_token_ids", "role", "safety_identifier", "samplers", "seed", "service_tier",
    "signature", "skip_special_tokens", "source", "spaces_between_special_tokens", "speed", "stop",
    "stop_sequences", "stop_token_ids", "store", "strict", "structured_outputs", "system", "temperature", "text",
    "thinking", "tool_calls", "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "transforms",
    "truncate_prompt_tokens", "turns", "type", "typical_p", "use_beam_search", "user", "verbosity",
    "web_search_options",
}) | {  # of responses
    "include", "max_output_tokens", "max_tool_calls", "output", "prompt", "prompt_cache_options", "stream_options",
    "summary", "truncation",
}  # fmt: skip
_WORDS = re.compile(r"[^.\[\]]+|\[[0-9]{1,6}\]")


def repeatable(names: Iterable[str]) -> tuple[str, ...]:
    """These names and paths, each once, as they may be repeated."""
    found: dict[str, None] = {}
    for name in names:
        if len(found) >= MOST:
            found[OTHER] = None
            break
        words = [word for word in _WORDS.findall(name[:256]) if not word.startswith("[")]
        found[name if len(name) <= 256 and words and _NAMES.issuperset(words) else OTHER] = None
    return tuple(found)
