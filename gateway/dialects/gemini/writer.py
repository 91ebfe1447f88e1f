"""The events of a chat as a stream of Gemini's: each event an answer that holds a piece. A call comes whole, with its arguments."""

from collections.abc import Sequence
from typing import Any

from gateway.dialects.gemini.evidence import written_citations, written_logprobs
from gateway.dialects.gemini.reply import arguments_as_object, call_part, hidden_part, usage_of, written_ratings
from gateway.dialects.gemini.signatures import told_signature
from gateway.dialects.gemini.stop import reason_of
from gateway.dialects.gemini.wire import as_event
from gateway.values.chat import (
    Began,
    Citation,
    Cited,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    Logprobs,
    ProviderCall,
    ProviderResult,
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
        self._texts: list[str] = []
        self._cited: list[Citation] = []

    def write(self, events: Sequence[Event]) -> bytes:
        """The events; calls are held back. Raises AttemptFailed where one goes on that was over."""
        return b"".join([self._write(event) for event in events])

    def end(self) -> bytes:
        """What is held back, why it ended, and the usage."""
        reason = reason_of(self._ended.finish, refuses=self._refuses)
        candidate: Members = {
            "content": {"parts": self._told_calls(all_of_them=True) or [{"text": ""}], "role": "model"}
        }
        if self._ended.blocked_for:
            candidate["safetyRatings"] = written_ratings(self._ended.blocked_for)
        if self._cited:
            text = "".join(self._texts)
            candidate["citationMetadata"] = written_citations([(one, 0, text) for one in self._cited])
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
        elif isinstance(event, Cited):
            self._cited += [event.citation] if event.citation.url is not None else []
        elif isinstance(event, Logprobs):
            return self._candidate({"logprobsResult": written_logprobs(event.tokens)})
        elif isinstance(event, ToolCallBegan):
            self._calls.setdefault(event.index, (event, []))
        elif isinstance(event, ToolCallDelta):
            self._argue(event)
        elif not isinstance(event, ProviderCall | ProviderResult):  # what those did is in the text
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
            return [{"text": "", "thought": True, "thoughtSignature": told_signature(event.signature, event.maker)}]
        if isinstance(event, HiddenReasoning):
            return [hidden_part(event)]
        if not event.text:
            return []
        self._refuses = self._refuses or isinstance(event, RefusalDelta)
        if isinstance(event, ReasoningDelta):
            return [{"text": event.text, "thought": True}]
        self._texts.append(event.text)
        return [{"text": event.text}]

    def _told_calls(self, *, all_of_them: bool = False) -> list[Members]:
        """Those that have their arguments."""
        told: list[Members] = []
        for index, (began, pieces) in tuple(self._calls.items()):
            arguments = arguments_as_object("".join(pieces))
            if all_of_them or not isinstance(arguments, dict):
                told.append(call_part(began.id, began.name, "".join(pieces), began.signature, began.maker))
                del self._calls[index]
        return told

    def _parts(self, parts: list[Members]) -> bytes:
        return self._candidate({"content": {"parts": parts, "role": "model"}}) if parts else b""

    def _candidate(self, candidate: Members) -> bytes:
        return as_event({"candidates": [{**candidate, "index": 0}], **self._head})
