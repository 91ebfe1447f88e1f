"""Upstreams over real sockets that behave as the simulator's models say: the same servers, on the time of the running loop.

An answer has as many tokens as `max_tokens` asks for; a stream comes in two pieces, the first output and the rest.
"""

import asyncio
import time
import zlib
from pathlib import Path
from typing import Any

import yaml

from gateway.insight.batching import BatchingServer
from gateway.insight.clock import Action
from gateway.insight.commercial import CommercialServer
from gateway.insight.server import EpisodeFailures, Job, Server
from gateway.insight.world import Behaviour, read_world
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome
from tests.fake_upstream.call import parse
from tests.fake_upstream.http1 import Request, WatchedReader, read_request
from tests.fake_upstream.script import Script, stream, usage_chunk, whole
from tests.fake_upstream.vllm_face import VllmFace
from tests.fake_upstream.wire import (
    CHUNKED,
    DONE,
    EVENTS,
    JSON,
    LAST_CHUNK,
    Headers,
    as_json,
    chunk,
    error_body,
    event,
    head,
    length,
)


class LoopClock:
    """The event loop's time, as seconds since the epoch that never jump."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._offset = time.time() - self._loop.time()

    @property
    def now(self) -> float:
        return self._loop.time() + self._offset

    def at(self, when: float, action: Action, argument: Any = None) -> None:
        self._loop.call_at(when - self._offset, action, argument)


class Waiting:
    """Who waits for a job, one thing after the other."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[tuple[str, Outcome | None, int | None, float | None]] = asyncio.Queue()

    def told(self, headroom: Headroom) -> None:
        """Not passed on: a 429 says it."""

    def gave_output(self) -> None:
        self.news.put_nowait(("output", None, None, None))

    def ended(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        self.news.put_nowait(("end", outcome, status, retry_after_s))


class ModelledUpstream:
    """One deployment."""

    def __init__(self, behaviour: Behaviour) -> None:
        clock = LoopClock()
        course = EpisodeFailures(clock, behaviour.failures, behaviour.episodes, clock.now)
        self._server: Server
        if behaviour.self_hosted is not None:
            self._server = BatchingServer(behaviour.self_hosted, course, clock)
        else:
            assert behaviour.commercial is not None
            self._server = CommercialServer(behaviour.commercial, course, clock)
        self._asked = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """On a free port."""
        server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", 0, backlog=1024)
        self._listening = server
        self.port: int = server.sockets[0].getsockname()[1]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = WatchedReader()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._serve(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return asyncio.StreamReaderProtocol(reader, connected)

    async def _serve(self, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader, writer.drain)) is not None:
                if request.path.endswith("/chat/completions"):
                    await self._chat(request, reader, writer)
                else:
                    self._say(request, writer)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def _say(self, request: Request, writer: asyncio.StreamWriter) -> None:
        gauges = self._server.gauges()
        if not self._server.is_up():
            status, body = 503, b""
        elif request.path == "/health" or gauges is None:
            status, body = 200, b"{}"
        else:
            face = VllmFace(running=gauges.running, waiting=gauges.waiting, kv_use=gauges.kv_use or 0.0)
            status, body = face.metrics(0, int(gauges.ended or 0))
        writer.write(head(status, (JSON, length(body))) + body)

    async def _chat(self, request: Request, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        call = parse(request.body)
        self._asked += 1
        tokens, waiting = int(call.fields.get("max_completion_tokens") or call.fields["max_tokens"]), Waiting()
        job = Job(call.prompt_tokens, tokens, zlib.crc32(str(self._asked).encode()), waiting)
        self._server.begin(job)
        script = Script(("word",) * tokens)
        parts = stream(call, Script(("word",)))
        gone = asyncio.ensure_future(reader.gone.wait())
        try:
            while True:
                news = asyncio.ensure_future(waiting.news.get())
                await asyncio.wait({news, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not news.done():
                    news.cancel()
                    self._server.leave(job)
                    raise ConnectionResetError
                what, outcome, status, retry_after_s = news.result()
                if what == "output":
                    if not call.stream:
                        continue
                    first = b"".join(chunk(event(one)) for one in [*parts.role, *parts.content])
                    writer.write(head(200, (EVENTS, CHUNKED)) + first)
                elif outcome is Outcome.OK and not call.stream:
                    body = as_json(whole(call, script))
                    writer.write(head(200, (JSON, length(body))) + body)
                    return
                elif outcome is Outcome.OK:
                    rest = [*parts.finish, usage_chunk(call, script), DONE]
                    writer.write(b"".join(chunk(event(one)) for one in rest) + LAST_CHUNK)
                    return
                else:
                    after: Headers = (
                        () if retry_after_s is None else (("retry-after-ms", str(int(retry_after_s * 1e3))),)
                    )
                    body = error_body("It is as the model says.", "server_error")
                    writer.write(head(status or 500, (JSON, length(body), *after)) + body)
                    return
        finally:
            gone.cancel()


async def listening(world_file: Path) -> dict[str, ModelledUpstream]:
    """The upstreams of a world, on the running loop, by deployment."""
    text = world_file.read_text()
    world = read_world(text, str(world_file), yaml.safe_load(text)["deployments"])
    upstreams = {name: ModelledUpstream(behaviour) for name, behaviour in world.deployments.items()}
    for one in upstreams.values():
        await one.listen()
    return upstreams
