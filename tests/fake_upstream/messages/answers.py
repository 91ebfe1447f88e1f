"""Good answers of Anthropic's Messages: each is whole and correct."""

import re

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.messages.checks import HIDDEN
from tests.fake_upstream.messages.script import Block, Script, redacted, stream, text, thinking, tool, whole
from tests.fake_upstream.registry import MESSAGES, behaviour
from tests.fake_upstream.script import said

LIMITS = (
    ("anthropic-ratelimit-requests-limit", "1000"),
    ("anthropic-ratelimit-requests-remaining", "999"),
    ("anthropic-ratelimit-requests-reset", "2099-01-01T00:00:00Z"),
    ("anthropic-ratelimit-tokens-limit", "100000"),
    ("anthropic-ratelimit-tokens-remaining", "99000"),
    ("anthropic-ratelimit-tokens-reset", "2099-01-01T00:00:00Z"),
    ("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
)
THOUGHT = ("The user", " greets me.", " I shall be brief.")
EXPLANATION = "This request concerns something that I do not help with."


async def say(x: Exchange, script: Script) -> None:
    """In the mode that was asked for."""
    if not x.call.stream:
        await x.whole(whole(x.call, script), headers=LIMITS)
        return
    await x.open(headers=LIMITS)
    await x.chunks(stream(x.call, script).all())
    await x.end()


def echo(x: Exchange) -> Block:
    """What `ok` says."""
    return text(*said(f"You said: {x.call.text}"))


def counted(tokens: int) -> Block:
    """Numbers from 0."""
    return text(*(f" {number}" if number else "0" for number in range(tokens)))


def name_of(x: Exchange, at: int) -> str:
    """Of the tool that the request offers at this place, or get_weather."""
    tools = x.call.fields.get("tools") or [{"name": "get_weather"}]
    return str(tools[min(at, len(tools) - 1)]["name"])


@behaviour("ok", "both", table=MESSAGES)
async def ok(x: Exchange) -> None:
    """Echoes the last turn of the user: its text, the results of tools, and how many images it holds."""
    await say(x, Script((echo(x),)))


@behaviour("tokens", "both", default=64, unit="deltas", table=MESSAGES)
async def tokens(x: Exchange) -> None:
    """Counts: '0 1 2 ...', a delta for each."""
    await say(x, Script((counted(x.parameter),)))


@behaviour("unicode", "both", table=MESSAGES)
async def unicode(x: Exchange) -> None:
    """Many scripts and emoji."""
    await say(x, Script((text("Grüße, ", "你好, ", "👩🏽‍🚀🌍 ", '— "naïve" \\ \n ✓'),)))


@behaviour("tools", "both", table=MESSAGES)
async def tools(x: Exchange) -> None:
    """Text, then two calls of the request's first tools; the arguments are cut anywhere, within an escape too."""
    first = tool("toolu_01A", name_of(x, 0), "", '{"ci', 'ty":"Par', "is \\u", '00e9","da', 'ys":', "2}")
    second = tool("toolu_01B", name_of(x, 1), '{"city"', ':"Rom"}')
    await say(x, Script((text("I ", "look."), first, second), stop_reason="tool_use"))


@behaviour("tool_without_arguments", "both", table=MESSAGES)
async def tool_without_arguments(x: Exchange) -> None:
    """One call that has none, and says nothing before it."""
    await say(x, Script((tool("toolu_01C", name_of(x, 0)),), stop_reason="tool_use"))


@behaviour("thinking", "both", table=MESSAGES)
async def think(x: Exchange) -> None:
    """Thinks, signs it, and answers as ok does."""
    await say(x, Script((thinking(*THOUGHT), echo(x)), thinking_tokens=9))


@behaviour("redacted", "both", table=MESSAGES)
async def hidden(x: Exchange) -> None:
    """Thinks twice, of which one thought is redacted, then calls a tool."""
    call = tool("toolu_01D", name_of(x, 0), '{"city":"Paris"}')
    await say(x, Script((thinking(*THOUGHT), redacted(HIDDEN), call), stop_reason="tool_use", thinking_tokens=9))


@behaviour("cached", "both", table=MESSAGES)
async def cached(x: Exchange) -> None:
    """Usage with 1000 tokens read from the cache and 200 written to it, beside the rest of the prompt."""
    await say(x, Script((echo(x),), cached=1000, written=200))


@behaviour("refusal", "both", table=MESSAGES)
async def refusal(x: Exchange) -> None:
    """Declines: no content, stop_reason refusal, why in stop_details."""
    details = {"type": "refusal", "category": "cyber", "explanation": EXPLANATION}
    await say(x, Script((), stop_reason="refusal", stop_details=details))


@behaviour("max_tokens", "both", table=MESSAGES)
async def length(x: Exchange) -> None:
    """Ends at the bound of its output."""
    await say(x, Script((counted(8),), stop_reason="max_tokens"))


@behaviour("stop_sequence", "both", table=MESSAGES)
async def sequence(x: Exchange) -> None:
    """Ends at the first of the request's stop sequences, or at END."""
    told = (x.call.fields.get("stop_sequences") or ["END"])[0]
    await say(x, Script((counted(4),), stop_reason="stop_sequence", stop_sequence=told))


@behaviour("pings", "stream", default=200, unit="pings", table=MESSAGES)
async def pings(x: Exchange) -> None:
    """As ok, with so many pings and comments before each event."""
    await x.open(headers=LIMITS)
    storm = (b'event: ping\ndata: {"type": "ping"}\n\n' * x.parameter) + b": keep-alive\n\n"
    for one in stream(x.call, Script((echo(x),))).all():
        await x.chunks((storm, one))
    await x.end()


@behaviour("new_events", "stream", table=MESSAGES)
async def new_events(x: Exchange) -> None:
    """As ok, with an event of a kind that nobody knows yet, and unknown members."""
    parts = stream(x.call, Script((echo(x),)))
    new = b'event: content_block_hint\ndata: {"type":"content_block_hint","index":0,"hint":{"x":1}}\n\n'
    start = [re.sub(rb'"type":"message",', b'"type":"message","new":{"a":[1]},', one) for one in parts.start]
    await x.open(headers=LIMITS)
    await x.chunks([*start, new, *parts.content, *parts.delta, *parts.stop])
    await x.end()
