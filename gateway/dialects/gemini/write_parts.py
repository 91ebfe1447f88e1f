"""Parts of a turn as parts of a content. How the content deviates is told by the part's path in the chat.

Source: Google, "Thought signatures": the first call of a model's turn must carry one, or the marker that stands for a call which
the model did not make itself; "File input methods": a URL is fetched by Google, never by the gateway.
"""

import base64
import mimetypes
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.dialects.contract import Adapted, Deviation
from gateway.dialects.gemini.reply import arguments_as_object, own_tools_part
from gateway.dialects.gemini.signatures import NAME, NOT_SIGNED
from gateway.dialects.invalid import invalid
from gateway.values.chat import (
    Audio,
    Document,
    HiddenReasoning,
    Image,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

Members = dict[str, Any]
Deviations = dict[Deviation, None]  # in order, each once
_SCHEMES = frozenset({"https", "http", "gs"})
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mp3"}
_CACHE = "cache_control"
_AS_TEXT = "said as text"


class Names:
    """Of the functions that calls were of: a result is told by name."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}

    def add(self, call: ToolCall) -> None:
        """A call of the conversation."""
        self._by_id[call.id] = call.name

    def of(self, result: ToolResult) -> str:
        """Where no such call was made, its id: before calls had ids, that was the name."""
        return self._by_id.get(result.call_id, result.call_id)


def user_parts(parts: Sequence[Part], path: str, names: Names, lost: Deviations) -> tuple[list[Members], list[Members]]:
    """What tools gave back, and the rest: they stand in contents of their own."""
    results: list[Members] = []
    rest: list[Members] = []
    for at, part in enumerate(parts):
        where = f"{path}.parts[{at}]"
        _beside(part, where, lost)
        if isinstance(part, ToolResult):
            results.append(_result(part, where, names, lost))
        elif isinstance(part, Reasoning | HiddenReasoning | ToolCall | ProviderCall | ProviderResult):
            lost[where] = None  # no words of a user
        elif isinstance(part, Refusal):
            lost[Adapted(where, _AS_TEXT)] = None
            rest += [{"text": part.text}] if part.text else []
        elif not isinstance(part, Text):
            rest.append(_file(part, where, lost))
        elif part.text:
            rest.append({"text": part.text})
    return results, rest


def model_parts(parts: Sequence[Part], path: str, names: Names, lost: Deviations) -> list[Members]:
    """What the model said. What it hid is the signature of the call after it, else of the text before."""
    turn = _ModelTurn()
    for at, part in enumerate(parts):
        where = f"{path}.parts[{at}]"
        _beside(part, where, lost)
        if isinstance(part, ToolCall):
            names.add(part)
            turn.call(part, where, lost)
        elif isinstance(part, Text | Refusal):
            if isinstance(part, Refusal):
                lost[Adapted(where, _AS_TEXT)] = None
            turn.text(part.text)
        elif isinstance(part, Reasoning):
            turn.thought(part, where, lost)
        elif isinstance(part, HiddenReasoning | ProviderCall | ProviderResult) and part.maker == NAME:
            turn.own(part)
        elif isinstance(part, HiddenReasoning | ProviderCall | ProviderResult | ToolResult):
            lost[where] = None  # another provider's, or no words of a model
        else:
            turn.parts.append(_file(part, where, lost))
    return turn.ended()


class _ModelTurn:
    def __init__(self) -> None:
        self.parts: list[Members] = []
        self._signatures: list[str] = []  # that wait for the part that they are of

    def text(self, text: str) -> None:
        if text:
            self.parts.append({"text": text})

    def call(self, call: ToolCall, path: str, lost: Deviations) -> None:
        arguments = arguments_as_object(call.arguments)
        if isinstance(arguments, dict):
            lost[Adapted(f"{path}.arguments", "no object: given in one, as text")] = None
        part: Members = {"functionCall": {"id": call.id, "name": call.name, "args": arguments}}
        if call.signature is not None and call.maker == NAME:
            part["thoughtSignature"] = call.signature
        elif self._signatures:
            part["thoughtSignature"] = self._signatures.pop(0)
        elif not any("functionCall" in one for one in self.parts):
            part["thoughtSignature"] = NOT_SIGNED
        if call.signature is not None and call.maker != NAME:
            lost[f"{path}.signature"] = None
        self.parts.append(part)

    def thought(self, thought: Reasoning, path: str, lost: Deviations) -> None:
        """One that another provider signed is not said."""
        if thought.maker not in (None, NAME) or (thought.signature is not None and thought.maker is None):
            lost[path] = None
            return
        part: Members = {"text": thought.text, "thought": True}
        if thought.signature is not None:
            part["thoughtSignature"] = thought.signature
        if thought.text or thought.signature is not None:
            self.parts.append(part)

    def own(self, part: HiddenReasoning | ProviderCall | ProviderResult) -> None:
        """What Gemini's model, or a tool of Google's, did."""
        if not isinstance(part, HiddenReasoning):
            self.parts.append(own_tools_part(part))
        elif self._is_unsigned_text():
            self.parts[-1]["thoughtSignature"] = part.data
        else:
            self._signatures.append(part.data)

    def ended(self) -> list[Members]:
        for signature in self._signatures:
            if not self._is_unsigned_text():
                self.parts.append({"text": ""})
            self.parts[-1]["thoughtSignature"] = signature
        return self.parts

    def _is_unsigned_text(self) -> bool:
        last = self.parts[-1] if self.parts else {}
        return "text" in last and "thought" not in last and "thoughtSignature" not in last


def _beside(part: Part, path: str, lost: Deviations) -> None:
    """What no part says of itself here."""
    if getattr(part, "cache_s", None) is not None:
        lost[_CACHE] = None
    if isinstance(part, Text) and part.citations:
        lost[f"{path}.citations"] = None


def _result(part: ToolResult, path: str, names: Names, lost: Deviations) -> Members:
    for at, one in enumerate(part.parts):
        _beside(one, f"{path}.parts[{at}]", lost)
    texts = [one.text for one in part.parts if isinstance(one, Text)]
    said: Members = {
        "id": part.call_id,
        "name": names.of(part),
        "response": {"error" if part.is_error else "output": "\n".join(texts)},
    }
    files = [_file(one, f"{path}.parts[{at}]", lost) for at, one in enumerate(part.parts) if not isinstance(one, Text)]
    if files:
        said["parts"] = files
    return {"functionResponse": said}


def _file(part: Part, path: str, lost: Deviations) -> Members:
    if isinstance(part, Audio):
        return _inline(_AUDIO.get(part.format, f"audio/{part.format}"), part.data)
    if not isinstance(part, Image | Document):
        raise invalid(path, "it has no place in Gemini's contents")
    if isinstance(part, Image) and part.detail not in (None, "auto"):
        lost[f"{path}.detail"] = None
    if isinstance(part, Document):
        said = {"name": part.name, "context": part.context, "cites": part.cites or None}
        lost.update({f"{path}.{name}": None for name, value in said.items() if value is not None})
    if part.file_id is not None and part.maker == NAME:
        return {"fileData": _less({"fileUri": part.file_id, "mimeType": part.media_type})}
    if part.url is not None:
        return _by_url(part.url, part.media_type, path)
    if part.data is None or part.media_type is None:
        raise invalid(
            path, "a file needs its data and media type, or a URL; one that another provider holds is not seen here"
        )
    if isinstance(part, Document) and part.media_type == "text/plain":
        return _inline(part.media_type, base64.b64encode(part.data.encode("utf-8", "replace")).decode())
    return _inline(part.media_type, part.data)


def _inline(media_type: str, data: str) -> Members:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _by_url(url: str, media_type: str | None, path: str) -> Members:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise invalid(path, "expected a URL") from None
    if parts.scheme.lower() not in _SCHEMES:
        raise invalid(path, "Google takes a file by an https, http or gs URL, or its data")
    return {"fileData": _less({"fileUri": url, "mimeType": media_type or mimetypes.guess_type(parts.path)[0]})}


def _less(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}
