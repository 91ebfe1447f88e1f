"""Embeddings: a vector for each input, by its text alone. Shape: CreateEmbeddingResponse of OpenAI's OpenAPI description 2.3.0."""

import base64
import hashlib
import math
import struct
from typing import Any

from tests.fake_upstream.call import Call

DIMENSIONS = 8


def whole(call: Call, salt: str = "") -> dict[str, Any]:
    """The answer, as numbers or in base64. `salt`: another model has other vectors."""
    size = call.fields.get("dimensions")
    size = size if isinstance(size, int) else DIMENSIONS
    is_base64 = call.fields.get("encoding_format") == "base64"
    vectors = [packed(salt + text, size) for text in call.texts]
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _base64(vector) if is_base64 else numbers(vector)}
            for index, vector in enumerate(vectors)
        ],
        "model": call.model,
        "usage": {"prompt_tokens": call.prompt_tokens, "total_tokens": call.prompt_tokens},
    }


def packed(text: str, size: int = DIMENSIONS) -> bytes:
    """The vector of a text: little-endian float32, between -1 and 1."""
    digest = hashlib.shake_128(text.encode()).digest(4 * size)
    return struct.pack(f"<{size}f", *(value / 2**31 for value in struct.unpack(f"<{size}i", digest)))


def numbers(vector: bytes) -> list[float]:
    """The same as numbers, each exactly the float32."""
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))


def other_form(embedding: Any) -> Any:
    """Base64 in place of numbers, and numbers in place of base64."""
    return numbers(base64.b64decode(embedding)) if isinstance(embedding, str) else _base64(_packed(embedding))


def with_nan(embedding: Any) -> Any:
    """The same with NaN as its first number."""
    if isinstance(embedding, str):
        return _base64(_packed([math.nan, *numbers(base64.b64decode(embedding))[1:]]))
    return [math.nan, *embedding[1:]]


def shorter(embedding: Any) -> Any:
    """The same less its last number."""
    return _base64(base64.b64decode(embedding)[:-4]) if isinstance(embedding, str) else embedding[:-1]


def _packed(numbers_: list[float]) -> bytes:
    return struct.pack(f"<{len(numbers_)}f", *numbers_)


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()
