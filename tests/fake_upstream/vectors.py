"""Embeddings: a vector for each input, by its text alone. Shape: CreateEmbeddingResponse of OpenAI's OpenAPI description 2.3.0."""

import base64
import hashlib
import struct
from typing import Any

from tests.fake_upstream.call import Call

DIMENSIONS = 8


def whole(call: Call) -> dict[str, Any]:
    """The answer, as numbers or in base64."""
    size = call.fields.get("dimensions")
    size = size if isinstance(size, int) else DIMENSIONS
    is_base64 = call.fields.get("encoding_format") == "base64"
    vectors = [packed(text, size) for text in call.texts]
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


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()
