"""Streams that say they failed, or whose events are broken, before and after the first output."""

from collections.abc import Sequence

from tests.fake_upstream.behaviours.odd_streams import edited, send_payloads
from tests.fake_upstream.behaviours.slow import begin
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import counted, stream
from tests.fake_upstream.wire import DONE, as_json, error_body, html_page

ERROR = error_body("The model crashed.", "server_error", None, "internal_error")
_QUOTA = error_body("You exceeded your current quota.", "insufficient_quota", None, "insufficient_quota")
_BAD_JSON = b'{"id":"x","choices":[{"delta":{"content":"ha'
_DEPTH = 100_000


async def _interrupted(x: Exchange, chunks: int, broken: Sequence[bytes]) -> None:
    """Some content, the broken payloads, and then the rest as if nothing had been."""
    parts = stream(x.call, counted())
    rest = [*parts.content[chunks:], *parts.finish, *parts.usage, DONE]
    await send_payloads(x, [*parts.role, *parts.content[:chunks], *broken, *rest])


async def _ended(x: Exchange, chunks: int, raw: bytes) -> None:
    """Role and content, then these bytes as the last chunk of a well-ended body."""
    await begin(x, chunks)
    await x.chunks((raw,))
    await x.end()


@behaviour("error_first", "stream")
async def error_first(x: Exchange) -> None:
    """`data: {"error":...}` as the first event, then [DONE], as vLLM sends."""
    await send_payloads(x, [ERROR, DONE])


@behaviour("error_after_role", "stream")
async def error_after_role(x: Exchange) -> None:
    """Role, then `data: {"error":...}` (insufficient_quota), then the end: nothing was output."""
    await _ended(x, 0, b"data: " + _QUOTA + b"\n\n")


@behaviour("error_mid", "stream", default=3, unit="content chunks")
async def error_mid(x: Exchange) -> None:
    """Some content, `data: {"error":...}`, then [DONE], as vLLM sends."""
    parts = stream(x.call, counted())
    await send_payloads(x, [*parts.role, *parts.content[: x.parameter], ERROR, DONE])


@behaviour("error_mid_end", "stream", default=3, unit="content chunks")
async def error_mid_end(x: Exchange) -> None:
    """Some content, `data: {"error":...}`, then the end without [DONE]."""
    await _ended(x, x.parameter, b"data: " + ERROR + b"\n\n")


@behaviour("error_mid_goes_on", "stream", default=3, unit="content chunks")
async def error_mid_goes_on(x: Exchange) -> None:
    """Some content, an error, then the rest of a good stream."""
    await _interrupted(x, x.parameter, [ERROR])


@behaviour("error_event_first", "stream")
async def error_event_first(x: Exchange) -> None:
    """`event: error` with an error object as the first event, then the end."""
    await x.open()
    await x.chunks((b"event: error\ndata: " + ERROR + b"\n\n",))
    await x.end()


@behaviour("error_event_mid", "stream", default=3, unit="content chunks")
async def error_event_mid(x: Exchange) -> None:
    """Some content, then `event: error`, then the end."""
    await _ended(x, x.parameter, b"event: error\ndata: " + ERROR + b"\n\n")


@behaviour("error_event_text_mid", "stream", default=3, unit="content chunks")
async def error_event_text_mid(x: Exchange) -> None:
    """Some content, then `event: error` whose data is a bare text."""
    await _ended(x, x.parameter, b"event: error\ndata: upstream timed out\n\n")


@behaviour("error_in_choice_mid", "stream", default=3, unit="content chunks")
async def error_in_choice_mid(x: Exchange) -> None:
    """Some content, then a chunk with an error beside choices of finish_reason error, as OpenRouter sends; [DONE]."""
    parts = stream(x.call, counted())
    last = edited(parts.finish[0], _crashed)
    await send_payloads(x, [*parts.role, *parts.content[: x.parameter], last, DONE])


def _crashed(body: dict[str, object]) -> None:
    body["error"] = {"code": 502, "message": "Provider disconnected"}
    body["choices"] = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]


@behaviour("finish_error", "stream", default=3, unit="content chunks")
async def finish_error(x: Exchange) -> None:
    """Some content, then finish_reason error without an error object, as vLLM's for a failed engine; [DONE]."""
    parts = stream(x.call, counted())
    last = edited(parts.finish[0], lambda body: body["choices"][0].update(finish_reason="error"))
    await send_payloads(x, [*parts.role, *parts.content[: x.parameter], last, DONE])


