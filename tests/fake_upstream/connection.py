"""One client's connection: its requests in order, each answered as its model's name says."""

import asyncio
import contextlib
import socket
import sys
import traceback
from dataclasses import dataclass, field

from tests.fake_upstream import behaviours, control, converse, gemini, messages
from tests.fake_upstream.call import BadCall, Kind, parse
from tests.fake_upstream.exchange import Exchange, Meter
from tests.fake_upstream.gemini import api as gemini_api
from tests.fake_upstream.http1 import BadRequest, Request, WatchedReader, read_request
from tests.fake_upstream.messages import api
from tests.fake_upstream.playing import Playing
from tests.fake_upstream.registry import CONVERSE, Act, Behaviour, UnknownModel
from tests.fake_upstream.responses import api as responses_api
from tests.fake_upstream.responses import checks
from tests.fake_upstream.seen import MAX_NAME, Record, Seen
from tests.fake_upstream.vllm_face import VllmFace
from tests.fake_upstream.wire import JSON, as_json, error_body, head, length

_KINDS = {kind.value: kind for kind in Kind}


@dataclass
class State:
    """What the connections of one server share. `max_hold_s` bounds a behaviour that hangs."""

    api_key: str | None
    max_hold_s: float
    seen: Seen = field(default_factory=Seen)
    playing: Playing = field(default_factory=Playing)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # for what is done one at a time
    meter: Meter = field(default_factory=Meter)
    vllm: VllmFace = field(default_factory=VllmFace)
    ended: int = 0  # chats, however they ended
    connections: set["Connection"] = field(default_factory=set)
    accepted: int = 0
    in_progress: int = 0
    elsewhere_port: int = 0


