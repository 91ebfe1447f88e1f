"""Chat completions as a dialect with two sides."""

from gateway.dialects.contract import Deviation, EventReader, EventWriter, Fields
from gateway.dialects.openai import errors
from gateway.dialects.openai.asked import chat_of
from gateway.dialects.openai.asking import fields_of
from gateway.dialects.openai.caller_paths import caller_path
from gateway.dialects.openai.events import ChunkReader, ChunkWriter
from gateway.dialects.openai.replies import reply_of, whole
from gateway.values.chat import Chat, Reply
from gateway.values.error_view import ErrorView
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request
from gateway.values.taken_fields import UNKNOWN_FIELDS, TakenFields

# members of a body that stand for another of the chat
_OF_CHAT = {"reasoning_effort": "thinking", "prompt_cache_key": "cache_key"}
_THOUGHTS = ("reasoning", "reasoning_content")


class OpenAIDialect:
    """`limit_name`: what the vendor calls the bound of an answer's tokens; `refuses`: members of the chat that it takes no
    word for, so that they are lost; `takes`: members of a body that its servers heed, all others are lost too.
    """

    name = "openai"
    id_header = "x-request-id"

    def __init__(
        self,
        limit_name: str = "max_tokens",
        refuses: frozenset[str] = frozenset(),
        takes: TakenFields = UNKNOWN_FIELDS,
    ) -> None:
        self._limit_name = limit_name
        self._refuses = refuses | takes.lacks
        self._takes = takes
        of_messages = (name for name in _THOUGHTS if takes.names is not None and f"messages.{name}" in takes.names)
        self._thoughts = next(of_messages, None)

    def chat(self, fields: Fields, pause: Pause = no_pause) -> Chat:
        """What a caller's body asks for."""
        return chat_of(fields, pause)

    def caller_path(self, chat: Chat, path: str) -> str:
        """What of its callers' bodies a path of the chat is."""
        return caller_path(chat, path)

    def fields(self, chat: Chat, pause: Pause = no_pause) -> tuple[Fields, tuple[Deviation, ...]]:
        """A body, and what of the chat is lost."""
        fields, lost = fields_of(chat, self._limit_name, self._thoughts, pause)
        refused = [name for name in fields if name in self._refuses or not self._takes.heeds(name)]
        for name in refused:
            del fields[name]
        return fields, (*lost, *(_OF_CHAT.get(name, name) for name in refused))

    def reply(self, body: bytes) -> Reply:
        """A whole answer, of its first choice."""
        return reply_of(body)

    def whole(self, reply: Reply, request: Request) -> bytes:
        """A whole answer for a caller."""
        return whole(reply, request)

    def error(self, view: ErrorView) -> bytes:
        """The body of an error for a caller."""
        return errors.body(view)

    def error_event(self, view: ErrorView) -> bytes:
        """The same as the last event of a stream."""
        return errors.event(view)

    def reader(self) -> EventReader:
        """For one stream."""
        return ChunkReader()

    def writer(self, request: Request) -> EventWriter:
        """For the stream that answers `request`."""
        return ChunkWriter(request)


OPENAI = OpenAIDialect()
