"""`POST /v1/messages/count_tokens`: how many tokens a prompt has, before it is sent."""

import msgspec

from gateway.flow.answer import RequestFailed
from gateway.http.errors import of_failure
from gateway.http.reply import Reply
from gateway.http.wire import Send, raw_headers
from gateway.surfaces.endpoint import Endpoint
from gateway.surfaces.sending import about
from gateway.values.request import Request


class CountTokens(Endpoint):
    """The count is the tokenizer's where one can be asked; `x-gateway-tokens` says `exact` or `estimate`."""

    async def respond(self, request: Request, decision_id: str, arrived: float, send: Send, reply: Reply) -> None:  # noqa: ARG002 - of a surface
        """The count, or an error."""
        try:
            counted = await self.answers.count(self.row.surface.value, request, decision_id, arrived)
        except RequestFailed as failed:
            self.refused(request, failed, arrived)
            error = of_failure(failed.failure, failed.decision, failed.deployment)
            await reply.error(error, about(failed.decision, failed.attempts, None))
            return
        how = "estimate" if counted.counted_by is None else "exact"
        headers = [*about(counted.decision, 0, counted.counted_by), *raw_headers((("x-gateway-tokens", how),))]
        await reply.whole(headers, msgspec.json.encode({"input_tokens": counted.tokens}))
