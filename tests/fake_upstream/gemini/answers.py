"""Good answers of Gemini's API: each is whole and correct."""

from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.gemini.script import Members, Script, call, event, stream, text, thought, usage, whole
from tests.fake_upstream.registry import GEMINI, behaviour
from tests.fake_upstream.said import said
from tests.fake_upstream.wire import as_json

THOUGHT = ("The user", " greets me.", " I shall be brief.")


async def say(x: Exchange, script: Script) -> None:
    """In the mode that was asked for."""
    if not x.call.stream:
        await x.whole(whole(x.call, script))
        return
    await x.open()
    await x.chunks(stream(x.call, script))
    await x.end()


def echo(x: Exchange) -> tuple[Members, ...]:
    """What `ok` says."""
    return text(*said(f"You said: {x.call.text}"))


def counted(tokens: int) -> tuple[Members, ...]:
    """Numbers from 0."""
    return text(*(f" {number}" if number else "0" for number in range(tokens)))


def name_of(x: Exchange, at: int) -> str:
    """Of the tool that the request offers at this place, or get_weather."""
    tools = [one for tool in x.call.fields.get("tools") or () for one in tool.get("functionDeclarations", ())]
    return str((tools or [{"name": "get_weather"}])[min(at, len(tools) - 1)]["name"])


@behaviour("ok", "both", table=GEMINI)
async def ok(x: Exchange) -> None:
    """Echoes the last turn of the user: its text, the results of tools, and the files it holds."""
    await say(x, Script(echo(x)))


@behaviour("tokens", "both", default=64, unit="deltas", table=GEMINI)
async def tokens(x: Exchange) -> None:
    """Counts: '0 1 2 ...', an event for each."""
    await say(x, Script(counted(x.parameter)))


@behaviour("unicode", "both", table=GEMINI)
async def unicode(x: Exchange) -> None:
    """Many scripts and emoji."""
    await say(x, Script(text("Grüße, ", "你好, ", "👩🏽‍🚀🌍 ", '— "naïve" \\ \n ✓')))


@behaviour("tools", "both", table=GEMINI)
async def tools(x: Exchange) -> None:
    """Text, then two calls of the request's first tools, of which the first is signed."""
    first = call(name_of(x, 0), {"city": "Paris é", "days": 2}, "8f2b1a3c", is_signed=True)
    await say(x, Script(({"text": "I "}, {"text": "look."}, first, call(name_of(x, 1), {"city": "Rom"}, "8f2b1a3d"))))


@behaviour("tool_without_arguments", "both", table=GEMINI)
async def tool_without_arguments(x: Exchange) -> None:
    """One call that has neither arguments nor an id, and says nothing before it."""
    await say(x, Script((call(name_of(x, 0), None, is_signed=True),)))


@behaviour("thinking", "both", table=GEMINI)
async def think(x: Exchange) -> None:
    """Thinks, and answers as ok does."""
    await say(x, Script((*thought(*THOUGHT), *echo(x)), thoughts=9))


@behaviour("thinking_call", "both", table=GEMINI)
async def think_and_call(x: Exchange) -> None:
    """Thinks, then calls a tool."""
    await say(
        x, Script((*thought(*THOUGHT), call(name_of(x, 0), {"city": "Paris"}, "8f2b1a3e", is_signed=True)), thoughts=9)
    )


@behaviour("cached", "both", table=GEMINI)
async def cached(x: Exchange) -> None:
    """Usage with 1000 tokens of the prompt read from the cache."""
    await say(x, Script(echo(x), cached=1000))


@behaviour("safety", "both", table=GEMINI)
async def safety(x: Exchange) -> None:
    """A filter stops it before it says anything."""
    rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
    await say(x, Script((), finish="SAFETY", candidate={"safetyRatings": [rating]}))


@behaviour("blocked", "both", table=GEMINI)
async def blocked(x: Exchange) -> None:
    """The prompt is blocked: there are no candidates."""
    feedback = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage(x.call, Script(()), 0)}
    told = {**feedback, "modelVersion": "gemini-fake-001", "responseId": x.call.id}
    if not x.call.stream:
        await x.whole(as_json(told))
        return
    await x.open()
    await x.chunks((event(told),))
    await x.end()


@behaviour("max_tokens", "both", table=GEMINI)
async def length(x: Exchange) -> None:
    """Ends at the bound of its output."""
    await say(x, Script(counted(8), finish="MAX_TOKENS"))


@behaviour("cited", "both", table=GEMINI)
async def cited(x: Exchange) -> None:
    """Says where it has its text from."""
    source = {"startIndex": 0, "endIndex": 10, "uri": "https://example.com/spain", "title": "example.com"}
    await say(x, Script(text("Spain", " won."), candidate={"citationMetadata": {"citationSources": [source]}}))


@behaviour("logprobs", "both", table=GEMINI)
async def logprobs(x: Exchange) -> None:
    """One token, and how likely it was."""
    token = {"token": "Yes", "tokenId": 7, "logProbability": -0.25}
    result = {
        "chosenCandidates": [token],
        "topCandidates": [{"candidates": [token, {"token": "No", "logProbability": -1.5}]}],
    }
    await say(x, Script(text("Yes"), candidate={"logprobsResult": result}))
