"""The application behind its real server, in the event loop of the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from web_stage import Node, settings

from killrweather.processes import free_port
from killrweather.web import Server, create_app


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
