"""A 200 that is no answer, well framed; in the JSON mode, and where a page is sent whatever was asked for, in both."""

import json
from typing import Any

from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.behaviours.sse_framing import events_of, send_pieces
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import Act, Behaviour, add, behaviour
from tests.fake_upstream.script import Script, whole
from tests.fake_upstream.wire import HTML, as_json, error_body, html_page

_TEXT = ("content-type", "text/plain; charset=utf-8")
_ERROR = error_body("The model crashed.", "server_error", None, "internal_error")
_DEPTH = 100_000

_BODIES: tuple[tuple[str, str, bytes], ...] = (
    ("null_200", "`null`", b"null"),
    ("list_200", "`[]`", b"[]"),
    ("text_200", "a JSON text", b'"ok"'),
    ("number_200", "a number", b"42"),
    ("object_200", "`{}`", b"{}"),
    ("not_json_200", "says JSON, is none", b"OK, done!"),
    ("detail_200", "an object of another API", b'{"status":"success","data":{"text":"hello"}}'),
    ("deep_200", "100,000 nested lists", b"[" * _DEPTH + b"]" * _DEPTH),
)


def _fixed(body: bytes) -> Act:
    async def act(x: Exchange) -> None:
        await x.whole(body)

    return act


for _name, _meaning, _body in _BODIES:
    add(Behaviour(_name, "both", f"200: {_meaning}.", "not_answers", None, "", hangs=False, act=_fixed(_body)))


async def _changed(x: Exchange, **fields: Any) -> None:
    """The body of `ok` with fields replaced."""
    await x.whole(as_json({**json.loads(whole_ok(x)), **fields}))


async def _choice(x: Exchange, **fields: Any) -> None:
    """The body of `ok` with fields of its first choice replaced."""
    first = json.loads(whole_ok(x))["choices"][0]
    await _changed(x, choices=[{**first, **fields}])


@behaviour("error_200", "both")
async def error_200(x: Exchange) -> None:
    """200: OpenAI's error object, as JSON."""
    await x.whole(_ERROR)


@behaviour("error_and_choices_200", "json")
async def error_and_choices_200(x: Exchange) -> None:
    """200: `choices: []` and an error beside it, as OpenRouter sends."""
    await _changed(x, choices=[], error={"message": "Provider returned error", "code": 502})


@behaviour("error_in_choice_200", "json")
async def error_in_choice_200(x: Exchange) -> None:
    """200: an error inside the choice, finish_reason error, no content."""
    message = {"role": "assistant", "content": ""}
    await _choice(x, message=message, finish_reason="error", error={"message": "upstream died", "code": 502})


@behaviour("abort_200", "json")
async def abort_200(x: Exchange) -> None:
    """200: a part of an answer, finish_reason abort, as vLLM's for a request that it dropped."""
    await _choice(x, message={"role": "assistant", "content": "You said"}, finish_reason="abort")


@behaviour("html_200", "both")
async def html_200(x: Exchange) -> None:
    """200: an HTML page, a captive portal's or a login's."""
    await x.whole(html_page(200), kind=HTML)


@behaviour("empty_200", "both")
async def empty_200(x: Exchange) -> None:
    """200: no body at all (content-length 0)."""
    await x.whole(b"")


@behaviour("truncated_json_200", "json")
async def truncated_json_200(x: Exchange) -> None:
    """200: half of the JSON, with a content-length that is right for the half."""
    body = whole_ok(x)
    await x.whole(body[: len(body) // 2])


@behaviour("trailing_json_200", "json")
async def trailing_json_200(x: Exchange) -> None:
    """200: the good JSON twice in one body."""
    await x.whole(whole_ok(x) * 2)


@behaviour("sse_for_json", "json")
async def sse_for_json(x: Exchange) -> None:
    """200: a good event stream although none was asked for."""
    await send_pieces(x, events_of(x))


@behaviour("no_choices_200", "json")
async def no_choices_200(x: Exchange) -> None:
    """200: `choices: []`."""
    await _changed(x, choices=[])


@behaviour("null_choices_200", "json")
async def null_choices_200(x: Exchange) -> None:
    """200: `choices: null`."""
    await _changed(x, choices=None)


@behaviour("null_message_200", "json")
async def null_message_200(x: Exchange) -> None:
    """200: a choice whose message is null."""
    await _choice(x, message=None)


@behaviour("null_choice_200", "json")
async def null_choice_200(x: Exchange) -> None:
    """200: `choices: [null]`."""
    await _changed(x, choices=[None])


@behaviour("null_content_200", "json")
async def null_content_200(x: Exchange) -> None:
    """200: content null and nothing else, usage of 0 completion tokens."""
    await _nothing(x, None)


@behaviour("empty_content_200", "json")
async def empty_content_200(x: Exchange) -> None:
    """200: content is an empty text, finish_reason stop, usage of 0 completion tokens."""
    await _nothing(x, "")


async def _nothing(x: Exchange, content: str | None) -> None:
    body = whole(x.call, Script())
    for choice in body["choices"]:
        choice["message"]["content"] = content
    await x.whole(as_json(body))


@behaviour("empty_content_counted", "json")
async def empty_content_counted(x: Exchange) -> None:
    """200: an empty content, but usage says 3 completion tokens: the model did generate (a good answer)."""
    body = whole(x.call, Script())
    body["usage"].update(completion_tokens=3, total_tokens=body["usage"]["prompt_tokens"] + 3)
    await x.whole(as_json(body))


@behaviour("wrong_types_200", "json")
async def wrong_types_200(x: Exchange) -> None:
    """200: content is a number."""
    await _choice(x, message={"role": "assistant", "content": 42})


@behaviour("no_finish_200", "json")
async def no_finish_200(x: Exchange) -> None:
    """200: content, but finish_reason null."""
    await _choice(x, finish_reason=None)


@behaviour("no_usage", "json")
async def no_usage(x: Exchange) -> None:
    """200: a good answer without usage."""
    body = json.loads(whole_ok(x))
    del body["usage"]
    await x.whole(as_json(body))


@behaviour("null_usage", "json")
async def null_usage(x: Exchange) -> None:
    """200: a good answer with `usage: null`."""
    await _changed(x, usage=None)


@behaviour("nonsense_usage", "json")
async def nonsense_usage(x: Exchange) -> None:
    """200: a good answer whose usage is negative, and does not add up."""
    await _changed(x, usage={"prompt_tokens": -5, "completion_tokens": 10**12, "total_tokens": 3})


@behaviour("text_usage", "json")
async def text_usage(x: Exchange) -> None:
    """200: a good answer whose token counts are texts."""
    await _changed(x, usage={"prompt_tokens": "12", "completion_tokens": "3", "total_tokens": "15"})


@behaviour("wrong_type", "both")
async def wrong_type(x: Exchange) -> None:
    """200: a good body (JSON, or events) under content type text/plain."""
    await x.whole(b"".join(events_of(x)) if x.call.stream else whole_ok(x), kind=_TEXT)


@behaviour("no_type", "both")
async def no_type(x: Exchange) -> None:
    """200: a good body without a content type."""
    await x.whole(b"".join(events_of(x)) if x.call.stream else whole_ok(x), kind=None)


@behaviour("text_202", "both")
async def text_202(x: Exchange) -> None:
    """202: accepted, with a job's id in place of an answer."""
    await x.whole(b'{"id":"job-1","status":"queued"}', status=202)