class Connection:
    """Serves until the client leaves, a behaviour ends the connection, or `stop` is called."""

    def __init__(self, state: State, reader: WatchedReader, writer: asyncio.StreamWriter) -> None:
        self._state = state
        self._reader = reader
        self._writer = writer
        self._port: int = writer.get_extra_info("sockname")[1]
        self._close_on_next = False
        self._task: asyncio.Task[None] | None = None
        state.accepted += 1
        self._number = state.accepted

    def start(self) -> None:
        """Serve in a task of its own."""
        self._state.connections.add(self)
        self._task = asyncio.ensure_future(self._serve())

    async def _serve(self) -> None:
        """Never raises for what a client did."""
        self._writer.transport.set_write_buffer_limits(high=0)  # so that drain() means: the kernel has it
        try:
            while await self._one():
                pass
        except OSError:
            pass  # the client is gone; nobody is left to be told
        finally:
            self._state.connections.discard(self)
            self._writer.close()

    async def stop(self) -> None:
        """End at once, whatever is in progress."""
        self._writer.transport.abort()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _one(self) -> bool:
        """One request; true if another may follow."""
        try:
            request = await read_request(self._reader, self._go_on)
        except BadRequest as problem:
            await self._refuse_unread(problem)
            return False
        if request is None:
            return False
        if request.path.startswith("/_"):
            return await self._plain(control.inspect(self._state, request, besides=1), request, None)
        record = self._state.seen.add(self._number, self._port, request)
        if self._close_on_next:
            return False
        path = request.path.partition("?")[0]
        kind = _KINDS.get(path)
        if kind is not None and request.method == "POST":
            return await self._generate(kind, request, record)
        if path in (api.PATH, api.COUNT) and request.method == "POST":
            return await self._message(request, record)
        if path == responses_api.PATH and request.method == "POST":
            return await self._respond(request, record)
        if request.method == "POST" and converse.is_converse(request):
            return await self._converse(request, record)
        if gemini_api.is_asked(request):
            return await self._content(request, record)
        if request.path == "/tokenize" and self._state.playing.tokenizer_is_silent:
            await asyncio.wait((asyncio.ensure_future(self._reader.gone.wait()),), timeout=self._state.max_hold_s)
            return False
        if request.path in ("/health", "/metrics"):
            return await self._plain(control.machine(self._state, request.path), request, record)
        return await self._plain(control.serve(self._state, request), request, record)

    async def _generate(self, kind: Kind, request: Request, record: Record) -> bool:
        refusal = control.unauthorized(self._state, request)
        if refusal is not None:
            return await self._plain(refusal, request, record)
        try:
            call = parse(request.body, kind)
            record.model, record.stream = call.model[:MAX_NAME], call.stream
            row, parameter = behaviours.find(self._state.playing.model(call.model, stream=call.stream))
        except BadCall as problem:
            return await self._plain((400, control.bad_call(problem)), request, record)
        except UnknownModel as problem:
            return await self._plain((404, control.no_model(str(problem))), request, record)
        if not row.fits(stream=call.stream, vectors=kind is Kind.EMBEDDINGS):
            return await self._plain((400, control.wrong_mode(row.name, row.modes)), request, record)
        return await self._play(row, Exchange(call, parameter, self._writer, record), request, record)

    async def _message(self, request: Request, record: Record) -> bool:
        """Anthropic's API."""
        try:
            call, row, parameter = api.take(request, self._state.api_key, self._state.playing)
        except api.Refused as refused:
            return await self._plain((refused.status, refused.body), request, record)
        record.model, record.stream = call.model[:MAX_NAME], call.stream
        if api.is_count(request) and row.group != messages.faults.GROUP:
            return await self._plain((200, api.counted(call)), request, record)
        return await self._play(row, Exchange(call, parameter, self._writer, record), request, record)

    async def _respond(self, request: Request, record: Record) -> bool:
        """OpenAI's Responses."""
        refusal = control.unauthorized(self._state, request)
        if refusal is not None:
            return await self._plain(refusal, request, record)
        try:
            call, row, parameter = responses_api.take(request.body, self._state.playing)
        except checks.Refused as refused:
            body = error_body(str(refused), "invalid_request_error", param=refused.param, code=refused.code)
            return await self._plain((400, body), request, record)
        except UnknownModel as problem:
            return await self._plain((404, control.no_model(str(problem))), request, record)
        record.model, record.stream = call.model[:MAX_NAME], call.stream
        return await self._play(row, Exchange(call, parameter, self._writer, record), request, record)

    async def _content(self, request: Request, record: Record) -> bool:
        """Gemini's API."""
        record.path = gemini_api.PATH
        try:
            call, row, parameter = gemini_api.take(request, self._state.api_key, self._state.playing)
        except gemini_api.Refused as refused:
            return await self._plain((refused.status, refused.body), request, record)
        record.model, record.stream = call.model[:MAX_NAME], call.stream
        if gemini_api.is_count(request) and row.group != gemini.faults.GROUP:
            return await self._plain((200, gemini_api.counted(call)), request, record)
        return await self._play(row, Exchange(call, parameter, self._writer, record), request, record)

    async def _converse(self, request: Request, record: Record) -> bool:
        """Amazon Bedrock's API."""
        record.path = converse.PATH
        if not request.header("authorization").startswith(("Bearer ", "AWS4-HMAC-SHA256 ")):
            return await self._plain((403, as_json({"message": "Missing Authentication Token"})), request, record)
        try:
            call = converse.parse(request)
            record.model, record.stream = call.model[:MAX_NAME], call.stream
            row, parameter = behaviours.find(self._state.playing.model(call.model, stream=call.stream), CONVERSE)
        except BadCall as problem:
            return await self._plain((400, as_json({"message": str(problem)})), request, record)
        except UnknownModel as problem:
            return await self._plain((404, as_json({"message": str(problem)})), request, record)
        return await self._play(row, Exchange(call, parameter, self._writer, record), request, record)

    async def _play(self, row: Behaviour, exchange: Exchange, request: Request, record: Record) -> bool:
        exchange.keep = request.keeps_alive()
        exchange.turn, exchange.meter = self._state.turn, self._state.meter
        exchange.authorization = request.header("authorization")
        exchange.elsewhere = f"http://127.0.0.1:{self._state.elsewhere_port}{request.path.partition('?')[0]}"
        await self._act(row.act, exchange, record)
        self._close_on_next = exchange.close_on_next
        return exchange.keep and record.left_ms is None

    async def _act(self, act: Act, exchange: Exchange, record: Record) -> None:
        """Let the behaviour answer until it has ended, or the client has left."""
        loop = asyncio.get_running_loop()
        arrived = loop.time()
        answering = asyncio.ensure_future(act(exchange))
        gone = asyncio.ensure_future(self._reader.gone.wait())
        self._state.in_progress += 1
        try:
            await asyncio.wait({answering, gone}, timeout=self._state.max_hold_s, return_when=asyncio.FIRST_COMPLETED)
            now = (loop.time() - arrived) * 1000
            ended = answering.done() and not isinstance(answering.exception(), OSError)
            record.ended_ms, record.left_ms = (now, None) if ended else (None, now if gone.done() else None)
        finally:
            self._state.in_progress -= 1
            self._state.ended += 1
            answering.cancel()
            gone.cancel()
            results = await asyncio.gather(answering, gone, return_exceptions=True)
            exchange.keep = exchange.keep and results[0] is None
            self._note(results[0], record)

    def _note(self, result: object, record: Record) -> None:
        """A behaviour that fails otherwise than by the client's leaving is a defect of this server: say so."""
        if isinstance(result, Exception) and not isinstance(result, OSError):
            record.problem = repr(result)
            traceback.print_exception(result, file=sys.stderr)

    async def _plain(self, answer: tuple[int, bytes], request: Request, record: Record | None) -> bool:
        status, body = answer
        keep = request.keeps_alive()
        headers = (JSON, length(body)) if keep else (JSON, length(body), ("connection", "close"))
        data = head(status, headers) + (b"" if request.method == "HEAD" else body)
        self._writer.write(data)
        await self._writer.drain()
        if record is not None:
            record.answered_bytes, record.ended_ms = len(data), 0.0
        return keep

    async def _go_on(self) -> None:
        self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await self._writer.drain()

    async def _refuse_unread(self, problem: BadRequest) -> None:
        """Part of the request is unread; wait for the client to close, or the refusal would be lost in a RST."""
        body = error_body(str(problem), "invalid_request_error")
        self._writer.write(head(problem.status, (JSON, length(body), ("connection", "close"))) + body)
        await self._writer.drain()
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drop_rest(), timeout=1.0)

    async def _drop_rest(self) -> None:
        while await self._reader.read(65_536):
            pass
