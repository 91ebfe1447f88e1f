"""Parts of a turn as parts of a content. What has no form is named in `lost`, by the part's path in the chat.

Source: Google, "Thought signatures": the first call of a model's turn must carry one, or the marker that stands for a call which
the model did not make itself; "File input methods": a URL is fetched by Google, never by the gateway.
"""

import base64
import mimetypes
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.dialects.gemini.reply import NAME, arguments_as_object
from gateway.dialects.invalid import invalid
from gateway.dialects.signatures import own
from gateway.values.chat import (
    Audio,
    Document,
    HiddenReasoning,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

Members = dict[str, Any]
NOT_SIGNED = "skip_thought_signature_validator"
_SCHEMES = frozenset({"https", "http", "gs"})
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mp3"}
_CACHE = "cache_control"


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


def user_parts(
    parts: Sequence[Part], path: str, names: Names, lost: dict[str, None]
) -> tuple[list[Members], list[Members]]:
    """What tools gave back, and the rest: they stand in contents of their own."""
    results: list[Members] = []
    rest: list[Members] = []
    for at, part in enumerate(parts):
        where = f"{path}.parts[{at}]"
        if getattr(part, "cache_s", None) is not None:
            lost[_CACHE] = None
        if isinstance(part, ToolResult):
            results.append(_result(part, where, names, lost))
        elif isinstance(part, Reasoning | HiddenReasoning | ToolCall):
            lost[where] = None  # no words of a user
        elif isinstance(part, Refusal):
            lost[where] = None
            rest += [{"text": part.text}] if part.text else []
        elif not isinstance(part, Text):
            rest.append(_file(part, where, lost))
        elif part.text:
            rest.append({"text": part.text})
    return results, rest


def model_parts(parts: Sequence[Part], path: str, names: Names, lost: dict[str, None]) -> list[Members]:
    """What the model said. A thought's signature goes on the call after it, else on the text before."""
    turn = _ModelTurn()
    for at, part in enumerate(parts):
        where = f"{path}.parts[{at}]"
        if getattr(part, "cache_s", None) is not None:
            lost[_CACHE] = None
        if isinstance(part, ToolCall):
            names.add(part)
            if turn.call(part):
                lost[f"{where}.arguments"] = None
        elif isinstance(part, Text):
            turn.text(part.text)
        elif isinstance(part, Refusal):
            lost[where] = None
            turn.text(part.text)
        elif isinstance(part, Reasoning):
            if not turn.thought(part):
                lost[where] = None
        elif isinstance(part, HiddenReasoning | ToolResult):
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

    def call(self, call: ToolCall) -> bool:
        """True where its arguments were no object."""
        arguments = arguments_as_object(call.arguments)
        part: Members = {"functionCall": {"id": call.id, "name": call.name, "args": arguments}}
        if self._signatures:
            part["thoughtSignature"] = self._signatures.pop(0)
        elif not any("functionCall" in one for one in self.parts):
            part["thoughtSignature"] = NOT_SIGNED
        self.parts.append(part)
        return isinstance(arguments, dict)

    def thought(self, thought: Reasoning) -> bool:
        """False for one that another provider signed."""
        signature = own(NAME, thought.signature)
        if thought.signature is not None and signature is None:
            return False
        if thought.text:
            self.parts.append({"text": thought.text, "thought": True})
        if signature is not None:
            if self._signatures and self._is_unsigned_text():
                self.parts[-1]["thoughtSignature"] = self._signatures.pop(0)
            self._signatures.append(signature)
        return True

    def ended(self) -> list[Members]:
        for signature in self._signatures:
            if not self._is_unsigned_text():
                self.parts.append({"text": ""})
            self.parts[-1]["thoughtSignature"] = signature
        return self.parts

    def _is_unsigned_text(self) -> bool:
        last = self.parts[-1] if self.parts else {}
        return "text" in last and "thought" not in last and "thoughtSignature" not in last


def _result(part: ToolResult, path: str, names: Names, lost: dict[str, None]) -> Members:
    texts = [one.text for one in part.parts if isinstance(one, Text)]
    for one in part.parts:
        if one.cache_s is not None:
            lost[_CACHE] = None
    said: Members = {
        "id": part.call_id,
        "name": names.of(part),
        "response": {"error" if part.is_error else "output": "\n".join(texts)},
    }
    files = [_file(one, f"{path}.parts[{at}]", lost) for at, one in enumerate(part.parts) if not isinstance(one, Text)]
    if files:
        said["parts"] = files
    return {"functionResponse": said}


def _file(part: Part, path: str, lost: dict[str, None]) -> Members:
    if isinstance(part, Audio):
        return _inline(_AUDIO.get(part.format, f"audio/{part.format}"), part.data)
    if not isinstance(part, Image | Document):
        raise invalid(path, "it has no place in Gemini's contents")
    if isinstance(part, Image) and part.detail not in (None, "auto"):
        lost[f"{path}.detail"] = None
    if isinstance(part, Document) and part.name is not None:
        lost[f"{path}.name"] = None
    if part.url is not None:
        return _by_url(part.url, path)
    if part.data is None or part.media_type is None:
        raise invalid(path, "a file needs its data and media type, or a URL")
    if isinstance(part, Document) and part.media_type == "text/plain":
        return _inline(part.media_type, base64.b64encode(part.data.encode("utf-8", "replace")).decode())
    return _inline(part.media_type, part.data)


def _inline(media_type: str, data: str) -> Members:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _by_url(url: str, path: str) -> Members:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise invalid(path, "expected a URL") from None
    if parts.scheme.lower() not in _SCHEMES:
        raise invalid(path, "Google takes a file by an https, http or gs URL, or its data")
    media_type = mimetypes.guess_type(parts.path)[0]
    return {"fileData": {"fileUri": url, **({} if media_type is None else {"mimeType": media_type})}}
