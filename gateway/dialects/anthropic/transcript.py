"""What a stream of a message has said, kept while it goes on, where that is plain text that another server can go on with."""

from gateway.dialects.anthropic.wire import Message, StreamEvent
from gateway.values.answer import PartialAnswer

_MAX_TEXT = 1_000_000  # characters; a longer one is not continued


class MessageTranscript:
    """Of one stream: its events in order, as far as they are forwarded."""

    def __init__(self) -> None:
        self._message: Message | None = None
        self._parts: list[str] = []
        self._length = 0
        self._is_open = False  # the only block, which is text
        self._is_text = True

    def add(self, event: StreamEvent) -> None:
        """The next event."""
        delta = event.delta
        if event.type == "content_block_delta" and delta is not None:
            if delta.text:
                self._say(delta.text)
        elif event.type == "message_start":
            self._message = event.message
        elif event.type == "content_block_start":
            block = event.content_block
            self._is_text = self._is_text and not self._parts and block is not None and block.type == "text"
            self._is_open = True
            self._say((block.text if block is not None else None) or "")
        elif event.type in ("content_block_stop", "message_delta"):
            self._is_open = False

    def beginning(self, tokens: int) -> PartialAnswer | None:
        """None if nothing was said, what is no plain text of a single block, or one that has ended."""
        text, message = "".join(self._parts), self._message
        if not (self._is_text and self._is_open and message is not None and text.strip()):
            return None
        return PartialAnswer(text, tokens, message.id or "", message.model or "")

    def _say(self, text: str) -> None:
        self._length += len(text)
        if self._length > _MAX_TEXT:
            self._is_text = False
        if self._is_text:
            self._parts.append(text)
