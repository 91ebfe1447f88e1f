"""A row of the table of surfaces."""

import msgspec

from gateway.dialects.contract import Dialect
from gateway.http import request_headers
from gateway.http.forms import Form
from gateway.surfaces.fields import MAX_MEMBERS
from gateway.surfaces.reading import ShapeOf, read_request, request_of
from gateway.values.caller import Caller
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request
from gateway.values.surface import Surface


class SurfaceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is served at `path`, and at `aliases`: in which dialect its callers speak, and what routing reads off a body.
    `headers`: those that a provider of the same dialect gets to see. `most_members`: members and elements of a body.
    `files`: under which names files may come in a form; none: it takes no forms. `needs_file`: the one that a form must
    have. `takes_json`: it takes bodies that are none.
    """

    surface: Surface
    path: str
    dialect: Dialect
    shape_of: ShapeOf
    aliases: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    most_members: int = MAX_MEMBERS
    files: frozenset[str] = frozenset()
    needs_file: str | None = None
    takes_json: bool = True

    def read(  # noqa: PLR0913 - what a request is made of
        self,
        body: bytes,
        headers: dict[str, str],
        caller: Caller,
        decision_id: str,
        *,
        with_prefix: bool = False,
        pause: Pause = no_pause,
    ) -> Request:
        """A request. Raises ApiError with the field's path and what was expected."""
        request = read_request(
            body,
            headers,
            caller,
            decision_id,
            surface=self.surface,
            shape_of=self.shape_of,
            most_members=self.most_members,
            with_prefix=with_prefix,
            pause=pause,
        )
        if not self.headers:
            return request
        told = tuple((name, headers[name]) for name in self.headers if name in headers)
        return msgspec.structs.replace(request, headers=told) if told else request

    def read_form(self, form: Form, headers: dict[str, str], caller: Caller, decision_id: str) -> Request:
        """The same of a form."""
        request_headers.refuse_unknown(headers)
        request = request_of(
            form.fields, form.size, headers, caller, decision_id, surface=self.surface, shape_of=self.shape_of
        )
        return msgspec.structs.replace(request, upload=form.upload)
