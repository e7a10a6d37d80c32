"""Who may call: the bearer token of ``http.token``, and pages of other sites by ``http.cors_origins``."""

import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
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
        call = f"{scope['method']} {scope['path'][:200]}"
        text = f"{call}: expected the header Authorization: Bearer and the value of http.token"
        await problem(401, "unauthorized", text, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._expected)


class OtherSites(CORSMiddleware):
    """Lets pages of these origins read answers; the browser asks first, and needs no token for that."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]):
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=(
                "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "X-Data-Feed"
            ),
            expose_headers=("ETag", "Link", "Retry-After"),
        )  # fmt: skip

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        origin = request_headers["origin"]
        headers = {name: value for name, value in answer.headers.items() if name.startswith(("access-", "vary"))}
        text = f"origin {origin[:80]}: {bytes(answer.body).decode()}; http.cors_origins names whom pages may be of"
        return problem(403, "forbidden", text, headers)
