"""Ten ways in which a connection to the playground can misbehave. They run in a process of their own."""

import asyncio
import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Iterator
from multiprocessing.synchronize import Event

PAUSE = 0.25
"""The time in seconds until a connection that was closed comes again."""
HOST = b"Host: localhost\r\n"
GET = b"GET /page.js HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /api/board HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
FOREIGN = itertools.cycle(
    (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20),
        GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"localhost", b"elsewhere.example"),
        bytes(range(256)) * 4,
    )
)

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Kind = Callable[[Reader, Writer], Awaitable[None]]


async def _drip(writer: Writer, head: bytes, part: bytes = b"x", seconds: float = 1.0) -> None:
    writer.write(head)
    while not writer.is_closing():
        await asyncio.sleep(seconds)
        writer.write(part)
        await writer.drain()


async def wordless(reader: Reader, _: Writer) -> None:
    """Say nothing."""
    await reader.read()


async def slow_headers(_: Reader, writer: Writer) -> None:
    """Send one byte of the headers per second."""
    await _drip(writer, b"GET / HTTP/1.1\r\nX: ")


async def slow_next_headers(_: Reader, writer: Writer) -> None:
    """Get an answer, then send the next request byte by byte."""
    await _drip(writer, GET + b"G")


async def slow_body(_: Reader, writer: Writer) -> None:
    """Send one byte of the body per second."""
    await _drip(writer, POST + b"Content-Length: 9999\r\n\r\n", b" ")


async def unread(_: Reader, writer: Writer) -> None:
    """Ask for answers and read none of them."""
    body = b'{"board": {"points": [[0, 0, 1]], "calls": 3}}'
    inputs = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await _drip(writer, inputs, inputs + GET * 50, 0.5)


async def idle(reader: Reader, writer: Writer) -> None:
    """Get an answer, then say nothing."""
    writer.write(GET)
    await reader.read()


async def pipelined(reader: Reader, writer: Writer) -> None:
    """Send requests without end, and read all answers."""
    while True:
        writer.write(GET * 4)
        await writer.drain()
        if not await reader.read(1 << 20):
            return


async def endless_chunks(_: Reader, writer: Writer) -> None:
    """Send a body that does not end."""
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    await _drip(writer, POST + b"Transfer-Encoding: chunked\r\n\r\n", chunk, 0.1)


async def too_large(reader: Reader, writer: Writer) -> None:
    """Send megabytes of headers, then of a body."""
    writer.write(POST + b"Content-Length: 99999999999\r\n\r\n" if next(TURNS) % 2 else POST + b"X: ")
    for _ in range(64):
        writer.write(b"x" * 65536)
        await writer.drain()
    await reader.read()


async def foreign(reader: Reader, writer: Writer) -> None:
    """Speak TLS, HTTP/2, WebSocket, HTTP/1.0, or no protocol at all, or ask for another host. Then stay."""
    writer.write(next(FOREIGN))
    if next(TURNS) % 2:
        await reader.read()
    writer.write_eof()
    await asyncio.sleep(60)


TURNS = itertools.count()
KINDS: tuple[Kind, ...] = (
    wordless, slow_headers, slow_next_headers, slow_body, unread, idle, pipelined, endless_chunks, too_large, foreign,
)  # fmt: skip


async def _again_and_again(kind: Kind, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await kind(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(PAUSE)


async def _all(port: int, connections: int, stop: Event) -> None:
    tasks = [asyncio.create_task(_again_and_again(KINDS[each % len(KINDS)], port)) for each in range(connections)]
    while not stop.is_set():
        await asyncio.sleep(0.1)
        for task in tasks:
            if task.done():
                task.result()  # raises what went wrong
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _work(port: int, connections: int, stop: Event) -> None:
    os.nice(5)  # the neighbours are other machines, or less important
    asyncio.run(_all(port, connections, stop))


@contextlib.contextmanager
def misbehaving(port: int, connections: int) -> Iterator[None]:
    """Keep the connections open, in all ways, in another process."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_work, args=(port, connections, stop), daemon=True)
    process.start()
    try:
        yield
        if not process.is_alive():
            raise RuntimeError("the process with the misbehaving connections ended")
    finally:
        stop.set()
        process.join(30)
