"""Good answers: each is whole and correct, in OpenAI's shapes or in those of engines that extend them."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.said import said
from tests.fake_upstream.script import Script, Tool, counted, echo, stream, whole
from tests.fake_upstream.wire import as_json

_THINKING = said("The user greets me. I shall be brief.")
UNICODE = "Grüße, 你好, שלום, 👩🏽‍🚀🌍 — naïve façade ✓"
_MAX_DEPTH = 16


async def say(x: Exchange, script: Script) -> None:
    """The answer that the script describes, in the mode that was asked for."""
    if not x.call.stream:
        await x.whole(as_json(whole(x.call, script)))
        return
    await x.open()
    await x.events(stream(x.call, script).all())
    await x.end()


@behaviour("ok", "both")
async def ok(x: Exchange) -> None:
    """Echoes the last user text; honours n, logprobs and stream_options.include_usage."""
    await say(x, echo(x.call))


@behaviour("tokens", "both", default=64, unit="content tokens")
async def tokens(x: Exchange) -> None:
    """Counts: '0 1 2 ...', a chunk for each token."""
    await say(x, counted(x.parameter))


@behaviour("logprobs", "both")
async def logprobs(x: Exchange) -> None:
    """Log probabilities with every token, asked for or not."""
    await say(x, replace(echo(x.call), logprobs=True))


@behaviour("tools", "both")
async def tools(x: Exchange) -> None:
    """Calls the request's first tool (get_weather if none); arguments are streamed in pieces."""
    await say(x, Script(tools=(tool_of(x, 0),), finish="tool_calls"))


@behaviour("tools_parallel", "both")
async def tools_parallel(x: Exchange) -> None:
    """Two tool calls at once."""
    await say(x, Script(tools=(tool_of(x, 0), tool_of(x, 1)), finish="tool_calls"))


@behaviour("tools_and_text", "both")
async def tools_and_text(x: Exchange) -> None:
    """Text first, then a tool call."""
    await say(x, Script(said("Let me look."), tools=(tool_of(x, 0),), finish="tool_calls"))


@behaviour("tools_stop", "both")
async def tools_stop(x: Exchange) -> None:
    """A tool call that ends with finish_reason stop, as vLLM's for a named tool."""
    await say(x, Script(tools=(tool_of(x, 0),)))


@behaviour("json_schema", "both")
async def json_schema(x: Exchange) -> None:
    """The smallest JSON that fits the request's response_format schema, or {"answer": text}."""
    wanted = _inside(x.call.fields, "response_format", "json_schema", "schema")
    value = _instance(wanted, 0) if wanted else {"answer": x.call.text}
    text = as_json(value).decode()
    await say(x, Script(tuple(text[start : start + 8] for start in range(0, len(text), 8))))


@behaviour("reasoning", "both")
async def reasoning(x: Exchange) -> None:
    """Thinks first, in vLLM's field `reasoning`."""
    await say(x, replace(echo(x.call), reasoning=_THINKING))


@behaviour("reasoning_content", "both")
async def reasoning_content(x: Exchange) -> None:
    """Thinks first, in the field `reasoning_content` of DeepSeek and of older vLLM."""
    await say(x, replace(echo(x.call), reasoning=_THINKING, reasoning_field="reasoning_content"))


@behaviour("reasoning_only", "both")
async def reasoning_only(x: Exchange) -> None:
    """Thinks until the token limit: reasoning, no content, finish_reason length."""
    await say(x, Script(reasoning=_THINKING, finish="length"))


@behaviour("refusal", "both")
async def refusal(x: Exchange) -> None:
    """The model refuses, in the field `refusal`; content is null."""
    await say(x, Script(refusal=said("I can't help with that.")))


@behaviour("length", "both")
async def length(x: Exchange) -> None:
    """Ends at the token limit: finish_reason length."""
    await say(x, replace(counted(8), finish="length"))


@behaviour("content_filter", "both")
async def content_filter(x: Exchange) -> None:
    """Some text, then finish_reason content_filter."""
    await say(x, replace(counted(3), finish="content_filter"))


@behaviour("content_filter_empty", "both")
async def content_filter_empty(x: Exchange) -> None:
    """No text at all, finish_reason content_filter."""
    await say(x, Script(finish="content_filter"))


@behaviour("cached_usage", "both")
async def cached_usage(x: Exchange) -> None:
    """Usage with cached and reasoning tokens (parts of prompt and completion, not on top of them)."""
    await say(x, replace(echo(x.call), reasoning=_THINKING, cached_tokens=1))


@behaviour("dated_model", "both")
async def dated_model(x: Exchange) -> None:
    """The answer names a dated snapshot, not the model that was asked for."""
    await say(x, replace(echo(x.call), model="dated_model-2026-08-07"))


@behaviour("vllm", "both")
async def vllm(x: Exchange) -> None:
    """Extra fields at the top, as vLLM 0.32 sends."""
    extra: dict[str, Any] = {"service_tier": None, "prompt_logprobs": None, "prompt_token_ids": None}
    await say(x, replace(echo(x.call), extra={**extra, "kv_transfer_params": None, "metrics": None}))


@behaviour("llamacpp", "both")
async def llamacpp(x: Exchange) -> None:
    """An extra object `timings` at the top, as llama.cpp sends."""
    timings = {"cache_n": 0, "prompt_n": x.call.prompt_tokens, "prompt_ms": 12.5, "predicted_per_second": 88.0}
    await say(x, replace(echo(x.call), extra={"timings": timings}))


@behaviour("unicode", "both")
async def unicode(x: Exchange) -> None:
    """Many scripts and emoji, cut inside UTF-8 sequences across TCP writes and, in a stream, across HTTP chunks."""
    script = Script(said(UNICODE))
    if not x.call.stream:
        body = as_json(whole(x.call, script))
        await x.send(x.head(200, (("content-type", "application/json"), ("content-length", str(len(body))))))
        await _in_parts(x, _torn(body))
        return
    await x.open()
    for payload in stream(x.call, script).all():
        parts = _torn(b"data: " + payload + b"\n\n")
        for part in parts:
            await x.chunks((part,))
            await x.pause(2 if len(parts) > 1 else 0)
    await x.end()


async def _in_parts(x: Exchange, parts: list[bytes]) -> None:
    for part in parts:
        await x.send(part)
        await x.pause(2)


def _torn(data: bytes) -> list[bytes]:
    """Cut after the first byte of every multi-byte character."""
    cuts = [0, *(at + 1 for at, byte in enumerate(data) if byte >= 0xC0), len(data)]
    return [data[start:end] for start, end in pairwise(cuts)]


def tool_of(x: Exchange, index: int) -> Tool:
    """A call of the tool that the request offers at `index`, or of get_weather."""
    offered = x.call.fields.get("tools")
    tool = offered[min(index, len(offered) - 1)] if isinstance(offered, list) and offered else None
    name = _inside(tool, "function", "name")
    return Tool(str(name or "get_weather"), ('{"cit', 'y":"Par', "is, 75", f'00{index + 1}"', "}"))


def _inside(value: Any, *names: str) -> Any:
    """The member at this path, None where there is no such."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _instance(schema: Any, depth: int) -> Any:
    """The first thing that fits: const, enum, then the type; bounded in depth."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: _instance(part, depth + 1) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema.get("items"), depth + 1)] if schema.get("items") else []
    return {"string": "text", "integer": 1, "number": 0.5, "boolean": True}.get(str(kind))
