"""The application behind its real server, in the event loop of the test, and a client that sends bytes as they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from web_stage import Node, settings

from killrweather.processes import free_port
from killrweather.web import Server, create_app

GET_ALIVE = b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n"
ALIVE = b'{"alive":true}'


def a_server(node: Node | None = None, port: int = 0, **http) -> Server:
    """A server that is not started, on a free port unless one is given."""
    chosen = settings(http={"port": port or free_port(), **http})
    return Server(create_app(chosen, (node or Node()).ask), chosen)


@asynccontextmanager
async def serving(node: Node | None = None, **http) -> AsyncIterator[Server]:
    """A server that is stopped at the end."""
    server = a_server(node, **http)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(1)


def port_of(server: Server) -> int:
    """Where it listens."""
    return int(server.url.rpartition(":")[2])


async def exchange(server: Server, data: bytes, timeout_s: float = 10.0) -> bytes:
    """Send bytes as they are; what comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    try:
        with suppress(ConnectionError):
            writer.write(data)
            return await asyncio.wait_for(reader.read(), timeout_s)
        return b""
    finally:
        writer.close()


async def head_of_answer(server: Server, data: bytes) -> bytes:
    """Send bytes as they are; the status line and headers of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    finally:
        writer.close()


async def cut_off(server: Server, data: bytes) -> None:
    """Send bytes and hang up."""
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    writer.write(data)
    await writer.drain()
    writer.close()
