"""The events of a chat as a stream of Gemini's: each event an answer that holds a piece. A call comes whole, with its arguments."""

from collections.abc import Sequence
from typing import Any

from gateway.dialects.gemini.reply import arguments_as_object, told_hidden, told_signature, usage_of
from gateway.dialects.gemini.stop import reason_of
from gateway.dialects.gemini.wire import as_event
from gateway.values.chat import (
    Began,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    ReasoningDelta,
    ReasoningSigned,
    RefusalDelta,
    TextDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

Members = dict[str, Any]


class GeminiWriter:
    """Writes one stream. A call waits for its arguments: until another part begins after it, or the end."""

    def __init__(self) -> None:
        self._head: Members = {}
        self._calls: dict[int, tuple[ToolCallBegan, list[str]]] = {}  # that were not told
        self._ended = Ended(Finish.STOP)
        self._usage: Usage | None = None
        self._refuses = False

    def write(self, events: Sequence[Event]) -> bytes:
        """The events; calls are held back. Raises AttemptFailed where one goes on that was over."""
        return b"".join([self._write(event) for event in events])

    def end(self) -> bytes:
        """What is held back, why it ended, and the usage."""
        reason = reason_of(self._ended.finish, refuses=self._refuses)
        candidate: Members = {
            "content": {"parts": self._told_calls(all_of_them=True) or [{"text": ""}], "role": "model"}
        }
        last: Members = {"candidates": [{**candidate, "finishReason": reason, "index": 0}], **self._head}
        if self._usage is not None:
            last["usageMetadata"] = usage_of(self._usage)
        return as_event(last)

    def _write(self, event: Event) -> bytes:
        if isinstance(event, Began):
            self._head = {"modelVersion": event.model, "responseId": event.id}
        elif isinstance(event, Ended):
            self._ended = event
        elif isinstance(event, Used):
            self._usage = event.usage
        elif isinstance(event, ToolCallBegan):
            self._calls.setdefault(event.index, (event, []))
        elif isinstance(event, ToolCallDelta):
            self._argue(event)
        else:
            return self._parts([*self._told_calls(), *self._said(event)])
        return b""

    def _argue(self, event: ToolCallDelta) -> None:
        if event.index in self._calls:
            self._calls[event.index][1].append(event.arguments)
        elif event.arguments.strip():
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a tool call goes on that had its arguments, or never began")

    def _said(
        self, event: TextDelta | RefusalDelta | ReasoningDelta | ReasoningSigned | HiddenReasoning
    ) -> list[Members]:
        if isinstance(event, ReasoningSigned):
            return [{"text": "", "thought": True, "thoughtSignature": told_signature(event.signature)}]
        if isinstance(event, HiddenReasoning):
            return [{"text": "", "thought": True, "thoughtSignature": told_hidden(event.data)}]
        if not event.text:
            return []
        self._refuses = self._refuses or isinstance(event, RefusalDelta)
        return [{"text": event.text, "thought": True} if isinstance(event, ReasoningDelta) else {"text": event.text}]

    def _told_calls(self, *, all_of_them: bool = False) -> list[Members]:
        """Those that have their arguments."""
        told: list[Members] = []
        for index, (began, pieces) in tuple(self._calls.items()):
            arguments = arguments_as_object("".join(pieces))
            if all_of_them or not isinstance(arguments, dict):
                told.append({"functionCall": {"id": began.id, "name": began.name, "args": arguments}})
                del self._calls[index]
        return told

    def _parts(self, parts: list[Members]) -> bytes:
        if not parts:
            return b""
        return as_event({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}], **self._head})
