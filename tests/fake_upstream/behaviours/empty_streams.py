"""Well-ended streams in which no answer is."""

from tests.fake_upstream.behaviours.odd_streams import edited, send_payloads
from tests.fake_upstream.behaviours.slow import PING
from tests.fake_upstream.behaviours.sse_framing import send_pieces
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.script import Script, counted, stream
from tests.fake_upstream.wire import DONE, EVENTS, html_page


@behaviour("empty_stream", "stream")
async def empty_stream(x: Exchange) -> None:
    """An event stream of 0 bytes."""
    await send_pieces(x, ())


@behaviour("empty_stream_length_0", "stream")
async def empty_stream_length_0(x: Exchange) -> None:
    """An event stream with content-length 0."""
    await x.whole(b"", kind=EVENTS)


@behaviour("only_done", "stream")
async def only_done(x: Exchange) -> None:
    """[DONE] and nothing else."""
    await send_payloads(x, [DONE])


@behaviour("only_comments", "stream")
async def only_comments(x: Exchange) -> None:
    """Three comments, then the end."""
    await send_pieces(x, [PING] * 3)


@behaviour("only_empty_choices", "stream")
async def only_empty_choices(x: Exchange) -> None:
    """Chunks with `choices: []`, then [DONE]."""
    nothing = edited(stream(x.call, counted(1)).content[0], lambda body: body.update(choices=[]))
    await send_payloads(x, [nothing, nothing, DONE])


@behaviour("role_done", "stream")
async def role_done(x: Exchange) -> None:
    """The role, then [DONE]: no content, no finish_reason."""
    await send_payloads(x, [*stream(x.call, counted(1)).role, DONE])


@behaviour("empty_finish", "stream")
async def empty_finish(x: Exchange) -> None:
    """Role, finish_reason stop, [DONE]: an answer without content, usage of 0 completion tokens."""
    await send_payloads(x, stream(x.call, Script()).all())


@behaviour("empty_texts", "stream")
async def empty_texts(x: Exchange) -> None:
    """Content chunks that are all empty texts, finish_reason stop, [DONE]."""
    parts = stream(x.call, counted(4))
    empty = [
        edited(payload, lambda body: body["choices"][0].update(delta={"content": ""})) for payload in parts.content
    ]
    await send_payloads(x, [*parts.role, *empty, *stream(x.call, Script()).finish, DONE])


@behaviour("html_events", "stream")
async def html_events(x: Exchange) -> None:
    """An HTML page under content type text/event-stream."""
    await x.whole(html_page(200), kind=EVENTS)


@behaviour("other_events", "stream")
async def other_events(x: Exchange) -> None:
    """Events of another API (`event: status` with JSON), then the end."""
    await send_pieces(x, [b'event: status\ndata: {"state":"queued"}\n\n'] * 2)


@behaviour("text_events", "stream")
async def text_events(x: Exchange) -> None:
    """The data is bare text and not JSON, then [DONE]."""
    await send_payloads(x, [b"Hello", b" there", DONE])
