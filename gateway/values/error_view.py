"""An error as a caller is told of it, before it is put into a dialect."""

from typing import Any

import msgspec


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is HTTP's; `code` a word of a closed set, or the provider's for a refusal of the caller's own request.

    `kind` is the class that OpenAI's errors have; `param` the path of the field at fault; `request_id` what the caller, or
    else the gateway, calls the request; `more` what stands beside the error in its body.
    """

    status: int
    code: str
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    request_id: str | None = None
    more: dict[str, Any] = {}
