"""Answers as vendors other than OpenAI give them under its name: other fields, other ends, other usage."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.fake_upstream.behaviours.answers import say, tool_of
from tests.fake_upstream.behaviours.odd_streams import edited, send_payloads
from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.behaviours.sse_framing import send_pieces
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import Script, counted, echo, stream, usage, usage_chunk
from tests.fake_upstream.wire import DONE, as_json, event

_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
_THOUGHT = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}
_CITATION = {"type": "url_citation", "url_citation": {"url": "https://example.com/", "title": "Example"}}


async def _says(x: Exchange, said: dict[str, Any]) -> None:
    """An answer that says this in place of content."""
    script = Script(("x",))

    def put(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            part = choice["message" if "message" in choice else "delta"]
            part.pop("content")
            part.update(said)

    if not x.call.stream:
        await x.whole(edited(whole_ok(x), put))
        return
    parts = stream(x.call, script)
    spoken = [edited(payload, put) for payload in parts.content]
    await send_payloads(x, [*parts.role, *spoken, *parts.finish, *parts.usage, DONE])


async def _ends(x: Exchange, script: Script, change: Callable[[dict[str, Any]], None]) -> None:
    """An answer whose first choice ends in its own way."""

    def put(body: dict[str, Any]) -> None:
        change(body["choices"][0])

    if not x.call.stream:
        body = json.loads(whole_ok(x))
        body["choices"][0]["message"]["content"] = "".join(script.content)
        await x.whole(edited(as_json(body), put))
        return
    parts = stream(x.call, script)
    last = [edited(parts.finish[0], put), *parts.finish[1:]]
    await send_payloads(x, [*parts.role, *parts.content, *last, *parts.usage, DONE])


@behaviour("reasoning_details_only", "both")
async def reasoning_details_only(x: Exchange) -> None:
    """Only `reasoning_details`, as OpenRouter sends for some models."""
    await _says(x, {"reasoning_details": [_THOUGHT]})


@behaviour("images_only", "both")
async def images_only(x: Exchange) -> None:
    """Only `images`, as OpenRouter sends for models that draw."""
    await _says(x, {"images": [_IMAGE]})


@behaviour("annotations_only", "both")
async def annotations_only(x: Exchange) -> None:
    """Only `annotations`, as a search model's."""
    await _says(x, {"annotations": [_CITATION]})


@behaviour("content_parts", "both")
async def content_parts(x: Exchange) -> None:
    """Content as a list, thinking and text, as Mistral's reasoning models."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm. "}]}
    await _says(x, {"content": [thinking, {"type": "text", "text": "Hello"}]})


@behaviour("finish_system", "both")
async def finish_system(x: Exchange) -> None:
    """Some text, then finish_reason insufficient_system_resource, as DeepSeek's."""
    await _ends(x, counted(3), lambda choice: choice.update(finish_reason="insufficient_system_resource"))


@behaviour("finish_network", "both")
async def finish_network(x: Exchange) -> None:
    """No text, then finish_reason network_error, as Zhipu's GLM."""
    await _ends(x, Script(), lambda choice: choice.update(finish_reason="network_error"))


@behaviour("finish_stop_error", "both")
async def finish_stop_error(x: Exchange) -> None:
    """Some text, then an error inside the choice beside finish_reason stop."""
    await _ends(x, counted(3), lambda choice: choice.update(error={"code": 502, "message": "upstream died"}))


@behaviour("finish_unknown", "both")
async def finish_unknown(x: Exchange) -> None:
    """Some text, then a finish_reason that nobody has heard of."""
    await _ends(x, counted(3), lambda choice: choice.update(finish_reason="satisfied"))


@behaviour("finish_empty_texts", "stream")
async def finish_empty_texts(x: Exchange) -> None:
    """finish_reason is an empty text in every chunk but the last, as older SGLang's and Ollama's."""
    parts = stream(x.call, echo(x.call))
    spoken = [
        edited(payload, lambda body: body["choices"][0].update(finish_reason=""))
        for payload in parts.before_done()[:-2]
    ]
    await send_payloads(x, [*spoken, *parts.finish, *parts.usage, DONE])


@behaviour("usage_twice", "stream")
async def usage_twice(x: Exchange) -> None:
    """Usage in the chunk with finish_reason, and again in one of its own."""
    script = echo(x.call)
    parts = stream(x.call, script)
    last = edited(parts.finish[-1], lambda body: body.update(usage=usage(x.call, script)))
    own = usage_chunk(x.call, script)
    await send_payloads(x, [*parts.role, *parts.content, *parts.finish[:-1], last, own, DONE])


@behaviour("usage_odd", "both")
async def usage_odd(x: Exchange) -> None:
    """A float and a text among the counts."""

    def put(body: dict[str, Any]) -> None:
        used = body["usage"]
        used.update(completion_tokens=float(used["completion_tokens"]), prompt_tokens_details={"cached_tokens": "1"})

    if not x.call.stream:
        await x.whole(edited(whole_ok(x), put))
        return
    script = echo(x.call)
    parts = stream(x.call, script)
    odd = edited(usage_chunk(x.call, script), put)
    await send_payloads(x, [*parts.role, *parts.content, *parts.finish, odd, DONE])


@behaviour("empty_data", "stream")
async def empty_data(x: Exchange) -> None:
    """Pings between the chunks: an empty `data:`, and named events that are no JSON."""
    pings = (b"data:\n\n", b"data: \n\n", b"event: ping\ndata: ping\n\n", b'event: ping\ndata: {"type":"ping"}\n\n')
    payloads = stream(x.call, echo(x.call)).all()
    await send_pieces(x, [piece for payload in payloads for piece in (*pings, event(payload))])


@behaviour("tools_without_index", "both")
async def tools_without_index(x: Exchange) -> None:
    """Two tool calls in pieces, whose parts say no index, as Gemini's OpenAI endpoint."""
    script = Script(tools=(tool_of(x, 0), tool_of(x, 1)), finish="tool_calls")
    if not x.call.stream:
        await say(x, script)
        return

    def put(body: dict[str, Any]) -> None:
        for call in body["choices"][0]["delta"]["tool_calls"]:
            del call["index"]

    parts = stream(x.call, script)
    spoken = [edited(payload, put) for payload in parts.content]
    await send_payloads(x, [*parts.role, *spoken, *parts.finish, *parts.usage, DONE])


@behaviour("usage_only_in_choices", "stream")
async def usage_only_in_choices(x: Exchange) -> None:
    """Running usage on every chunk although none was asked for, and no usage chunk of its own; no [DONE] either."""
    script = echo(x.call)
    parts = stream(replace(x.call, include_usage=False), script)
    running = [
        edited(payload, lambda body: body.update(usage=usage(x.call, script)))
        for payload in [*parts.role, *parts.content, *parts.finish]
    ]
    await send_payloads(x, running)
