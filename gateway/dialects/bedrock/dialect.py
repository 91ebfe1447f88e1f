"""Converse as a dialect: the side of a provider. No caller of the gateway speaks it."""

from gateway.dialects.bedrock.reader import ConverseReader
from gateway.dialects.bedrock.reply import MAKER, read_reply
from gateway.dialects.bedrock.write_chat import write_chat
from gateway.dialects.contract import Deviation, EventReader, Fields, ProviderSide
from gateway.values.chat import Chat, Reply
from gateway.values.pause import Pause, no_pause


class _Bedrock:
    name = MAKER

    def fields(self, chat: Chat, pause: Pause = no_pause) -> tuple[Fields, tuple[Deviation, ...]]:
        return write_chat(chat, pause)

    def reply(self, body: bytes) -> Reply:
        return read_reply(body)

    def reader(self) -> EventReader:
        return ConverseReader()


BEDROCK: ProviderSide = _Bedrock()
