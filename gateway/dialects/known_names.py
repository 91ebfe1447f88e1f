"""Names of members of requests that may be repeated in records and headers: those that the dialects document.

A caller can put anything into the name of a member, a secret too; what is none of these is called `other`.
"""

import re
from collections.abc import Iterable

MOST = 64  # names; of a body with more the rest is `other`
OTHER = "other"
_NAMES = frozenset({
    "add_generation_prompt", "add_special_tokens", "additional_model_request_fields", "allowed_callers",
    "allowed_token_ids", "annotations", "anthropic_beta", "arguments", "audio", "audio_url", "background",
    "bad_words", "best_of", "budget_tokens", "cache_control", "cache_key", "cache_prompt", "cache_salt",
    "cached_content", "chat_template", "chat_template_kwargs", "citations", "cites", "container", "content",
    "contents", "context", "context_management", "continue_final_message", "conversation", "custom", "data",
    "defer_loading", "description", "detail", "disable_parallel_tool_use", "documents", "eager_input_streaming",
    "echo", "effort", "extra_body", "file", "file_id", "format", "frequency_penalty", "function", "function_call",
    "functions", "generation_config", "grammar", "guardrail_config", "guided_choice", "guided_decoding_backend",
    "guided_grammar", "guided_json", "guided_regex", "guided_whitespace_pattern", "ignore_eos", "image", "image_url",
    "include", "include_reasoning", "include_stop_str_in_output", "include_thoughts", "inference_config",
    "inference_geo", "input", "input_audio", "input_examples", "input_schema", "instructions", "is_error",
    "json_schema", "kv_transfer_params", "length_penalty", "logit_bias", "logits_processors", "logprobs",
    "max_completion_tokens", "max_output_tokens", "max_tokens", "max_tool_calls", "mcp_servers", "media_type",
    "messages", "metadata", "min_p", "min_tokens", "mirostat", "mirostat_eta", "mirostat_tau", "mm_processor_kwargs",
    "modalities", "models", "moderation", "n", "n_predict", "n_probs", "name", "output_config", "output_format",
    "parallel_tool_calls", "parameters", "parts", "prediction", "presence_penalty", "previous_response_id", "priority", "prompt",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "prompt_logprobs", "provider",
    "provider_tools", "reasoning", "reasoning_content", "reasoning_details", "reasoning_effort", "refusal",
    "repeat_last_n", "repeat_penalty", "repetition_penalty", "response_format", "response_json_schema",
    "response_mime_type", "response_schema", "return_token_ids", "role", "safety_identifier", "safety_settings",
    "samplers", "schema", "search_results", "seed", "service_tier", "signature", "skip_special_tokens", "source",
    "spaces_between_special_tokens", "speed", "stop", "stop_sequences", "stop_token_ids", "store", "strict",
    "structured_outputs", "system", "system_instruction", "temperature", "text", "thinking", "thinking_config",
    "title", "tool_call_id", "tool_calls", "tool_choice", "tool_config", "tools", "top_k", "top_logprobs", "top_p",
    "transcript", "transforms", "truncate_prompt_tokens", "truncation", "turns", "type", "typical_p", "url",
    "use_beam_search", "user", "user_id", "user_location", "verbosity", "video", "video_url", "web_search_options",
    "weight",
})  # fmt: skip
_WORDS = re.compile(r"[^.\[\]]+|\[[0-9]{1,6}\]")


def noted(adapted: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Members with a note of ours each, as `name: note`; the names as they may be repeated."""
    return tuple(dict.fromkeys(f"{name}: {note}" for path, note in adapted for name in repeatable((path,))))[:MOST]


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
