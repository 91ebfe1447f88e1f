"""What a stream has said, kept while it goes on, where that is plain text that another server can go on with."""

from gateway.dialects.gemini.wire import Response
from gateway.values.answer import PartialAnswer

_MAX_TEXT = 1_000_000  # characters; a longer one is not continued


class Transcript:
    """Of one stream: its events in order."""

    def __init__(self) -> None:
        self._id = self._model = ""
        self._parts: list[str] = []
        self._length = 0
        self._is_text = True

    def add(self, event: Response) -> None:
        """The next event."""
        self._id, self._model = self._id or event.response_id or "", self._model or event.model_version or ""
        candidates = event.candidates or ()
        if any(one.index != 0 or one.finish_reason for one in candidates):
            self._is_text = False  # several, or one that has ended
        for part in event.parts():
            if part.text and not part.thought:
                self._length += len(part.text)
                self._parts.append(part.text)
            elif part.holds_output():
                self._is_text = False
        if self._length > _MAX_TEXT:
            self._is_text = False

    def beginning(self, tokens: int) -> PartialAnswer | None:
        """None if nothing was said, what is no plain text, or one that has ended."""
        text = "".join(self._parts) if self._is_text else ""
        return PartialAnswer(text, tokens, self._id, self._model) if text.strip() else None
