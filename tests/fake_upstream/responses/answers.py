"""Good answers of Responses: each is whole and correct."""

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import RESPONSES, behaviour
from tests.fake_upstream.responses.checks import encrypted
from tests.fake_upstream.responses.script import Item, Script, call, event, events, message, search, thought, whole
from tests.fake_upstream.script import said

LIMITS = (
    ("x-ratelimit-limit-requests", "1000"), ("x-ratelimit-remaining-requests", "999"),
    ("x-ratelimit-limit-tokens", "100000"), ("x-ratelimit-remaining-tokens", "99000"), ("x-request-id", "req_0a1"),
)  # fmt: skip
THOUGHT = ("The user", " greets me.", " I shall be brief.")
ID = "rs_0a1b2c"


async def say(x: Exchange, script: Script) -> None:
    """In the mode that was asked for."""
    if not x.call.stream:
        await x.whole(whole(x.call, script), headers=LIMITS)
        return
    await x.open(headers=LIMITS)
    await x.chunks(events(x.call, script))
    await x.end()


def echo(x: Exchange) -> Item:
    """What `ok` says."""
    return message(*said(f"You said: {x.call.text}"))


def counted(tokens: int) -> Item:
    """Numbers from 0."""
    return message(*(f" {number}" if number else "0" for number in range(tokens)))


def name_of(x: Exchange, at: int) -> str:
    """Of the tool that the request offers at this place, or get_weather."""
    tools = [tool for tool in x.call.fields.get("tools") or () if tool["type"] == "function"] or [
        {"name": "get_weather"}
    ]
    return str(tools[min(at, len(tools) - 1)]["name"])


def content(x: Exchange) -> str | None:
    """Of a thought: encrypted, where that was asked for."""
    return encrypted(ID) if "reasoning.encrypted_content" in (x.call.fields.get("include") or ()) else None


@behaviour("ok", "both", table=RESPONSES)
async def ok(x: Exchange) -> None:
    """Echoes the last item of the user, or of a tool."""
    await say(x, Script((echo(x),)))


@behaviour("tokens", "both", default=64, unit="deltas", table=RESPONSES)
async def tokens(x: Exchange) -> None:
    """Counts: '0 1 2 ...', a delta for each."""
    await say(x, Script((counted(x.parameter),)))


@behaviour("unicode", "both", table=RESPONSES)
async def unicode(x: Exchange) -> None:
    """Many scripts and emoji."""
    await say(x, Script((message("Grüße, ", "你好, ", "👩🏽‍🚀🌍 ", '— "naïve" \\ \n ✓'),)))


@behaviour("tools", "both", table=RESPONSES)
async def tools(x: Exchange) -> None:
    """Text, two calls of the request's first tools, and text; the arguments are cut anywhere, within an escape too."""
    first = call("call_01A", name_of(x, 0), '{"ci', 'ty":"Paris \\u00', 'e9","days":', "2}")
    second = call("call_01B", name_of(x, 1), "", '{"city":', '"Rom"}')
    await say(x, Script((message("I look."), first, second, message("Wait."))))


@behaviour("tool_without_arguments", "both", table=RESPONSES)
async def no_arguments(x: Exchange) -> None:
    """A call without arguments."""
    await say(x, Script((call("call_01C", name_of(x, 0), "{}"),)))


@behaviour("whole_items", "both", table=RESPONSES)
async def whole_items(x: Exchange) -> None:
    """Text and a call, whose items come whole: no delta comes."""
    items = (echo(x), call("call_01C", name_of(x, 0), '{"city":"Rom"}'))
    await say(x, Script(tuple(Item(item.whole, item.start, ()) for item in items)))


@behaviour("thinking", "both", table=RESPONSES)
async def think(x: Exchange) -> None:
    """Thinks, encrypts it where that is asked for, and answers as ok does."""
    await say(x, Script((thought(ID, content(x), *THOUGHT), echo(x)), thinking_tokens=9))


@behaviour("hidden", "both", table=RESPONSES)
async def hidden(x: Exchange) -> None:
    """Thinks without a summary, then calls a tool."""
    await say(
        x, Script((thought(ID, content(x)), call("call_01D", name_of(x, 0), '{"city":"Rom"}')), thinking_tokens=9)
    )


@behaviour("cached", "both", table=RESPONSES)
async def cached(x: Exchange) -> None:
    """Usage with 1000 tokens read from the cache."""
    await say(x, Script((echo(x),), cached=1000))


@behaviour("refusal", "both", table=RESPONSES)
async def refusal(x: Exchange) -> None:
    """Declines."""
    await say(x, Script((message("I ", "cannot help.", refusal=True),)))


@behaviour("max_output_tokens", "both", table=RESPONSES)
async def length(x: Exchange) -> None:
    """Ends at the bound of its output."""
    await say(x, Script((counted(8),), reason="max_output_tokens"))


@behaviour("content_filter", "both", table=RESPONSES)
async def filtered(x: Exchange) -> None:
    """A filter stops it before it says anything."""
    await say(x, Script((), reason="content_filter"))


@behaviour("searches", "both", table=RESPONSES)
async def searches(x: Exchange) -> None:
    """Searches the web by itself, and answers as ok does."""
    await say(x, Script((search("weather"), echo(x))))


@behaviour("new_events", "stream", table=RESPONSES)
async def new_events(x: Exchange) -> None:
    """As ok, with an event of a kind that nobody knows yet, a comment, and [DONE] at the end."""
    every = events(x.call, Script((echo(x),)))
    await x.open(headers=LIMITS)
    await x.chunks([*every[:2], event("response.hint.delta.new", 2, delta={"x": [1]}), b": hi\n\n", *every[2:]])
    await x.chunks((b"data: [DONE]\n\n",))
    await x.end()


@behaviour("slow", "both", default=200, unit="ms", table=RESPONSES)
async def slow(x: Exchange) -> None:
    """As ok, after a while."""
    await x.pause(x.parameter)
    await say(x, Script((echo(x),)))
