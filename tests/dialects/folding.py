"""What a stream of events says as a whole: the reply that a caller puts together from it."""

from collections.abc import Sequence

from gateway.values.chat import (
    Began,
    Ended,
    Event,
    HiddenReasoning,
    Part,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    Refusal,
    RefusalDelta,
    Reply,
    Text,
    TextDelta,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)


def folded(events: Sequence[Event]) -> Reply:
    parts: list[Part] = []
    places: dict[int, int] = {}
    head, ended, usage = Began("", ""), None, None
    for event in events:
        last = parts[-1] if parts else None
        match event:
            case Began():
                head = event
            case TextDelta(text=text):
                if isinstance(last, Text):
                    parts[-1] = Text(last.text + text)
                else:
                    parts.append(Text(text))
            case RefusalDelta(text=text):
                if isinstance(last, Refusal):
                    parts[-1] = Refusal(last.text + text)
                else:
                    parts.append(Refusal(text))
            case ReasoningDelta(text=text):
                if isinstance(last, Reasoning) and last.signature is None:
                    parts[-1] = Reasoning(last.text + text)
                else:
                    parts.append(Reasoning(text))
            case ReasoningSigned(signature=signature, maker=maker):
                if isinstance(last, Reasoning) and last.signature is None:
                    parts[-1] = Reasoning(last.text, signature, maker)
                else:
                    parts.append(Reasoning("", signature, maker))
            case HiddenReasoning():
                parts.append(event)
            case ToolCallBegan(index=index, id=call_id, name=name):
                places[index] = len(parts)
                parts.append(ToolCall(call_id, name, ""))
            case ToolCallDelta(index=index, arguments=arguments):
                call = parts[places[index]]
                assert isinstance(call, ToolCall)
                parts[places[index]] = ToolCall(call.id, call.name, call.arguments + arguments)
            case Ended():
                assert ended is None
                ended = event
            case Used():
                assert usage is None
                assert ended is not None
                usage = event.usage
    assert ended is not None
    return Reply(
        id=head.id, model=head.model, parts=tuple(parts), finish=ended.finish, stop_sequence=ended.stop_sequence, usage=usage,
        blocked_for=ended.blocked_for,
    )  # fmt: skip
