"""How far each choice of a stream has come: which speak, which have said why they finished, and what they do beside."""

from collections.abc import Sequence

from gateway.dialects.openai.chunk import ChatChunk, Choice
from gateway.dialects.openai.finish import finish_of
from gateway.dialects.openai.repair import Repair, tool_call
from gateway.dialects.openai.wire import ABSENT

# of chunks that can be forwarded as they came: how many hold output, the places of those that hold none under the usual
# names, the choices that begin to speak, those that finish
Batch = tuple[int, Sequence[int], Sequence[int], Sequence[Choice]]
_NONE: Sequence[int] = ()


class Choices:
    """`asked`: how many were asked for. `finishes`: the vendor's finish reasons."""

    def __init__(self, asked: int, finishes: frozenset[str]) -> None:
        self.repair = Repair()
        self.first_finish: str | None = None
        self.is_unknown = False  # one of them ended for a reason that its vendor is not known to give
        self._asked = asked
        self._finishes = finishes
        self._open: set[int] = set()  # those that spoke and have not finished
        self._finished: set[int] = set()

    @property
    def any_finished(self) -> bool:
        """Whether one of them is at its end."""
        return bool(self._finished)

    @property
    def all_finished(self) -> bool:
        """Whether those that spoke are at their end."""
        return bool(self._finished) and not self._open

    @property
    def are_complete(self) -> bool:
        """Whether all that were asked for are at their end."""
        return self.all_finished and len(self._finished) >= self._asked

    def usual(self, chunks: list[ChatChunk]) -> Batch | None:  # noqa: C901, PLR0912 - the hot path: one loop, few calls
        """None if there is an error, usage but in a chunk of its own at the end, or something that has to be put in order."""
        spoke, last = 0, len(chunks) - 1
        silent = started = _NONE
        ends: Sequence[Choice] = ()
        speaking, finished = self._open, self._finished
        for at, chunk in enumerate(chunks):
            choices = chunk.choices
            if chunk.error is not ABSENT or choices is None:
                return None
            if chunk.usage is not ABSENT and bytes(chunk.usage) != b"null":
                if choices or at != last:
                    return None
                break
            if not choices:
                return None
            output = False
            for choice in choices:
                delta = choice.delta
                if (
                    delta is None
                    or not delta.content
                    or choice.finish_reason is not None
                    or finished
                    or delta.tool_calls
                ):
                    if not self._can_stay(choice, finished):
                        return None
                    output = output or (delta is not None and delta.holds_output())
                    if choice.finish_reason is not None:
                        ends = [*ends, choice]
                        finished = finished | {choice.index}
                elif choice.error is not ABSENT or type(delta.content) is list:
                    return None
                else:
                    output = True
                if choice.index not in speaking and choice.index not in finished:
                    started = [*started, choice.index]
                    speaking = speaking | {choice.index}
            if output:
                spoke += 1
            else:
                silent = [*silent, at]
        return spoke, silent, started, ends

    def take(self, started: Sequence[int], ends: Sequence[Choice]) -> None:
        """Account for what was found usual."""
        self._open.update(started)
        for choice in ends:
            self.add(choice)

    def add(self, choice: Choice) -> None:
        """Account for what one goes on with."""
        reason = finish_of(choice.finish_reason)
        if reason is None:
            if choice.index not in self._finished:
                self._open.add(choice.index)
            return
        self._open.discard(choice.index)
        self._finished.add(choice.index)
        if reason not in self._finishes:
            self.is_unknown = True
        if choice.index == 0:
            self.first_finish = reason

    def is_late(self, choice: Choice) -> bool:
        """True if it says something after its end."""
        return _is_late(choice, self._finished)

    def in_order(self, choice: Choice) -> bool:
        """False if its content is in parts, or a part of a tool call does not say of which."""
        delta = choice.delta
        if delta is None:
            return True
        for raw in delta.tool_calls or ():
            call = tool_call(raw)
            if call.index is None:
                return False
            self.repair.saw(choice.index, call)
        return type(delta.content) is not list

    def _can_stay(self, choice: Choice, finished: set[int]) -> bool:
        if choice.error is not ABSENT or (finished and _is_late(choice, finished)):
            return False
        return self.in_order(choice) and (choice.finish_reason is None or choice.finish_reason in self._finishes)


def _is_late(choice: Choice, finished: set[int]) -> bool:
    return choice.index in finished and choice.delta is not None and choice.delta.holds_output()
