"""What is made of a request before calls of it can be: once for each form that providers want it in, however many attempts
there are; a large one on the thread for large bodies.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from gateway.dialects.contract import Preparer
from gateway.flow.fair_threads import FairThreads, TimeSlice, TooBusy
from gateway.flow.large import LARGE_BYTES
from gateway.providers.request_fields import without
from gateway.values.deviations import NO_DEVIATIONS, Deviations
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request

_LIMIT_S = 10.0  # a body of the largest size takes a tenth of it
_RETRY_S = 5.0
T = TypeVar("T")


class Ready(msgspec.Struct, frozen=True):
    """`asked` is the caller's request without what a server does not take, `own` as the provider's dialect says it, with
    these deviations.
    """

    asked: Request
    own: Request
    deviations: Deviations = NO_DEVIATIONS


class Preparation:
    """Of one request; `deadline` is of the monotonic clock."""

    def __init__(self, large: FairThreads, deadline: float) -> None:
        self._large = large
        self._deadline = deadline
        self._made: dict[tuple[object, tuple[str, ...]], Ready | AttemptFailed] = {}
        self._turn: asyncio.Lock | None = None

    async def of(self, request: Request, translator: object, left_out: tuple[str, ...] = ()) -> Ready:
        """For calls by `translator`, without these members of the body. Raises AttemptFailed: field_refused for what has no
        form there, gateway_busy where a large one would wait too long for its turn.
        """
        preparer = translator if isinstance(translator, Preparer) else None
        if preparer is None and not left_out:
            return Ready(request, request)
        key = (None if preparer is None else preparer.form, left_out)
        found = self._made.get(key)
        if found is None:
            if request.size <= LARGE_BYTES:
                found = self._made[key] = ready_now(request, preparer, left_out, no_pause)
            else:
                found = await self._in_turn(key, request, preparer, left_out)
        if isinstance(found, AttemptFailed):
            raise found.replaced()  # that of another attempt
        if found.asked.facts is request.facts:
            return found
        facts = request.facts  # more is known by now
        asked, own = (msgspec.structs.replace(one, facts=facts) for one in (found.asked, found.own))
        return Ready(asked, own, found.deviations)

    def of_another(self) -> "Preparation":
        """For a part of the request."""
        return Preparation(self._large, self._deadline)

    async def on_a_thread(self, request: Request, size: int, work: Callable[[Pause], T]) -> T:
        """What `work` gives, on the thread for large bodies. Raises AttemptFailed (gateway_busy) too."""

        def sliced(stint: TimeSlice) -> T:
            def pause() -> None:
                if stint.is_over():
                    raise AttemptFailed(Outcome.GATEWAY_BUSY, "its translation took too long", retry_after_s=_RETRY_S)

            return work(pause)

        wait_s = max(self._deadline - time.monotonic(), 0.0)
        try:
            return await self._large.run(request.facts.key, sliced, _LIMIT_S, wait_s, size=size)
        except TooBusy as busy:
            why = "too many large bodies wait to be translated"
            raise AttemptFailed(Outcome.GATEWAY_BUSY, why, retry_after_s=busy.retry_after_s) from None

    async def _in_turn(
        self,
        key: tuple[object, tuple[str, ...]],
        request: Request,
        preparer: Preparer | None,
        left_out: tuple[str, ...],
    ) -> Ready | AttemptFailed:
        """Two attempts side by side may want the same."""
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            found = self._made.get(key)
            if found is None:
                found = self._made[key] = await self.on_a_thread(
                    request, request.size, lambda pause: ready_now(request, preparer, left_out, pause)
                )
            return found


def ready_now(
    request: Request, preparer: Preparer | None, left_out: tuple[str, ...], pause: Pause = no_pause
) -> Ready | AttemptFailed:
    """For calls by a translator that prepares, if it does, without these members; or why it has no form there."""
    asked = without(request, left_out, pause) if left_out else request
    if preparer is None:
        return Ready(asked, asked)
    try:
        prepared = preparer.prepare(asked, pause)
    except AttemptFailed as refused:
        if refused.outcome is Outcome.GATEWAY_BUSY:
            raise
        return refused
    return Ready(asked, prepared.request, Deviations(prepared.lost, prepared.adapted))
