"""The methods that every path has by itself: HEAD wherever there is GET, and OPTIONS."""

import asyncio
from collections.abc import Iterable

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OF_ROUTES = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """The methods that a path has, as the header Allow lists them; empty when there is no such path."""
    own = [route for route in routes if not isinstance(route, Mount)]
    found = [
        method
        for method in _OF_ROUTES
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in own)
    ]
    if "GET" in found:
        found.append("HEAD")
    return ", ".join([*found, "OPTIONS"]) if found else ""


class Methods:
    """ASGI middleware: HEAD is GET without its body, OPTIONS says what the path takes."""

    def __init__(self, app: ASGIApp, routes: list[BaseRoute]):
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            return await self._head(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "OPTIONS" and (methods := allowed(self._routes, scope)):
            return await Response(status_code=204, headers={"Allow": methods})(scope, receive, send)
        await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the head of GET's answer; one that would never end is ended."""
        started = asyncio.Event()

        async def only_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                started.set()

        answering = asyncio.ensure_future(self._app({**scope, "method": "GET"}, receive, only_head))
        watching = asyncio.ensure_future(started.wait())
        try:
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            if not started.is_set():
                await answering  # it failed: as GET does
            answering.cancel()
            await asyncio.wait((answering,))
