"""The door to the pages: which requests are theirs, and NiceGUI behind it, started when the first one comes."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from killrweather.page.desk import Desk

if TYPE_CHECKING:
    from killrweather.page.nicegui_app import NiceGuiApp

DESK = "killrweather.desk"
"""Where a page finds its Desk: under this key of the request's scope."""

_PAGES = re.compile(r"/|/stations/[^/]+|/upload|/operations|/page/.+|/favicon\.ico|/_nicegui/.+|/_nicegui_ws/.*")


def is_page(path: str) -> bool:
    """A person looks at this path, with a browser; every other path is the API's."""
    return _PAGES.fullmatch(path) is not None


class Pages:
    """ASGI middleware that answers the requests for pages, their files and their web sockets."""

    def __init__(self, app: ASGIApp, desk: Desk):
        self._app, self._desk = app, desk
        self._nicegui: NiceGuiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] == "websocket" or scope.get("method") in ("GET", "HEAD", "POST")
        if scope["type"] == "lifespan" or not is_page(scope["path"]) or not is_asked:
            try:
                await self._app(scope, receive, send)
            finally:
                if scope["type"] == "lifespan" and self._nicegui is not None:
                    await self._nicegui.stop()
            return
        if self._nicegui is None:
            self._nicegui = await asyncio.to_thread(_import)
        await self._nicegui.start()
        await self._nicegui.app({**scope, DESK: self._desk}, receive, send)


def _import() -> NiceGuiApp:
    """NiceGUI with the pages: 0.3 s and 21 MB, which a node that nobody looks at does not spend."""
    from killrweather.page.nicegui_app import nicegui_app

    return nicegui_app()
