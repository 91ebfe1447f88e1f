"""Anthropic's Messages as a dialect: what pairs it with another one."""

from gateway.dialects.anthropic.caller_paths import caller_path
from gateway.dialects.anthropic.errors import error_body, error_event
from gateway.dialects.anthropic.read_chat import read_chat
from gateway.dialects.anthropic.reader import MessageReader
from gateway.dialects.anthropic.reply import read_reply, write_reply
from gateway.dialects.anthropic.unstreamed import as_event
from gateway.dialects.anthropic.write_chat import write_chat
from gateway.dialects.anthropic.writer import MessageWriter
from gateway.dialects.contract import Deviation, Dialect, EventReader, EventWriter, Fields
from gateway.values.chat import Chat, Reply
from gateway.values.error_view import ErrorView
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request


class _Anthropic:
    name = "anthropic"
    id_header = "request-id"
    heartbeat = as_event("ping", {"type": "ping"})

    def chat(self, fields: Fields, pause: Pause = no_pause) -> Chat:
        return read_chat(fields, pause)

    def caller_path(self, chat: Chat, path: str) -> str:
        return caller_path(chat, path)

    def fields(self, chat: Chat, pause: Pause = no_pause) -> tuple[Fields, tuple[Deviation, ...]]:
        return write_chat(chat, pause)

    def reply(self, body: bytes) -> Reply:
        return read_reply(body)

    def whole(self, reply: Reply, request: Request) -> bytes:  # noqa: ARG002 - a message says no time
        return write_reply(reply)

    def error(self, view: ErrorView) -> bytes:
        return error_body(view.status, view.code, view.message, view.request_id)

    def error_event(self, view: ErrorView) -> bytes:
        return error_event(view.status, view.code, view.message, view.request_id)

    def reader(self) -> EventReader:
        return MessageReader()

    def writer(self, request: Request) -> EventWriter:
        return MessageWriter(request.facts.prompt_tokens)


ANTHROPIC: Dialect = _Anthropic()
