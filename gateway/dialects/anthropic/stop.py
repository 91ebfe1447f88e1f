"""`stop_reason`: why an answer ended. Source: StopReason and BetaStopReason of Anthropic's Python SDK 2.14."""

from gateway.values.chat import Finish

MAX_TOKENS, REFUSAL = "max_tokens", "refusal"
_FINISHES: dict[str, Finish] = {
    "end_turn": Finish.STOP,
    MAX_TOKENS: Finish.LENGTH,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "tool_use": Finish.TOOL_CALLS,
    "pause_turn": Finish.PAUSE,
    REFUSAL: Finish.REFUSAL,
    "model_context_window_exceeded": Finish.LENGTH,
}
_REASONS: dict[Finish, str] = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: MAX_TOKENS,
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.TOOL_CALLS: "tool_use",
    Finish.PAUSE: "pause_turn",
    Finish.REFUSAL: REFUSAL,
}
KNOWN = frozenset(_FINISHES) | {"compaction"}


def finish_of(reason: str | None, *, calls: bool) -> Finish:
    """What it means. `calls`: the answer calls a tool; one that is not known here means no more than that it ended."""
    return _FINISHES.get(reason or "", Finish.TOOL_CALLS if calls else Finish.STOP)


def reason_of(finish: Finish, *, calls: bool, refuses: bool) -> str:
    """How it is said. Other dialects end with `stop` where a tool that was asked for by name is called; an agent here goes
    on only where it is told of a call.
    """
    if finish is Finish.STOP and (calls or refuses):
        finish = Finish.TOOL_CALLS if calls else Finish.REFUSAL
    return _REASONS[finish]
