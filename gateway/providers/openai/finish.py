"""`finish_reason`: why a choice ended, by what vendors are known to say.

Sources: OpenAI's OpenAPI description 2.3.0; vLLM's FINISH_REASON_STRINGS (stop, length, abort, error, repetition);
DeepSeek (insufficient_system_resource), Mistral (model_length, error), OpenRouter (error), Zhipu's GLM (sensitive,
network_error, model_context_window_exceeded), Together (eos), text-generation-inference (eos_token, stop_sequence),
SGLang (abort), Gemini's OpenAI endpoint (malformed_function_call).
"""

OPENAI = frozenset({"stop", "length", "tool_calls", "function_call", "content_filter"})
VLLM = OPENAI | {"repetition"}
ANY = VLLM | {
    "model_length", "model_context_window_exceeded", "sensitive", "eos", "eos_token", "stop_sequence",
}  # fmt: skip

# the answer failed, whatever came before: vLLM ends its stream well then (vllm-project/vllm#57082)
_FAILED = frozenset({
    "error", "abort", "aborted", "cancelled", "canceled", "network_error", "insufficient_system_resource",
    "malformed_function_call", "function_call_filter: malformed_function_call",
})  # fmt: skip
_FILTERED = ("content_filter", "sensitive")
_NOT_YET = frozenset({"", "null"})  # SGLang's, Ollama's and KoboldCpp's null


def finish_of(said: str | None) -> str | None:
    """The reason; None if the choice goes on."""
    return None if said is None or said in _NOT_YET else said


def means_failure(reason: str | None) -> bool:
    """True if what ended so is no answer."""
    return reason is not None and reason.lower() in _FAILED


def means_filtered(reason: str | None) -> bool:
    """True if a filter may have left nothing of the answer."""
    return reason is not None and reason.startswith(_FILTERED)
