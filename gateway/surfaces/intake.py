"""From a body to a request: a small one at once, a large one on the thread for large bodies."""

from gateway.flow.fair_threads import FairThreads, TimeSlice
from gateway.flow.large import LARGE_BYTES
from gateway.http.errors import no_room
from gateway.surfaces.row import SurfaceRow
from gateway.values.caller import Caller
from gateway.values.request import Request

_LIMIT_S = 10.0  # a body of the largest size takes a tenth of it
_RETRY_S = 5.0


class Intake:
    """Of one surface. `with_prefix` as `read_request` has it."""

    def __init__(self, row: SurfaceRow, large: FairThreads, *, with_prefix: bool) -> None:
        self._row = row
        self._large = large
        self._with_prefix = with_prefix

    async def request(self, body: bytes, headers: dict[str, str], caller: Caller, decision_id: str) -> Request:
        """Raises what `read_request` does, and TooBusy where a large body would wait too long for its turn."""
        if len(body) <= LARGE_BYTES:
            return self._row.read(body, headers, caller, decision_id, with_prefix=self._with_prefix)

        def work(time_slice: TimeSlice) -> Request:
            def pause() -> None:
                if time_slice.is_over():
                    raise no_room(_RETRY_S)

            return self._row.read(body, headers, caller, decision_id, with_prefix=self._with_prefix, pause=pause)

        return await self._large.run(caller.key, work, _LIMIT_S, size=len(body))
