"""Gemini's generateContent as a dialect: what pairs it with another one."""

from gateway.dialects.contract import Deviation, EventReader, EventWriter, Fields
from gateway.dialects.gemini.errors import error_body, error_event
from gateway.dialects.gemini.read_chat import read_chat
from gateway.dialects.gemini.reader import GeminiReader
from gateway.dialects.gemini.reply import read_reply, write_reply
from gateway.dialects.gemini.signatures import NAME
from gateway.dialects.gemini.write_chat import write_chat
from gateway.dialects.gemini.writer import GeminiWriter
from gateway.values.chat import Chat, Reply
from gateway.values.error_view import ErrorView
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request


class GeminiDialect:
    """`has_tiers`: the API takes the name of a service tier in the body; Vertex AI's does not."""

    name = NAME
    id_header = "x-request-id"

    def __init__(self, *, has_tiers: bool = True) -> None:
        self._has_tiers = has_tiers

    def chat(self, fields: Fields, pause: Pause = no_pause) -> Chat:
        """What a caller's body asks for."""
        return read_chat(fields, pause)

    def fields(self, chat: Chat, pause: Pause = no_pause) -> tuple[Fields, tuple[Deviation, ...]]:
        """A body, and how it deviates from the chat."""
        return write_chat(chat, pause, has_tiers=self._has_tiers)

    def reply(self, body: bytes) -> Reply:
        """A whole answer, of its first candidate."""
        return read_reply(body)

    def whole(self, reply: Reply, request: Request) -> bytes:  # noqa: ARG002 - an answer says no time
        """A whole answer for a caller."""
        return write_reply(reply)

    def error(self, view: ErrorView) -> bytes:
        """The body of an error for a caller."""
        return error_body(view)

    def error_event(self, view: ErrorView) -> bytes:
        """The same as the last event of a stream."""
        return error_event(view)

    def reader(self) -> EventReader:
        """For one stream."""
        return GeminiReader()

    def writer(self, request: Request) -> EventWriter:  # noqa: ARG002 - the verb's
        """For the stream that answers `request`."""
        return GeminiWriter()


GEMINI = GeminiDialect()
VERTEX = GeminiDialect(has_tiers=False)
