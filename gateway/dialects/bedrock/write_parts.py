"""Parts of a turn as blocks of content. What a block cannot say is told in `told`, by the part's path in the chat.

Source: ContentBlock and ToolResultContentBlock of Amazon Bedrock Runtime's API (2023-09-30, as of November 2026). What the API
refuses beside: text of space, names of documents of other characters or that come twice, ids of other characters or over 64.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from gateway.dialects.contract import Adapted, Deviation
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
    Role,
    Text,
    ToolCall,
    ToolResult,
)

Block = dict[str, Any]
_LONG_S = 3600
_LONGEST_ID, _LONGEST_NAME = 64, 200
_NOT_OF_IDS = re.compile(r"[^a-zA-Z0-9_.:-]")
_NOT_OF_NAMES = re.compile(r"[^a-zA-Z0-9\s()\[\]-]")
_S3 = "s3://"
_MAKERS = (
    None,
    "bedrock",
    "anthropic",
)  # whose signatures and hidden thoughts may be given back: Claude's are the same here
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class PartWriter:
    """Of one conversation. `told`: how it deviates."""

    def __init__(self, told: list[Deviation]) -> None:
        self._told = told
        self._names: set[str] = set()  # of documents

    def blocks(self, parts: Sequence[Part], role: Role, path: str) -> list[Block]:
        """Text without a word is refused, so it is left out. A mark of the cache is a block of its own."""
        blocks: list[Block] = []
        for at, part in enumerate(parts):
            found = list(self._block(part, role, f"{path}.parts[{at}]"))
            blocks += found
            cache_s = part.cache_s if isinstance(part, Text | Image | Document | ToolCall | ToolResult) else None
            if blocks and cache_s is not None:
                blocks.append(cache_point(cache_s))
        return blocks

    def _block(self, part: Part, role: Role, path: str) -> Iterator[Block]:
        if isinstance(part, Text):
            if part.citations:
                self._told.append(f"{path}.citations")
            if part.text.strip():
                yield {"text": part.text}
        elif isinstance(part, Refusal):
            self._told.append(Adapted(path, "said as text"))
            yield from self._block(Text(part.text), role, path)
        elif isinstance(part, Reasoning | HiddenReasoning):
            yield from self._thought(part, role, path)
        elif isinstance(part, ProviderCall | ProviderResult):
            self._told.append(path)
        else:
            yield _OTHERS[type(part)](self, part, path)

    def _thought(self, part: Reasoning | HiddenReasoning, role: Role, path: str) -> Iterator[Block]:
        """A thought that was not signed is refused, and so is a hidden one of others."""
        is_kept = role is Role.ASSISTANT and part.maker in _MAKERS
        if is_kept and isinstance(part, Reasoning) and part.signature is not None:
            yield {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
        elif is_kept and isinstance(part, HiddenReasoning) and _is_base64(part.data):
            yield {"reasoningContent": {"redactedContent": part.data}}
        else:
            self._told.append(path)

    def image(self, part: Image, path: str) -> Block:
        """Raises AttemptFailed for one that is to be fetched, or of another format."""
        if part.detail is not None:
            self._told.append(f"{path}.detail")
        if part.url is not None and part.url.startswith(_S3):
            return {"image": {"format": _format_of_name(part.url, _IMAGES, "png"), "source": _of_s3(part.url)}}
        if part.data is None or part.media_type is None:
            raise invalid(path, "expected an image's data, or an s3:// address: Bedrock fetches no others")
        known = _IMAGES.get(part.media_type.lower())
        if known is None:
            raise invalid(path, f"expected an image of {', '.join(sorted(set(_IMAGES.values())))}")
        return {"image": {"format": known, "source": {"bytes": part.data}}}

    def document(self, part: Document, path: str) -> Block:
        """Raises AttemptFailed for one that is to be fetched, or of another format."""
        document: Block = {"name": self._name(part, path)}
        if part.url is not None and part.url.startswith(_S3):
            document |= {"format": _format_of_name(part.url, _DOCUMENTS, "pdf"), "source": _of_s3(part.url)}
        elif part.data is None or part.media_type is None:
            raise invalid(path, "expected a document's data, or an s3:// address: Bedrock fetches no others")
        else:
            media_type = part.media_type.partition(";")[0].strip().lower()
            known = _DOCUMENTS.get(media_type)
            if known is None:
                raise invalid(path, f"expected a document of {', '.join(sorted(set(_DOCUMENTS.values())))}")
            is_text = media_type == "text/plain"  # which stands in the chat as it is
            data = base64.b64encode(part.data.encode("utf-8", "replace")).decode() if is_text else part.data
            document |= {"format": known, "source": {"bytes": data}}
        if part.context is not None:
            document["context"] = part.context
        if part.cites is not None:
            document["citations"] = {"enabled": part.cites}
        return {"document": document}

    def _name(self, part: Document, path: str) -> str:
        """Each document has one, of its own, in the characters that are allowed."""
        given = (part.name or "").rpartition(".")[0] or part.name or ""  # the format is said beside it
        name = " ".join(_NOT_OF_NAMES.sub("-", given).split())[:_LONGEST_NAME].rstrip() or "document"
        found, number = name, 1
        while found in self._names:
            number += 1
            found = f"{name[: _LONGEST_NAME - 12]}-{number}"
        self._names.add(found)
        if part.name is not None and found != part.name:
            self._told.append(Adapted(f"{path}.name", "in the characters that Bedrock takes"))
        return found

    def audio(self, part: Audio, _: str) -> Block:
        """Its formats are Bedrock's."""
        return {"audio": {"format": part.format, "source": {"bytes": part.data}}}

    def call(self, part: ToolCall, path: str) -> Block:
        """Its arguments are an object."""
        if part.signature is not None:
            self._told.append(f"{path}.signature")
        arguments: Any = msgspec.Raw((part.arguments or "{}").encode("utf-8", "replace"))
        try:
            _object(arguments)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            arguments = {"arguments": part.arguments}
            self._told.append(Adapted(f"{path}.arguments", "an object that holds them as text, since they were none"))
        return {"toolUse": {"toolUseId": id_of(part.id), "name": part.name, "input": arguments}}

    def result(self, part: ToolResult, path: str) -> Block:
        """Its parts have no marks of the cache."""
        blocks = self.blocks(part.parts, Role.USER, path)
        content = [one for one in blocks if "cachePoint" not in one]
        if len(content) < len(blocks):
            self._told.append(Adapted(path, "marks of the cache within it left out"))
        result: Block = {"toolUseId": id_of(part.call_id), "content": content}
        if part.is_error:
            result["status"] = "error"
        return {"toolResult": result}


_OTHERS: dict[type, Callable[[PartWriter, Any, str], Block]] = {
    Image: PartWriter.image,
    Document: PartWriter.document,
    Audio: PartWriter.audio,
    ToolCall: PartWriter.call,
    ToolResult: PartWriter.result,
}


def cache_point(cache_s: int) -> Block:
    """The mark that the prompt up to here is to be cached."""
    return {"cachePoint": {"type": "default", **({"ttl": "1h"} if cache_s >= _LONG_S else {})}}


def id_of(call_id: str) -> str:
    """The id of a call, as it is taken; the same for its result."""
    allowed = _NOT_OF_IDS.sub("_", call_id) or "_"
    if len(allowed) <= _LONGEST_ID:
        return allowed
    return f"{allowed[:31]}_{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _of_s3(url: str) -> Block:
    return {"s3Location": {"uri": url}}


def _format_of_name(url: str, formats: dict[str, str], usual: str) -> str:
    ending = url.rpartition(".")[2].lower()
    ending = "jpeg" if ending == "jpg" else ending
    return ending if ending in formats.values() else usual


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
