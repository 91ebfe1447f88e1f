"""Many requests as fast as they are answered, over connections that are kept, with as little work as can be."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any


def request(number: int, model: str, **body: Any) -> bytes:
    """A chat completion as it goes over the wire. `session` and `tags` of the body are headers."""
    headers = [f"x-gateway-{name}: {body.pop(name)}" for name in ("session", "tags") if name in body]
    messages = [{"role": "user", "content": f"{number} " + "abc " * (number % 97)}]
    sent = json.dumps({"model": model, "messages": messages, **body}).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: localhost", f"content-length: {len(sent)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + sent


async def rush(port: int, requests: Iterable[bytes], connections: int) -> Counter[int]:
    """How often each status came."""
    left, statuses = iter(requests), Counter[int]()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_connection(port, left, statuses))
    return statuses


async def _connection(port: int, left: Iterator[bytes], statuses: Counter[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for sent in left:
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        statuses[int(head[9:12])] += 1
        if b"transfer-encoding: chunked" in head:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        if b"connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
