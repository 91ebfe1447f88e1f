"""The events of a chat as a stream of a response, in the order of the specification: each item of the output is added, said and
done, and each part of it too.

A thought is told as a summary: both OpenAI and Open Responses have its events under the same names.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.responses.echo import begun
from gateway.dialects.responses.sealed import call_signature_as, hidden_as, signature_as
from gateway.dialects.responses.usage import usage_body
from gateway.dialects.responses.wire import as_event
from gateway.values.chat import (
    Began,
    Citation,
    Cited,
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
from gateway.values.request import Request
from gateway.values.usage import Usage

_encode = msgspec.json.Encoder().encode
_DONE = b"data: [DONE]\n\n"
_DELTA = (
    b"event: response.output_text.delta\ndata: "
    b'{"type":"response.output_text.delta","sequence_number":%d,"item_id":"%b","output_index":%d,"content_index":%d,'
    b'"delta":%b,"logprobs":[]}\n\n'
)
_TEXT, _REFUSAL = "output_text", "refusal"


class _Open:
    """An item that is not done. `place` names it in its events; `said` is of the part that is open."""

    def __init__(self, index: int, item: dict[str, Any]) -> None:
        self.index = index
        self.item = item
        self.place = {"item_id": item["id"], "output_index": index}
        self.part: str | None = None  # the kind of the part that is open
        self.said: list[str] = []
        self.annotations: list[dict[str, Any]] = []


class ResponseWriter:
    """Writes one stream. `is_silent`: only the response that it comes to is wanted."""

    def __init__(self, request: Request, *, is_silent: bool = False) -> None:
        self._request = request
        self._is_silent = is_silent
        self._response: dict[str, Any] = begun(request, request.facts.model)
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._item: _Open | None = None  # a message or a thought
        self._calls: dict[int, _Open] = {}  # by the call's index; they may overlap
        self._written: list[bytes] = []
        self._ended: Ended | None = None
        self._usage: Usage | None = None
        self._refuses = False
        self._uncited: list[Citation] = []  # of text that is to come

    def write(self, events: Sequence[Event]) -> bytes:
        """The events. Raises AttemptFailed where a call goes on that never began."""
        for event in events:
            self._event(event)
        written = b"".join(self._written)
        self._written.clear()
        return written

    def end(self) -> bytes:
        """The response as it has become, and [DONE]."""
        response = self.response()
        kind = "response.incomplete" if response["status"] == "incomplete" else "response.completed"
        self._say(kind, response=response)
        self._written.append(_DONE)
        return self.write(())

    def response(self) -> dict[str, Any]:
        """The whole of it, once all events are written."""
        finish = Finish.STOP if self._ended is None else self._ended.finish
        reason = "max_output_tokens" if finish is Finish.LENGTH else None
        if finish is Finish.REFUSAL and not self._refuses:
            reason = "content_filter"
        status = "completed" if reason is None else "incomplete"
        self._close_all(status)
        return {
            **self._response, "status": status, "output": self._output, "usage": usage_body(self._usage),
            "incomplete_details": None if reason is None else {"reason": reason},
            "completed_at": self._request.arrived_at if reason is None else None, "service_tier": self._tier(),
        }  # fmt: skip

    def _tier(self) -> str:
        tier = None if self._usage is None else self._usage.service_tier
        return tier or "default"

    def _event(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._text(event.text, _TEXT)
        elif isinstance(event, RefusalDelta):
            self._refuses = True
            self._text(event.text, _REFUSAL)
        elif isinstance(event, ReasoningDelta | ReasoningSigned | HiddenReasoning):
            self._thought(event)
        elif isinstance(event, ToolCallBegan | ToolCallDelta):
            self._call(event)
        elif isinstance(event, Began):
            self._response["model"] = event.model or self._request.facts.model
            self._say("response.created", response=self._response)
            self._say("response.in_progress", response=self._response)
        elif isinstance(event, Ended):
            self._ended = event
        elif isinstance(event, Used):
            self._usage = event.usage
        elif isinstance(event, Cited):
            self._cited(event.citation)

    # -- messages

    def _text(self, text: str, kind: str) -> None:
        if not text:
            return
        item = self._item
        if item is None or item.item["type"] != "message":
            message = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
            item = self._add("msg", message)
        if item.part != kind:
            self._close_part(item)
            item.part = kind
            self._say("response.content_part.added", **self._of_part(item), part=_part(kind, ""))
        item.said.append(text)
        at = len(item.item["content"])
        if kind is _TEXT and not self._is_silent:
            self._written.append(_DELTA % (self._number, item.item["id"].encode(), item.index, at, _encode(text)))
            self._number += 1
        else:
            self._say(f"response.{kind}.delta", **self._of_part(item), delta=text)
        if kind is _TEXT and self._uncited:
            uncited, self._uncited = self._uncited, []
            for citation in uncited:
                self._cited(citation)

    def _cited(self, citation: Citation) -> None:
        """Of the text that is open: a page of the web; what a document says has no like here."""
        item = self._item
        if citation.url is None:
            return
        if item is None or item.part != _TEXT:
            self._uncited.append(citation)
            return
        length = sum(map(len, item.said))
        start = length if citation.start is None else citation.start
        end = length if citation.end is None else citation.end
        cited = {
            "type": "url_citation", "url": citation.url, "title": citation.title or "", "start_index": start, "end_index": end,
        }  # fmt: skip
        kind, at = "response.output_text.annotation.added", len(item.annotations)
        item.annotations.append(cited)
        self._say(kind, **self._of_part(item), annotation_index=at, annotation=cited)

    def _of_part(self, item: _Open) -> dict[str, Any]:
        return {**item.place, "content_index": len(item.item["content"])}

    def _close_part(self, item: _Open) -> None:
        if item.part is None:
            return
        text = "".join(item.said)
        part = _part(item.part, text, item.annotations)
        said: dict[str, Any] = {"text": text, "logprobs": []} if item.part == _TEXT else {"refusal": text}
        self._say(f"response.{item.part}.done", **self._of_part(item), **said)
        self._say("response.content_part.done", **self._of_part(item), part=part)
        item.item["content"] = [*item.item["content"], part]
        item.part, item.said, item.annotations = None, [], []

    # -- thoughts

    def _thought(self, event: ReasoningDelta | ReasoningSigned | HiddenReasoning) -> None:
        if isinstance(event, ReasoningDelta) and not event.text:
            return
        item = self._item
        if item is None or item.item["type"] != "reasoning":
            item = self._add("rs", {"type": "reasoning", "summary": []})
        if isinstance(event, ReasoningDelta):
            if item.part is None:
                item.part = "summary_text"
                part = {"type": "summary_text", "text": ""}
                self._say("response.reasoning_summary_part.added", **item.place, summary_index=0, part=part)
            item.said.append(event.text)
            self._say("response.reasoning_summary_text.delta", **item.place, summary_index=0, delta=event.text)
            return
        marked = (
            signature_as(event.signature, event.maker)
            if isinstance(event, ReasoningSigned)
            else hidden_as(event.data, event.maker)
        )
        item.item["encrypted_content"] = marked
        self._close_item("completed")

    def _close_summary(self, item: _Open) -> None:
        if item.part is None:
            return
        text = "".join(item.said)
        part = {"type": "summary_text", "text": text}
        self._say("response.reasoning_summary_text.done", **item.place, summary_index=0, text=text)
        self._say("response.reasoning_summary_part.done", **item.place, summary_index=0, part=part)
        item.item["summary"] = [part]

    # -- calls of tools

    def _call(self, event: ToolCallBegan | ToolCallDelta) -> None:
        call = self._calls.get(event.index)
        if isinstance(event, ToolCallBegan):
            if call is None:
                if event.signature is not None:
                    signed = call_signature_as(event.signature, event.maker)
                    self._add("rs", {"type": "reasoning", "summary": [], "encrypted_content": signed})
                self._close_item("completed")
                item = {"type": "function_call", "status": "in_progress", "arguments": "", "name": event.name}
                self._calls[event.index] = opened = self._open("fc", item)
                opened.item["call_id"] = event.id or opened.item["id"].replace("fc_", "call_")
                self._say("response.output_item.added", output_index=opened.index, item=opened.item)
        elif call is not None:
            if event.arguments:
                call.said.append(event.arguments)
                self._say("response.function_call_arguments.delta", **call.place, delta=event.arguments)
        elif event.arguments.strip():
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a tool call goes on that was over, or never began")

    def _close_calls(self, status: str) -> None:
        for call in self._calls.values():
            arguments = "".join(call.said)
            if not arguments:
                arguments = "{}"
                self._say("response.function_call_arguments.delta", **call.place, delta=arguments)
            name = call.item["name"]
            self._say("response.function_call_arguments.done", **call.place, name=name, arguments=arguments)
            self._done(call, {"arguments": arguments, "status": status})
        self._calls.clear()

    # -- items

    def _open(self, prefix: str, item: dict[str, Any]) -> _Open:
        index = len(self._output)
        opened = _Open(index, {"id": f"{prefix}_{self._request.id}_{index}", **item})
        self._output.append(opened.item)
        return opened

    def _add(self, prefix: str, item: dict[str, Any]) -> _Open:
        self._close_all("completed")
        self._item = self._open(prefix, item)
        self._say("response.output_item.added", output_index=self._item.index, item=self._item.item)
        return self._item

    def _close_all(self, status: str) -> None:
        self._close_item(status)
        self._close_calls(status)

    def _close_item(self, status: str) -> None:
        item = self._item
        if item is None:
            return
        if item.item["type"] == "message":
            self._close_part(item)
            self._done(item, {"status": status})
        else:
            self._close_summary(item)
            self._done(item, {})
        self._item = None

    def _done(self, item: _Open, last: dict[str, Any]) -> None:
        item.item.update(last)
        self._say("response.output_item.done", output_index=item.index, item=item.item)

    def _say(self, kind: str, **members: Any) -> None:
        if not self._is_silent:
            self._written.append(as_event(kind, {"type": kind, "sequence_number": self._number, **members}))
        self._number += 1


def _part(kind: str, text: str, annotations: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    if kind == _REFUSAL:
        return {"type": kind, "refusal": text}
    return {"type": kind, "text": text, "annotations": list(annotations), "logprobs": []}