@behaviour("finish_abort", "stream", default=3, unit="content chunks")
async def finish_abort(x: Exchange) -> None:
    """Some content, then finish_reason abort, usage and [DONE], as vLLM's for a request that it dropped."""
    parts = stream(x.call, counted())
    last = edited(parts.finish[0], lambda body: body["choices"][0].update(finish_reason="abort"))
    await send_payloads(x, [*parts.role, *parts.content[: x.parameter], last, *parts.usage, DONE])


@behaviour("error_at_end", "stream")
async def error_at_end(x: Exchange) -> None:
    """A complete stream with an error between finish_reason and [DONE]."""
    parts = stream(x.call, counted())
    await send_payloads(x, [*parts.before_done(), ERROR, DONE])


@behaviour("error_string_first", "stream")
async def error_string_first(x: Exchange) -> None:
    """`data: {"error":"text"}` as the first event, then the end."""
    await send_payloads(x, [b'{"error":"CUDA out of memory"}'])


@behaviour("error_bare_mid", "stream", default=3, unit="content chunks")
async def error_bare_mid(x: Exchange) -> None:
    """Some content, then a JSON error on a line of its own without `data:`, as some proxies append; the end."""
    await _ended(x, x.parameter, ERROR + b"\n")


@behaviour("html_mid", "stream", default=3, unit="content chunks")
async def html_mid(x: Exchange) -> None:
    """Some content, then a proxy's HTML error page, then the end."""
    await _ended(x, x.parameter, html_page(502))


@behaviour("bad_json_first", "stream")
async def bad_json_first(x: Exchange) -> None:
    """The first event is no JSON; a good stream follows."""
    await send_payloads(x, [_BAD_JSON, *stream(x.call, counted()).all()])


@behaviour("bad_json_mid", "stream", default=3, unit="content chunks")
async def bad_json_mid(x: Exchange) -> None:
    """Some content, an event that is no JSON, then the rest of a good stream."""
    await _interrupted(x, x.parameter, [_BAD_JSON])


@behaviour("null_event_first", "stream")
async def null_event_first(x: Exchange) -> None:
    """`data: null` first; a good stream follows."""
    await send_payloads(x, [b"null", *stream(x.call, counted()).all()])


@behaviour("null_event_mid", "stream", default=3, unit="content chunks")
async def null_event_mid(x: Exchange) -> None:
    """Some content, `data: null`, then the rest of a good stream."""
    await _interrupted(x, x.parameter, [b"null"])


@behaviour("list_event_mid", "stream", default=3, unit="content chunks")
async def list_event_mid(x: Exchange) -> None:
    """Some content, `data: []`, then the rest of a good stream."""
    await _interrupted(x, x.parameter, [b"[]"])


@behaviour("wrong_types_mid", "stream", default=3, unit="content chunks")
async def wrong_types_mid(x: Exchange) -> None:
    """Some content, a chunk whose choices are a text, then the rest of a good stream."""
    broken = edited(stream(x.call, counted()).content[0], lambda body: body.update(choices="none"))
    await _interrupted(x, x.parameter, [broken])


@behaviour("deep_event_mid", "stream", default=3, unit="content chunks")
async def deep_event_mid(x: Exchange) -> None:
    """Some content, an event of 100,000 nested lists, then the rest of a good stream."""
    await _interrupted(x, x.parameter, [b"[" * _DEPTH + b"]" * _DEPTH])


@behaviour("bad_utf8_mid", "stream", default=3, unit="content chunks")
async def bad_utf8_mid(x: Exchange) -> None:
    """Some content, a chunk whose text is not UTF-8, then the rest of a good stream."""
    broken = stream(x.call, counted(1)).content[0].replace(b'"0"', b'"\xff\xfe"')
    await _interrupted(x, x.parameter, [broken])


@behaviour("lone_surrogates_mid", "stream", default=3, unit="content chunks")
async def lone_surrogates_mid(x: Exchange) -> None:
    r"""Some content, an emoji torn into two chunks as \ud83d and \ude00, then the rest of a good stream."""
    one = stream(x.call, counted(1)).content[0]
    await _interrupted(x, x.parameter, [one.replace(b'"0"', half) for half in (rb'"\ud83d"', rb'"\ude00"')])


@behaviour("content_after_finish", "stream")
async def content_after_finish(x: Exchange) -> None:
    """More content after finish_reason, then [DONE]."""
    parts = stream(x.call, counted())
    await send_payloads(x, [*parts.before_done(), parts.content[0], DONE])


@behaviour("other_object_mid", "stream", default=3, unit="content chunks")
async def other_object_mid(x: Exchange) -> None:
    """Some content, an event that is an object without choices or error, then the rest of a good stream."""
    await _interrupted(x, x.parameter, [as_json({"type": "heartbeat", "at": 1})])
