"""`POST /v1/responses`."""

import time
from typing import Any

import msgspec

from gateway.flow.answered import AnsweredStream, AnsweredWhole
from gateway.http.reply import Reply
from gateway.http.wire import Send
from gateway.state.kept_responses import KeptResponses
from gateway.surfaces.endpoint import Endpoint
from gateway.surfaces.response_keeping import Keeping
from gateway.surfaces.response_stream import ResponseStream
from gateway.surfaces.sending import send_answer, send_stream


class Responses(Endpoint):
    """What was asked to be kept is, once it is whole."""

    def __init__(self, *args: Any, kept: KeptResponses, **more: Any) -> None:
        super().__init__(*args, **more)
        self._kept = kept

    async def send(self, answer: AnsweredWhole | AnsweredStream, send: Send, reply: Reply) -> None:
        """The answer with the gateway's id, or the stream of one."""
        keeping = Keeping(self._kept, answer.story.request, answer.decision.facts.sensitivity)
        if isinstance(answer, AnsweredStream):
            await send_stream(send, reply, answer, self.slow_clients, ResponseStream(keeping))
            return
        if keeping.changes_any:
            body = await keeping.keep(answer.body, int(time.time()))
            answer = msgspec.structs.replace(answer, body=body)
        await send_answer(reply, answer)
