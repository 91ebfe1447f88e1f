"""The members of a chat completion's body that not every server takes: who takes them, and what their loss means.

Sources: OpenAI's OpenAPI description 2.3.0 (CreateChatCompletionRequest, ChatCompletionRequestAssistantMessage); vLLM
(ChatCompletionRequest of November 2026, and the `guided_*` of before 0.12); llama.cpp (tools/server/README.md, "POST
/completion", and server-task.cpp). OpenAI answers 400 to a member that it does not know ("Unrecognized request argument
supplied: top_k"); vLLM and llama.cpp pass over one.
"""

from collections.abc import Collection

import msgspec

from gateway.dialects.slices import decoded, encoded
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request
from gateway.values.taken_fields import TakenFields

_EVERYWHERE = frozenset({
    "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens",
    "messages", "model", "n", "parallel_tool_calls", "presence_penalty", "response_format", "seed", "stop", "stream",
    "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user",
})  # fmt: skip
_OPENAI = frozenset({
    "audio", "metadata", "modalities", "moderation", "prediction", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning_effort", "safety_identifier", "service_tier", "store", "verbosity",
    "web_search_options",
})  # fmt: skip
_VLLM = frozenset({
    "add_generation_prompt", "add_special_tokens", "allowed_token_ids", "bad_words", "cache_salt", "chat_template",
    "chat_template_kwargs", "continue_final_message", "documents", "echo", "ec_transfer_params", "guided_choice",
    "guided_decoding_backend", "guided_grammar", "guided_json", "guided_regex", "guided_whitespace_pattern", "ignore_eos",
    "include_reasoning", "include_stop_str_in_output", "kv_transfer_params", "length_penalty", "logprob_token_ids",
    "media_io_kwargs", "messages.reasoning", "messages.reasoning_content", "min_p", "min_tokens", "mm_processor_kwargs",
    "priority", "prompt_logprobs", "reasoning_effort", "repetition_detection", "repetition_penalty", "request_id",
    "return_prompt_text", "return_token_ids", "return_tokens_as_token_ids", "routed_experts_prompt_start", "session_id",
    "skip_special_tokens", "spaces_between_special_tokens", "stop_token_ids", "stream_interval",
    "stream_options.continuous_usage_stats", "structured_outputs", "thinking_token_budget", "top_k",
    "truncate_prompt_tokens", "truncation_side", "use_beam_search", "vllm_xargs", "watermarking",
})  # fmt: skip
_LLAMA_CPP = frozenset({
    "add_generation_prompt", "backend_sampling", "cache_prompt", "chat_template_kwargs", "continue_final_message",
    "dry_allowed_length", "dry_base", "dry_multiplier", "dry_penalty_last_n", "dry_sequence_breakers",
    "dynatemp_exponent", "dynatemp_range", "grammar", "id_slot", "ignore_eos", "json_schema", "lora",
    "messages.reasoning_content", "min_keep", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "n_cache_reuse",
    "n_cmpl", "n_discard", "n_indent", "n_keep", "n_predict", "n_probs", "post_sampling_probs", "reasoning_format",
    "repeat_last_n", "repeat_penalty", "response_fields", "return_progress", "return_tokens", "samplers",
    "sse_ping_interval", "t_max_predict_ms", "timings_per_token", "top_k", "top_n_sigma", "typical_p", "xtc_probability",
    "xtc_threshold",
})  # fmt: skip
_OF_OTHERS = frozenset({"messages.prefix"})  # DeepSeek's and Mistral's: the last message is to be gone on with
_NOT_QUITE_EVERYWHERE = frozenset({"logit_bias", "user"})  # Mistral and Groq refuse some of these
# Mistral's Python SDK (ChatCompletionRequest, 02e327f); `seed` and `max_completion_tokens` under its own names
_MISTRAL = frozenset({"messages.prefix", "metadata", "prediction", "prompt_cache_key", "reasoning_effort"})
# Groq's Python SDK (CompletionCreateParams, e55da1a), and OpenAI Compatibility; not there, so not checked: documents,
# include_reasoning, prompt_cache_key, reasoning_effort
_GROQ = frozenset({
    "documents", "include_reasoning", "messages.reasoning", "metadata", "prompt_cache_key", "reasoning_effort",
    "reasoning_format", "service_tier", "store",
})  # fmt: skip

OPENAI_CHAT = TakenFields(_EVERYWHERE | _OPENAI, refuses_others=True)
VLLM_CHAT = TakenFields(_EVERYWHERE | _VLLM)
LLAMA_CPP_CHAT = TakenFields(_EVERYWHERE | _LLAMA_CPP)

MISTRAL_CHAT = TakenFields((_EVERYWHERE - _NOT_QUITE_EVERYWHERE) | _MISTRAL, refuses_others=True)
GROQ_CHAT = TakenFields((_EVERYWHERE - {"logit_bias"}) | _GROQ, refuses_others=True)

EXTRA = _OPENAI | _VLLM | _LLAMA_CPP | _OF_OTHERS | _NOT_QUITE_EVERYWHERE

# what the answer is depends on these: without them a caller's parser, its bounds or its question would not be met
ESSENTIAL = frozenset({
    "allowed_token_ids", "audio", "bad_words", "best_of", "chat_template", "continue_final_message", "data", "dimensions",
    "documents", "ec_transfer_params", "echo", "embd_normalize", "embed_dtype", "endianness", "grammar", "guided_choice",
    "guided_grammar", "guided_json", "guided_regex", "include_stop_str_in_output", "input_type", "json_schema",
    "kv_transfer_params", "logprob_token_ids", "lora", "messages.prefix", "moderation", "n_cmpl", "n_predict", "n_probs",
    "normalize", "prompt_embeds", "prompt_logprobs", "response_fields", "response_format", "return_prompt_text",
    "return_token_ids", "return_tokens", "return_tokens_as_token_ids", "structured_outputs", "suffix",
    "truncate_prompt_tokens", "use_activation", "vllm_xargs", "web_search_options",
})  # fmt: skip
_OFF = frozenset({b"null", b"false", b"[]", b'""'})

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def is_essential(name: str, value: msgspec.Raw) -> bool:
    """Whether the answer would be another one without this member. One that is switched off asks for nothing."""
    return name in ESSENTIAL and bytes(value) not in _OFF


def without(request: Request, names: Collection[str], pause: Pause = no_pause) -> Request:
    """The request less these members of its body; all others stay the bytes that they were."""
    fields = {name: value for name, value in request.fields.items() if name not in names}
    of_messages = _inner(names, "messages.")
    if of_messages:
        messages = decoded(fields["messages"], _messages, pause, _messages.decode)
        fields["messages"] = encoded((_less(message, of_messages) for message in messages), pause)
    of_options = _inner(names, "stream_options.")
    if of_options:
        fields["stream_options"] = msgspec.Raw(_encode(_less(_members(fields["stream_options"]), of_options)))
    return msgspec.structs.replace(request, fields=fields)


def _inner(names: Collection[str], of: str) -> frozenset[str]:
    return frozenset(name.removeprefix(of) for name in names if name.startswith(of))


def _less(members: dict[str, msgspec.Raw], names: frozenset[str]) -> dict[str, msgspec.Raw]:
    return {name: value for name, value in members.items() if name not in names}
