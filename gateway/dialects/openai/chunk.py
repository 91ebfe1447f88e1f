"""A chunk of a stream, as far as it has to be understood."""

import contextlib

import msgspec

from gateway.dialects.openai.error_object import is_failed_status
from gateway.dialects.openai.finish import means_failure
from gateway.dialects.openai.transcript import Transcript
from gateway.dialects.openai.wire import ABSENT, Said, is_present
from gateway.values.answer import Chunk
from gateway.values.surrogates import without_lone_surrogates


class Choice(msgspec.Struct, gc=False):
    """What one choice goes on with."""

    index: int = 0
    delta: Said | None = None
    finish_reason: str | None = None
    error: msgspec.Raw = ABSENT


class ChatChunk(msgspec.Struct, gc=False):
    """One event's data."""

    choices: list[Choice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT
    base_resp: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(ChatChunk).decode
decode_batch = msgspec.json.Decoder(list[ChatChunk]).decode


def parse(data: bytes) -> ChatChunk | None:
    """None if this is no chunk."""
    for form in (data, without_lone_surrogates(data)):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode(form)
    return None


def says_failure(chunk: ChatChunk) -> bool:
    """True if it holds an error, of the answer or of a choice, or a choice that ended so."""
    return (
        is_present(chunk.error)
        or is_failed_status(chunk.base_resp)
        or any(is_present(choice.error) or means_failure(choice.finish_reason) for choice in chunk.choices or ())
    )


def as_event(data: bytes, *, output: bool = False) -> Chunk:
    """One event's data in the usual framing."""
    return Chunk(b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n", output)


def joined(chunks: list[Chunk]) -> Chunk:
    """Several as one; a failure takes the rest with it."""
    last = chunks[-1]
    if last.failure is not None or len(chunks) == 1:
        return last
    return Chunk(b"".join(chunk.forward for chunk in chunks), any(chunk.output for chunk in chunks), last.done)


def remember(transcript: Transcript, chunks: list[ChatChunk], first: bytes) -> None:
    """Keep what these say. `first`: the data of the first."""
    transcript.begin(first)
    for chunk in chunks:
        for choice in chunk.choices or ():
            if choice.delta is not None:
                transcript.add(choice.index, choice.delta)


def is_end(chunk: ChatChunk) -> bool:
    """Whether a choice finishes here."""
    return any(choice.finish_reason is not None for choice in chunk.choices or ())
