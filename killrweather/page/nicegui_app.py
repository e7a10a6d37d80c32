"""NiceGUI in this process: there is one, with all pages, whatever number of applications shows them."""

import asyncio
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Response
from nicegui import Client, app, ui
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from killrweather.page import map_page, operations_page, station_page, upload_page
from killrweather.page.coastlines import land
from killrweather.page.policy import SecurePages
from killrweather.web.problems import problem

MAX_VIEWERS = 300
"""Pages that may be open at once; NiceGUI keeps each one's elements, and those of a page that nobody came for 60 s."""

_ASSETS = Path(__file__).parent / "assets"
_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}
_RECONNECT_S = 10.0


@cache
def nicegui_app() -> "NiceGuiApp":
    """The one of this process."""
    return NiceGuiApp()


class NiceGuiApp:
    """NiceGUI with all pages as an ASGI application, for whatever event loop serves it now."""

    def __init__(self) -> None:
        self._host = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        ui.run_with(
            self._host,
            title="KillrWeather",
            language="en-US",
            favicon=_ASSETS / "favicon.svg",
            dark=None,
            tailwind=False,
            binding_refresh_interval=None,
            reconnect_timeout=_RECONNECT_S,
            message_history_length=100,
            gzip_middleware_factory=None,
            show_welcome_message=False,
        )
        app.get("/page/land.json")(_land)
        app.get("/page/style.css")(_style)
        for page in (map_page, station_page, upload_page, operations_page):
            page.add()
        self.app: ASGIApp = GZipMiddleware(SecurePages(_Limited(self._host)), minimum_size=1_000, compresslevel=5)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Start NiceGUI's timers in this loop, unless they run in it already."""
        if self._loop is not asyncio.get_running_loop():
            self._loop = asyncio.get_running_loop()
            self._lifespan = self._host.router.lifespan_context(self._host)
            await self._lifespan.__aenter__()

    async def stop(self) -> None:
        """End what runs in this loop."""
        if self._loop is asyncio.get_running_loop():
            self._loop = None
            for client in list(Client.instances.values()):
                client.delete()
            await self._lifespan.__aexit__(None, None, None)


class _Limited:
    """ASGI middleware that refuses a page when very many are open."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_file = scope["path"].startswith(("/_", "/page/"))
        if scope["type"] == "http" and not is_file and len(Client.instances) >= MAX_VIEWERS:
            text = f"{MAX_VIEWERS} pages are open, as many as there may be; try again in a minute"
            return await problem(503, "unavailable", text, {"Retry-After": "60"})(scope, receive, send)
        await self._app(scope, receive, send)


def _land() -> Response:
    return Response(land(), media_type="application/geo+json", headers=_FOR_A_DAY)


def _style() -> Response:
    return FileResponse(_ASSETS / "style.css", headers=_FOR_A_DAY)
