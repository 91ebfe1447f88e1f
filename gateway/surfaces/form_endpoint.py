"""A surface whose requests are forms with files, or, where its row says so, JSON."""

import time

from gateway.http.errors import ApiError
from gateway.http.forms import Form, Forms
from gateway.http.reply import Reply
from gateway.http.wire import Receive, Send
from gateway.surfaces.endpoint import Endpoint
from gateway.values.caller import Caller
from gateway.values.request import Request

_FORM = "multipart/"


class FormEndpoint(Endpoint):
    """Set `forms` before it is served."""

    forms: Forms

    async def read(self, receive: Receive, headers: dict[str, str], caller: Caller) -> bytes | Form:
        """The body. Raises ApiError, ClientGone, BodyBroken."""
        if self.row.takes_json and not headers.get("content-type", "").lower().startswith(_FORM):
            return await super().read(receive, headers, caller)
        return await self.forms.read(receive, headers, caller.key, self.row.files)

    async def answer_to(  # noqa: PLR0913, PLR0917 - what a request and its answer need
        self,
        body: bytes | Form,
        headers: dict[str, str],
        caller: Caller,
        decision_id: str,
        arrived: float,
        send: Send,
        reply: Reply,
    ) -> None:
        """Its files are held until then. The deadline counts from when all of them were here."""
        if isinstance(body, bytes):
            await super().answer_to(body, headers, caller, decision_id, arrived, send, reply)
            return
        try:
            request = self._request(body, headers, caller, decision_id)
            await self.answer_request(request, decision_id, time.monotonic(), send, reply)
        finally:
            body.spool.close()

    def _request(self, form: Form, headers: dict[str, str], caller: Caller, decision_id: str) -> Request:
        needed = self.row.needs_file
        if needed is not None and not any(one.name in (needed, f"{needed}[]") for one in form.upload.files):
            message = f"Missing required parameter: {needed!r}."
            raise ApiError(400, "missing_required_parameter", message, param=needed)
        return self.row.read_form(form, headers, caller, decision_id)
