"""Parts of a caller's contents, as parts of a turn."""

import base64
import binascii
from collections.abc import Iterator

import msgspec

from gateway.dialects.gemini.signatures import NAME, read_hidden, read_signature
from gateway.dialects.gemini.wire import ABSENT, FunctionCall, is_present
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
    Text,
    ToolCall,
    ToolResult,
)

_AUDIO = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}
_FILES = "https://generativelanguage.googleapis.com/"  # a file that Google holds, which no other provider can read
_MORE = ("video_metadata", "media_resolution", "part_metadata")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


class Blob(msgspec.Struct, rename="camel"):
    """A file in base64."""

    data: str
    mime_type: str | None = None


class FileData(msgspec.Struct, rename="camel"):
    """A file by its address."""

    file_uri: str
    mime_type: str | None = None


class FunctionResponse(msgspec.Struct, rename="camel"):
    """What a function gave back; files beside it in `parts`."""

    name: str
    id: str | None = None
    response: msgspec.Raw = ABSENT
    parts: "list[AskedPart] | None" = None


class AskedPart(msgspec.Struct, rename="camel"):
    """A part as a caller may send it."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    video_metadata: msgspec.Raw = ABSENT
    media_resolution: msgspec.Raw = ABSENT
    part_metadata: msgspec.Raw = ABSENT
    executable_code: msgspec.Raw = ABSENT
    code_execution_result: msgspec.Raw = ABSENT


class Calls:
    """Of the conversation: those without an id get one, and what comes back without one is of the first that waits."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[str]] = {}
        self._made = 0

    def add(self, call: FunctionCall) -> str:
        """The id of a call."""
        said = call.id or f"call_{self._made}"
        self._made += 1
        self._waiting.setdefault(call.name, []).append(said)
        return said

    def answered(self, response: FunctionResponse) -> str:
        """The id of the call that it answers."""
        waiting = self._waiting.get(response.name, [])
        said = response.id or (waiting[0] if waiting else response.name)
        if said in waiting:
            waiting.remove(said)
        return said


def parts_of(parts: list[AskedPart], path: str, calls: Calls, unsaid: list[str]) -> Iterator[Part]:
    """Those that have no place in a chat are named in `unsaid`, by their paths."""
    for at, part in enumerate(parts):
        where = f"{path}.parts[{at}]"
        unsaid += [f"{where}.{_camel(name)}" for name in _MORE if is_present(getattr(part, name))]
        found = list(_parts(part, where, calls))
        if not found and not part.thought_signature and part.text != "":
            unsaid.append(where)
        yield from found


def _parts(part: AskedPart, path: str, calls: Calls) -> Iterator[Part]:
    signature = read_signature(part.thought_signature)
    if part.function_call is not None:
        yield _call(part.function_call, signature or (), path, calls)
    elif part.function_response is not None:
        yield _result(part.function_response, path, calls)
    elif part.inline_data is not None or part.file_data is not None:
        yield _file(part, path)
    elif is_present(part.executable_code):
        yield ProviderCall(id="code", kind="code_execution", native=bytes(part.executable_code).decode(), maker=NAME)
    elif is_present(part.code_execution_result):
        native = bytes(part.code_execution_result).decode()
        yield ProviderResult(call_id="code", kind="code_execution", native=native, maker=NAME)
    elif not part.text and (hidden := read_hidden(part.thought_signature)) is not None:
        yield HiddenReasoning(*hidden)
    elif part.thought:
        yield Reasoning(part.text or "", *(signature or ()))
    else:
        if part.text:
            yield Text(part.text)
        if signature is not None:
            yield HiddenReasoning(*signature)


def _call(call: FunctionCall, signature: tuple[str, str | None] | tuple[()], path: str, calls: Calls) -> ToolCall:
    if not call.name:
        raise invalid(f"{path}.functionCall.name", "a string is missing")
    arguments = bytes(call.args).decode("utf-8", "replace") if is_present(call.args) else "{}"
    return ToolCall(calls.add(call), call.name, arguments, None, *signature)


def _result(response: FunctionResponse, path: str, calls: Calls) -> ToolResult:
    text, is_error = _said(response.response)
    parts: list[Text | Image | Document] = [Text(text)] if text else []
    for at, one in enumerate(response.parts or ()):
        file = _file(one, f"{path}.functionResponse.parts[{at}]")
        if isinstance(file, Audio):
            raise invalid(f"{path}.functionResponse.parts[{at}]", "expected an image or a document")
        parts.append(file)
    return ToolResult(call_id=calls.answered(response), parts=tuple(parts), is_error=is_error)


def _said(response: msgspec.Raw) -> tuple[str, bool]:
    """What is under `output`, or `error`, where it stands alone; else all of it, as JSON."""
    if not is_present(response):
        return "", False
    try:
        members = _object(response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(response).decode("utf-8", "replace"), False
    name, raw = next(iter(members.items()), ("", response))
    if len(members) == 1 and name in ("output", "error"):
        try:
            return _text(raw), name == "error"
        except (msgspec.DecodeError, UnicodeDecodeError):
            return bytes(raw).decode("utf-8", "replace"), name == "error"
    return bytes(response).decode("utf-8", "replace"), False


def _file(part: AskedPart, path: str) -> Image | Document | Audio:
    if part.file_data is not None:
        kind, uri = part.file_data.mime_type, part.file_data.file_uri
        held, url = (uri, None) if uri.startswith(_FILES) else (None, uri)
        maker = None if held is None else NAME
        if (kind or "").startswith("image/"):
            return Image(media_type=kind, url=url, file_id=held, maker=maker)
        return Document(media_type=kind, url=url, file_id=held, maker=maker)
    blob = part.inline_data
    if blob is None:
        raise invalid(path, "expected inlineData or fileData")
    kind = blob.mime_type or ""
    if kind.startswith("image/"):
        return Image(media_type=kind, data=blob.data)
    if kind in _AUDIO:
        return Audio(blob.data, _AUDIO[kind])
    if not kind or kind.startswith(("audio/", "video/")):
        raise invalid(f"{path}.inlineData.mimeType", "a type that the provider's format has a place for")
    return Document(media_type=kind, data=_text_of(blob.data, path) if kind == "text/plain" else blob.data)


def _text_of(data: str, path: str) -> str:
    try:
        return base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise invalid(f"{path}.inlineData.data", "expected base64") from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
