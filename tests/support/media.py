"""Providers of sound, images, rankings and judgements, as a test's script: good answers by path, and what may be wrong with one.

Shapes: the examples of OpenAI's OpenAPI description 2.3.0; Cohere's API reference "Rerank v2"; vLLM 0.32 for scores.
"""

import json
import re
from typing import Any

from tests.support.scripted import Asked, response

TEXT = "Imagine the wildest idea that you've ever had."
SOUND = bytes(range(256)) * 64
IMAGE = "aGVsbG8gaW1hZ2U="
CATEGORIES = {"harassment": True, "violence": False}
IMAGE_USAGE = {
    "total_tokens": 100, "input_tokens": 50, "output_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
}  # fmt: skip
_FIELD = re.compile(rb'name="([^"]+)"(?:; filename="([^"]*)")?[^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', re.DOTALL)


def form_of(asked: Asked) -> dict[str, Any]:
    """The texts of a form by name, several as a list; files as (filename, bytes)."""
    found: dict[str, Any] = {}
    for name, filename, value in _FIELD.findall(asked.body):
        one = (filename.decode(), value) if filename else value.decode()
        key = name.decode()
        found[key] = one if key not in found else [*(found[key] if isinstance(found[key], list) else [found[key]]), one]
    return found


def model_of(asked: Asked) -> str:
    """What the provider was asked for."""
    if asked.headers["content-type"].startswith("multipart/"):
        return str(form_of(asked)["model"])
    return str(json.loads(asked.body)["model"])


def fields_of(asked: Asked) -> dict[str, Any]:
    """Its body, of either kind."""
    if asked.headers["content-type"].startswith("multipart/"):
        return form_of(asked)
    told: dict[str, Any] = json.loads(asked.body)
    return told


def good(asked: Asked) -> bytes:
    """What a provider answers that does as it is asked."""
    fields, stream = fields_of(asked), _is_stream(asked)
    match asked.path.removeprefix("/v1"):
        case "/rerank":
            return response(ranked(fields))
        case "/score":
            second = fields["text_2"]
            number = len(second) if isinstance(second, list) else 1
            data = [{"index": at, "object": "score", "score": 0.5} for at in range(number)]
            usage = {"prompt_tokens": 7, "total_tokens": 7}
            return response({"id": "s", "object": "list", "created": 1, "model": "up", "data": data, "usage": usage})
        case "/moderations":
            number = len(fields["input"]) if isinstance(fields["input"], list) else 1
            number = 1 if number and isinstance(fields["input"][0], dict) else number
            one = {"flagged": True, "categories": CATEGORIES, "category_scores": {"harassment": 0.8, "violence": 0.1}}
            return response({"id": "modr-1", "model": "omni-moderation-latest", "results": [one] * number})
        case "/audio/speech":
            return events(*SPEECH_EVENTS) if stream else response(SOUND, content_type="audio/mpeg")
        case "/audio/transcriptions" | "/audio/translations":
            return events(*TRANSCRIPT_EVENTS) if stream else transcript(fields.get("response_format", "json"))
        case "/images/generations" | "/images/edits":
            number = int(fields.get("n") or 1)
            if stream:
                return events(
                    *image_events("image_edit" if asked.path.endswith("edits") else "image_generation", number)
                )
            return response({"created": 1713833628, "data": [{"b64_json": IMAGE}] * number, "usage": IMAGE_USAGE})
    return response({"error": {"message": "no such path"}}, 404)


def ranked(fields: dict[str, Any]) -> dict[str, Any]:
    """The last document first, as Cohere says it."""
    number = len(fields["documents"])
    wanted = fields.get("top_n") or number
    results = [{"index": number - 1 - at, "relevance_score": 1 / (at + 1)} for at in range(number)]
    return {"id": "r", "results": results[:wanted], "meta": {"billed_units": {"search_units": 1}}}


