"""Refusals that depend on the request, and error answers that are themselves broken. Most are rows of `refusal_table`."""

import time
import zlib
from email.utils import formatdate

from tests.fake_upstream.behaviours import refusal_table
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import Act, Behaviour, add, behaviour
from tests.fake_upstream.wire import HTML, JSON, MEBI, error_body, html_page, length

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "requests"}
_RATE = error_body("Rate limit reached for requests. Please try again later.", "requests", code="rate_limit_exceeded")
_BROKEN = error_body("The server had an error while processing your request.", "server_error")


def _act(row: refusal_table.Row) -> Act:
    async def act(x: Exchange) -> None:
        await x.whole(row.body, status=row.status, kind=row.kind, headers=row.headers)

    return act


for _row in refusal_table.ROWS:
    add(
        Behaviour(
            _row.name, "both", f"{_row.status}: {_row.meaning}", "refusals", None, "", hangs=False, act=_act(_row)
        )
    )


@behaviour("status", "both", default=503, unit="the status, 200 to 599")
async def status(x: Exchange) -> None:
    """Any status with OpenAI's error body; 204 and 304 have none."""
    code = min(max(x.parameter, 200), 599)
    if code in (204, 304):
        await x.send(x.head(code, ()))
        return
    kind = _TYPES.get(code, "server_error" if code >= 500 else "invalid_request_error")
    await x.whole(error_body(f"This is status {code}.", kind), status=code)


@behaviour("rate_limit_429", "both", default=1, unit="seconds in retry-after")
async def rate_limit_429(x: Exchange) -> None:
    """429: OpenAI's rate limit, with retry-after in seconds."""
    await x.whole(_RATE, status=429, headers=(("retry-after", str(x.parameter)),))


@behaviour("rate_limit_date_429", "both", default=1, unit="seconds from now")
async def rate_limit_date_429(x: Exchange) -> None:
    """429: retry-after as an HTTP date."""
    when = formatdate(time.time() + x.parameter, usegmt=True)
    await x.whole(_RATE, status=429, headers=(("retry-after", when),))


@behaviour("rate_limit_ms_429", "both", default=100, unit="milliseconds in retry-after-ms")
async def rate_limit_ms_429(x: Exchange) -> None:
    """429: retry-after-ms beside a coarser retry-after of 1 second, as Azure sends."""
    await x.whole(_RATE, status=429, headers=(("retry-after-ms", str(x.parameter)), ("retry-after", "1")))


@behaviour("overloaded_503", "both", default=1, unit="seconds in retry-after")
async def overloaded_503(x: Exchange) -> None:
    """503: overloaded, with retry-after."""
    body = error_body("The engine is currently overloaded, please try again later.", "server_error")
    await x.whole(body, status=503, headers=(("retry-after", str(x.parameter)),))


@behaviour("error_wait_500", "both", default=1, unit="seconds in retry-after")
async def error_wait_500(x: Exchange) -> None:
    """500: a failure that says when to come back."""
    await x.whole(_BROKEN, status=500, headers=(("retry-after", str(x.parameter)),))


@behaviour("redirect", "both", default=302, unit="the status: 301, 302, 303, 307, 308")
async def redirect(x: Exchange) -> None:
    """3xx to another port of this server, which records who comes, with what credential."""
    await x.whole(html_page(x.parameter), status=x.parameter, kind=HTML, headers=(("location", x.elsewhere),))


@behaviour("echoes_key", "both", default=400, unit="the status")
async def echoes_key(x: Exchange) -> None:
    """The error's message repeats the Authorization header that came in."""
    message = f"Cannot read the request beside {x.authorization}."
    await x.whole(error_body(message, "invalid_request_error"), status=x.parameter)


@behaviour("echoes_prompt", "both", default=400, unit="the status")
async def echoes_prompt(x: Exchange) -> None:
    """The error's message repeats the prompt."""
    await x.whole(error_body(f"Cannot process: {x.call.text}", "invalid_request_error"), status=x.parameter)


@behaviour("huge_error", "both", default=10, unit="MiB of message")
async def huge_error(x: Exchange) -> None:
    """500: a well-formed error body of 10 MiB."""
    before, _, after = error_body("FILLER", "server_error").partition(b"FILLER")
    await x.send(x.head(500, (JSON, length(len(before) + x.parameter * MEBI + len(after)))), before)
    for _ in range(x.parameter):
        await x.send(b"e" * MEBI)
    await x.send(after)


@behaviour("endless_error", "both", hangs=True)
async def endless_error(x: Exchange) -> None:
    """500: an error body that never ends."""
    await x.open(status=500, kind=JSON)
    while True:
        await x.chunks((b" " * 1024,))
        await x.pause(1)


@behaviour("silent_error", "both", hangs=True)
async def silent_error(x: Exchange) -> None:
    """500: headers, then silence where the error body should come."""
    await x.open(status=500, kind=JSON)
    await x.hang()


@behaviour("short_error", "both")
async def short_error(x: Exchange) -> None:
    """503: half of the error body that content-length promises, then a FIN."""
    x.fin()
    await x.send(x.head(503, (JSON, length(_BROKEN))) + _BROKEN[: len(_BROKEN) // 2])


@behaviour("bad_utf8_error", "both")
async def bad_utf8_error(x: Exchange) -> None:
    """500: an error body that is not UTF-8."""
    await x.whole(b'{"error":{"message":"caf\xe9 \xff\xfe","type":"server_error"}}', status=500)


@behaviour("empty_error", "both", default=500, unit="the status")
async def empty_error(x: Exchange) -> None:
    """An error status without a body or a content type."""
    await x.whole(b"", status=x.parameter, kind=None)


@behaviour("gzip_error", "both")
async def gzip_error(x: Exchange) -> None:
    """503: the error body with content-encoding gzip."""
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(_BROKEN) + packer.flush()
    await x.whole(packed, status=503, headers=(("content-encoding", "gzip"),))
