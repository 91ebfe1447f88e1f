"""Streams that stop before they are complete: by FIN, by RST, or with an HTTP body that is well ended."""

from tests.fake_upstream.behaviours.answers import tool_of
from tests.fake_upstream.behaviours.odd_streams import send_payloads
from tests.fake_upstream.behaviours.slow import begin
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.said import said
from tests.fake_upstream.script import Script, Stream, counted, stream
from tests.fake_upstream.wire import DONE, event


def _counted(x: Exchange) -> Stream:
    return stream(x.call, counted())


@behaviour("cut_after_role", "stream")
async def cut_after_role(x: Exchange) -> None:
    """FIN after the role chunk."""
    await begin(x)
    x.fin()


@behaviour("reset_after_role", "stream")
async def reset_after_role(x: Exchange) -> None:
    """RST 20 ms after the role chunk."""
    await begin(x)
    await x.pause(20)
    x.reset()


@behaviour("end_after_role", "stream")
async def end_after_role(x: Exchange) -> None:
    """The role chunk, then a well-ended HTTP body."""
    await begin(x)
    await x.end()


@behaviour("cut_after", "stream", default=3, unit="content chunks")
async def cut_after(x: Exchange) -> None:
    """FIN after some content."""
    await begin(x, x.parameter)
    x.fin()


@behaviour("reset_after", "stream", default=3, unit="content chunks")
async def reset_after(x: Exchange) -> None:
    """RST 20 ms after some content."""
    await begin(x, x.parameter)
    await x.pause(20)
    x.reset()


@behaviour("end_after", "stream", default=3, unit="content chunks")
async def end_after(x: Exchange) -> None:
    """Some content, then a well-ended HTTP body: an engine that died behind a proxy."""
    await begin(x, x.parameter)
    await x.end()


@behaviour("cut_before_finish", "stream")
async def cut_before_finish(x: Exchange) -> None:
    """All content, then FIN: no finish_reason, no [DONE]."""
    await begin(x, 16 * x.call.n)
    x.fin()


@behaviour("end_before_finish", "stream")
async def end_before_finish(x: Exchange) -> None:
    """All content, then a well-ended HTTP body: no finish_reason, no [DONE]."""
    await begin(x, 16 * x.call.n)
    await x.end()


@behaviour("cut_before_done", "stream")
async def cut_before_done(x: Exchange) -> None:
    """Everything with finish_reason, then FIN in place of [DONE]."""
    await x.open()
    await x.events(_counted(x).before_done())
    x.fin()


@behaviour("no_done", "stream")
async def no_done(x: Exchange) -> None:
    """Everything with finish_reason, then a well-ended HTTP body without [DONE]."""
    await send_payloads(x, _counted(x).before_done())


@behaviour("no_finish", "stream")
async def no_finish(x: Exchange) -> None:
    """All content and [DONE], no finish_reason."""
    parts = _counted(x)
    await send_payloads(x, [*parts.role, *parts.content, DONE])


@behaviour("early_done", "stream", default=3, unit="content chunks")
async def early_done(x: Exchange) -> None:
    """Some content, then [DONE] without finish_reason."""
    parts = _counted(x)
    await send_payloads(x, [*parts.role, *parts.content[: x.parameter], DONE])


@behaviour("one_choice_open", "stream")
async def one_choice_open(x: Exchange) -> None:
    """Of several choices (ask for n >= 2) the last never finishes; [DONE] comes."""
    parts = _counted(x)
    await send_payloads(x, [*parts.role, *parts.content, *parts.finish[:-1], DONE])


@behaviour("half_event", "stream", default=3, unit="content chunks")
async def half_event(x: Exchange) -> None:
    """Some content, half an event, FIN."""
    await _half(x)
    x.fin()


@behaviour("half_event_end", "stream", default=3, unit="content chunks")
async def half_event_end(x: Exchange) -> None:
    """Some content, half an event, then a well-ended HTTP body."""
    await _half(x)
    await x.end()


async def _half(x: Exchange) -> None:
    await begin(x, x.parameter)
    cut = event(_counted(x).content[3])
    await x.chunks((cut[: len(cut) // 2],))


@behaviour("no_blank_line_end", "stream")
async def no_blank_line_end(x: Exchange) -> None:
    """Ends after the finish chunk's data line, before its blank line, with a well-ended HTTP body: all is there."""
    parts = _counted(x)
    await begin(x, 16 * x.call.n)
    await x.chunks((b"data: " + parts.finish[0] + b"\n",))
    await x.end()


@behaviour("half_done", "stream")
async def half_done(x: Exchange) -> None:
    """Everything, then `data: [DO` and FIN."""
    await x.open()
    await x.events(_counted(x).before_done())
    await x.chunks((b"data: [DO",))
    x.fin()


@behaviour("length_short", "stream")
async def length_short(x: Exchange) -> None:
    """A content-length of twice what comes, three content chunks, then FIN."""
    parts = _counted(x)
    body = b"".join(map(event, [*parts.role, *parts.content[:3]]))
    await x.send(x.head(200, (("content-type", "text/event-stream"), ("content-length", str(2 * len(body))))) + body)
    x.fin()


@behaviour("tool_cut", "stream")
async def tool_cut(x: Exchange) -> None:
    """FIN in the middle of a tool call's arguments."""
    await _tool_begin(x)
    x.fin()


@behaviour("tool_end", "stream")
async def tool_end(x: Exchange) -> None:
    """[DONE] in the middle of a tool call's arguments, no finish_reason."""
    await _tool_begin(x)
    await x.events((DONE,))
    await x.end()


async def _tool_begin(x: Exchange) -> None:
    parts = stream(x.call, Script(tools=(tool_of(x, 0),)))
    await x.open()
    await x.events([*parts.role, *parts.content[: 3 * x.call.n]])


@behaviour("reasoning_cut", "stream")
async def reasoning_cut(x: Exchange) -> None:
    """FIN after reasoning, before any content."""
    parts = stream(x.call, Script(reasoning=said("I think that")))
    await x.open()
    await x.events([*parts.role, *parts.content])
    x.fin()
