"""`stopReason`: why an answer ended. Source: StopReason of Amazon Bedrock Runtime's API (2023-09-30, as of November 2026)."""

from gateway.values.chat import Finish

_FINISHES: dict[str, Finish] = {
    "end_turn": Finish.STOP,
    "tool_use": Finish.TOOL_CALLS,
    "max_tokens": Finish.LENGTH,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "guardrail_intervened": Finish.REFUSAL,
    "content_filtered": Finish.REFUSAL,
    "model_context_window_exceeded": Finish.LENGTH,
}
KNOWN = frozenset(_FINISHES)
BLOCKED = frozenset(one for one, finish in _FINISHES.items() if finish is Finish.REFUSAL)
BROKEN = frozenset({"malformed_model_output", "malformed_tool_use"})  # what the model gave is no answer


def finish_of(reason: str | None, *, calls: bool) -> Finish:
    """What it means. `calls`: the answer calls a tool; one that is not known here means no more than that it ended."""
    return _FINISHES.get(reason or "", Finish.TOOL_CALLS if calls else Finish.STOP)