def transcript(wanted: str) -> bytes:
    """In the format that was asked for."""
    if wanted == "srt":
        return response(b"1\n00:00:00,000 --> 00:00:12,500\nImagine.\n\n", content_type="text/plain; charset=utf-8")
    if wanted == "vtt":
        return response(b"WEBVTT\n\n00:00.000 --> 00:12.500\nImagine.\n\n", content_type="text/plain; charset=utf-8")
    told: dict[str, Any] = {"text": TEXT, "usage": {"type": "duration", "seconds": 30}}
    if wanted == "verbose_json":
        told |= {"task": "transcribe", "language": "english", "duration": 29.6, "segments": []}
    if wanted == "diarized_json":
        told |= {"task": "transcribe", "duration": 29.6, "segments": []}
    return response(told)


TRANSCRIPT_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "transcript.text.delta", "delta": "Imagine "},
    {"type": "transcript.text.delta", "delta": "that."},
    {
        "type": "transcript.text.done",
        "text": "Imagine that.",
        "usage": {
            "type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
            "output_tokens": 45, "total_tokens": 59,
        },
    },
)  # fmt: skip
SPEECH_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "speech.audio.delta", "audio": IMAGE},
    {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}},
)
# what vLLM streams
VLLM_CHUNKS: tuple[dict[str, Any], ...] = (
    *(
        {"id": "trsc-1", "object": "transcription.chunk", "created": 1, "model": "up",
         "choices": [{"delta": {"content": said}, "finish_reason": finish}]}
        for said, finish in (("Imagine ", None), ("that.", None), ("", "stop"))
    ),
    {"id": "trsc-1", "object": "transcription.chunk", "created": 1, "model": "up", "choices": [],
     "usage": {"prompt_tokens": 14, "completion_tokens": 45, "total_tokens": 59}},
)  # fmt: skip


def image_events(kind: str, number: int = 1) -> list[dict[str, Any]]:
    """A picture of what each is to become, and each."""
    about = {"created_at": 1, "size": "1024x1024", "quality": "high", "background": "opaque", "output_format": "png"}
    part = {"type": f"{kind}.partial_image", "b64_json": IMAGE, "partial_image_index": 0, **about}
    whole = {"type": f"{kind}.completed", "b64_json": IMAGE, "usage": IMAGE_USAGE, **about}
    return [part, whole] * number


def stream_of(*payloads: Any) -> bytes:
    """The body of a stream of these."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (one.get("type", "").encode(), json.dumps(one).encode()) for one in payloads
    )


def events(*payloads: Any) -> bytes:
    """A whole response that is one."""
    return response(stream_of(*payloads), content_type="text/event-stream")


def _is_stream(asked: Asked) -> bool:
    fields = fields_of(asked)
    return fields.get("stream") in (True, "true") or fields.get("stream_format") == "sse"


# -- what may be wrong


def badly(asked: Asked) -> bytes | None:
    """As the model's name says; a good answer where it says nothing."""
    name = model_of(asked).partition("@")[0]
    whole = good(asked)
    head, _, body = whole.partition(b"\r\n\r\n")
    match name:
        case "fails_500":
            return response({"error": {"message": "it crashed", "type": "server_error"}}, 500)
        case "limited_429":
            return response({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, 429, retry_after="3600")
        case "refused_400":
            refusal = {"message": "not so", "type": "invalid_request_error", "param": "model", "code": "bad"}
            return response({"error": refusal}, 400)
        case "unauthorized_401":
            return response({"error": {"message": "wrong key", "code": "invalid_api_key"}}, 401)
        case "closes":
            return None
        case "cut":
            return head + b"\r\nconnection: close\r\n\r\n" + body[: len(body) // 2]
        case "empty":
            return response(b"")
        case "null":
            return response(b"null")
        case "html":
            return response(b"<html>Hello</html>", content_type="text/html")
        case "error_200":
            return response({"error": {"message": "out of memory", "type": "server_error"}})
        case "garbage":
            return b"\x16\x03\x01\x02garbage\r\n\r\n"
    return whole
