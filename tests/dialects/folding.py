"""What a stream of events says as a whole: the reply that a caller puts together from it."""

from collections.abc import Sequence

import msgspec

from gateway.values.chat import (
    Began,
    Cited,
    Ended,
    Event,
    HiddenReasoning,
    Logprobs,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    Refusal,
    RefusalDelta,
    Reply,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)


def folded(events: Sequence[Event]) -> Reply:
    parts: list[Part] = []
    places: dict[int, int] = {}
    head, ended, usage = Began("", ""), None, None
    weighed: list[TokenLogprob] = []
    for event in events:
        last = parts[-1] if parts else None
        match event:
            case Began():
                head = event
            case TextDelta(text=text):
                if isinstance(last, Text):
                    parts[-1] = msgspec.structs.replace(last, text=last.text + text)
                else:
                    parts.append(Text(text))
            case Cited(citation=citation):
                cited = last if isinstance(last, Text) else Text("")
                parts[len(parts) - (cited is last) :] = [
                    msgspec.structs.replace(cited, citations=(*cited.citations, citation))
                ]
            case Logprobs(tokens=tokens):
                weighed += tokens
            case ProviderCall() | ProviderResult():
                parts.append(event)
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
                parts.append(ToolCall(call_id, name, "", signature=event.signature, maker=event.maker))
            case ToolCallDelta(index=index, arguments=arguments):
                call = parts[places[index]]
                assert isinstance(call, ToolCall)
                parts[places[index]] = msgspec.structs.replace(call, arguments=call.arguments + arguments)
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
        blocked_for=ended.blocked_for, logprobs=tuple(weighed),
    )  # fmt: skip
