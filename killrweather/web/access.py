"""Who may call: the bearer token of ``http.token``."""

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from killrweather.web.problems import problem

OPEN_PATHS = frozenset({"/alive"})
"""Answered without a token, so that a watchdog needs no secret."""


class BearerToken:
    """ASGI middleware that answers 401 to every request without the token."""

    def __init__(self, app: ASGIApp, token: str):
        self._app = app
        self._expected = b"Bearer " + token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._is_allowed(scope):
            await self._app(scope, receive, send)
            return
        text = (
            f"{scope['method']} {scope['path']}: expected the header Authorization: Bearer and the value of http.token"
        )
        await problem(401, "unauthorized", text, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._expected)
