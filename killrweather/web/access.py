"""Who may call: whoever brings the token of ``http.token``."""

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from killrweather.page import login
from killrweather.page.login import Login
from killrweather.page.pages import is_page
from killrweather.web.problems import problem

OPEN_PATHS = frozenset({"/alive"})
"""Answered without a token, so that a watchdog needs no secret."""


class BearerToken:
    """ASGI middleware that answers 401 to every request without the token; a browser gets the form to log in."""

    def __init__(self, app: ASGIApp, token: str, login: Login):
        self._app, self._login = app, login
        self._expected = b"Bearer " + token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            return await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["path"] in login.PATHS:
            return await self._login(scope, receive, send)
        headers = dict(scope["headers"])
        if self._is_allowed(headers):
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        if scope["method"] == "GET" and is_page(scope["path"]) and b"text/html" in headers.get(b"accept", b""):
            return await login.to_login(scope["path"])(scope, receive, send)
        call = f"{scope['method']} {scope['path'][:200]}"
        text = f"{call}: expected the header Authorization: Bearer and the value of http.token"
        await problem(401, "unauthorized", text, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    def _is_allowed(self, headers: dict[bytes, bytes]) -> bool:
        given = headers.get(b"authorization", b"")
        return hmac.compare_digest(given, self._expected) or self._login.is_logged_in(headers.get(b"cookie", b""))
