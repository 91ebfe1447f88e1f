"""The members of the bodies of completions and embeddings that not every server takes: who takes them, and who lacks what.

Sources: OpenAI's OpenAPI description 2.3.0 (CreateCompletionRequest, CreateEmbeddingRequest); vLLM (CompletionRequest and
EmbeddingCompletionRequest of November 2026; "suffix is not currently supported" is its 400, and `best_of` it passes over);
llama.cpp (tools/server/README.md, and what its server was seen to do: `echo`, `suffix` and `best_of` are passed over or
refused, by its version, and `dimensions` are passed over).
"""

from collections.abc import Mapping

import msgspec

from gateway.providers.request_fields import is_essential
from gateway.values.surface import Serves
from gateway.values.taken_fields import TakenFields

_TEXT = frozenset({
    "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "model", "n", "presence_penalty", "prompt", "seed", "stop",
    "stream", "stream_options", "temperature", "top_p", "user",
})  # fmt: skip
_TEXT_OPENAI = frozenset({"best_of", "echo", "suffix"})
_TEXT_VLLM = frozenset({
    "add_special_tokens", "allowed_token_ids", "bad_words", "cache_salt", "data", "echo", "guided_choice",
    "guided_decoding_backend", "guided_grammar", "guided_json", "guided_regex", "guided_whitespace_pattern", "ignore_eos",
    "include_stop_str_in_output", "kv_transfer_params", "length_penalty", "logits_processors", "min_p", "min_tokens",
    "priority", "prompt_embeds", "prompt_logprobs", "repetition_penalty", "request_id", "response_format",
    "return_token_ids", "return_tokens_as_token_ids", "skip_special_tokens", "spaces_between_special_tokens",
    "stop_token_ids", "stream_options.continuous_usage_stats", "structured_outputs", "top_k", "truncate_prompt_tokens",
    "use_beam_search", "vllm_xargs",
})  # fmt: skip
_TEXT_LLAMA_CPP = frozenset({
    "backend_sampling", "cache_prompt", "dry_allowed_length", "dry_base", "dry_multiplier", "dry_penalty_last_n",
    "dry_sequence_breakers", "dynatemp_exponent", "dynatemp_range", "grammar", "id_slot", "ignore_eos", "json_schema",
    "lora", "min_keep", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "n_cache_reuse", "n_cmpl", "n_discard",
    "n_indent", "n_keep", "n_predict", "n_probs", "post_sampling_probs", "repeat_last_n", "repeat_penalty",
    "response_fields", "return_progress", "return_tokens", "samplers", "sse_ping_interval", "t_max_predict_ms",
    "timings_per_token", "top_k", "top_n_sigma", "typical_p", "xtc_probability", "xtc_threshold",
})  # fmt: skip
_VECTORS = frozenset({"encoding_format", "input", "model", "user"})
_VECTORS_VLLM = frozenset({
    "add_special_tokens", "cache_salt", "dimensions", "embed_dtype", "endianness", "mm_processor_kwargs", "normalize",
    "priority", "request_id", "truncate_prompt_tokens", "truncation_side", "use_activation",
})  # fmt: skip
_VECTORS_LLAMA_CPP = frozenset({"embd_normalize"})
_VECTORS_OF_OTHERS = frozenset({"input_type"})  # Cohere's, NVIDIA's and Voyage's: a query and a text have other vectors
# Cohere v1's rank_fields, max_chunks_per_doc; v2's max_tokens_per_doc, priority; SiliconFlow's instruction, overlap_tokens;
# vLLM's (RerankRequest, ScoreRequest)
_RANKED = frozenset({"documents", "model", "query", "return_documents", "top_n"})
_RANKED_VLLM = frozenset({
    "add_special_tokens", "cache_salt", "mm_processor_kwargs", "priority", "request_id", "truncate_prompt_tokens",
    "truncation_side", "use_activation", "user",
})  # fmt: skip
_RANKED_COHERE = frozenset({"max_tokens_per_doc", "priority"})
_RANKED_OF_OTHERS = frozenset({"instruction", "max_chunks_per_doc", "overlap_tokens", "rank_fields"})
_SCORED = frozenset({"data_1", "data_2", "documents", "items", "model", "queries", "text_1", "text_2"})

OPENAI = {
    Serves.COMPLETIONS: TakenFields(_TEXT | _TEXT_OPENAI, refuses_others=True),
    Serves.EMBEDDINGS: TakenFields(_VECTORS | {"dimensions"}, refuses_others=True),
}
VLLM = {
    Serves.COMPLETIONS: TakenFields(_TEXT | _TEXT_VLLM, lacks=frozenset({"best_of", "suffix"})),
    Serves.EMBEDDINGS: TakenFields(_VECTORS | _VECTORS_VLLM),
    Serves.RERANK: TakenFields(_RANKED | _RANKED_VLLM, lacks=_RANKED_OF_OTHERS | {"max_tokens_per_doc"}),
    Serves.SCORE: TakenFields(_SCORED | _RANKED_VLLM),
}
LLAMA_CPP = {
    Serves.COMPLETIONS: TakenFields(_TEXT | _TEXT_LLAMA_CPP, lacks=_TEXT_OPENAI),
    Serves.EMBEDDINGS: TakenFields(_VECTORS | _VECTORS_LLAMA_CPP, lacks=frozenset({"dimensions"})),
}

# its documentation of the compatible API says what it has not (docs/api/openai-compatibility.mdx)
OLLAMA = {Serves.COMPLETIONS: TakenFields(lacks=frozenset({"best_of", "echo"}))}
# Cohere's "Using Cohere models via the OpenAI SDK", Unsupported parameters
COHERE = {Serves.EMBEDDINGS: TakenFields(lacks=frozenset({"dimensions"}) | _VECTORS_OF_OTHERS)}
COHERE_V2 = {Serves.RERANK: TakenFields(_RANKED | _RANKED_COHERE, lacks=_RANKED_OF_OTHERS)}

_EXTRA = {
    Serves.COMPLETIONS: _TEXT_OPENAI | _TEXT_VLLM | _TEXT_LLAMA_CPP,
    Serves.EMBEDDINGS: _VECTORS_VLLM | _VECTORS_LLAMA_CPP | _VECTORS_OF_OTHERS,
    Serves.RERANK: _RANKED_VLLM | _RANKED_COHERE | _RANKED_OF_OTHERS,
    Serves.SCORE: _RANKED_VLLM,
}
_NOTHING: frozenset[str] = frozenset()


def uncommon(fields: Mapping[str, msgspec.Raw], serves: Serves) -> tuple[frozenset[str], frozenset[str]]:
    """The members of a body that not every server takes, by name; and those of them that the answer depends on."""
    found = fields.keys() & _EXTRA.get(serves, _NOTHING)
    return frozenset(found), frozenset(name for name in found if is_essential(name, fields[name]))
