"""OpenAI's Responses as a dialect: what pairs it with another one."""

from gateway.dialects.contract import Deviation, Dialect, EventReader, EventWriter, Fields
from gateway.dialects.responses.caller_paths import caller_path
from gateway.dialects.responses.errors import error_body, error_event
from gateway.dialects.responses.read_chat import read_chat
from gateway.dialects.responses.reader import ResponseReader
from gateway.dialects.responses.reply import read_reply, write_reply
from gateway.dialects.responses.write_chat import write_chat
from gateway.dialects.responses.writer import ResponseWriter
from gateway.values.chat import Chat, Reply
from gateway.values.error_view import ErrorView
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request


class _Responses:
    name = "responses"
    id_header = "x-request-id"

    def chat(self, fields: Fields, pause: Pause = no_pause) -> Chat:
        return read_chat(fields, pause)

    def caller_path(self, chat: Chat, path: str) -> str:
        return caller_path(chat, path)

    def fields(self, chat: Chat, pause: Pause = no_pause) -> tuple[Fields, tuple[Deviation, ...]]:
        return write_chat(chat, pause)

    def reply(self, body: bytes) -> Reply:
        return read_reply(body)

    def whole(self, reply: Reply, request: Request) -> bytes:
        return write_reply(reply, request)

    def error(self, view: ErrorView) -> bytes:
        return error_body(view)

    def error_event(self, view: ErrorView) -> bytes:
        return error_event(view)

    def reader(self) -> EventReader:
        return ResponseReader()

    def writer(self, request: Request) -> EventWriter:
        return ResponseWriter(request)


RESPONSES: Dialect = _Responses()
