"""How long the answers to HTTP requests take."""

import logging
import re
import time
from collections.abc import Callable, Iterable
from functools import cached_property

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from killrweather.messages.node import Distribution

log = logging.getLogger(__name__)

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

UNKNOWN = "unknown"
"""The route of whatever has none, and the method of whatever HTTP does not know: anybody may make up as many."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Key = tuple[str, str, str]
"""Method, route template, status class such as 2xx."""


class Latencies:
    """Seconds from the head of a request to the head of its answer; a stream's own length does not count."""

    def __init__(self) -> None:
        self._seconds: dict[Key, Distribution] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (method if method in _METHODS else UNKNOWN, route, f"{status // 100}xx")
        self._seconds[key] = self._seconds.get(key, _NONE).plus(seconds)

    def items(self) -> Iterable[tuple[Key, Distribution]]:
        """What was counted, in the order of the keys."""
        return sorted(self._seconds.items())


_NONE = Distribution.of(BOUNDS_S)


class Timing:
    """ASGI middleware that counts each answer's time by its route, whoever gives the answer, and logs it at DEBUG.

    ``templates`` tells those of all paths, such as ``/weather/stations/{wsid}``; it is asked once.
    """

    def __init__(self, app: ASGIApp, latencies: Latencies, templates: Callable[[], Iterable[str]]):
        self._app, self._latencies, self._templates = app, latencies, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begin, has_begun = time.perf_counter(), False

        def begins(status: int) -> None:
            nonlocal has_begun
            has_begun = True
            seconds = time.perf_counter() - begin
            self._latencies.add(scope["method"], self._route(scope), status, seconds)
            if log.isEnabledFor(logging.DEBUG):
                fields = {"method": scope["method"], "path": scope["path"], "status": status}
                log.debug("answered", extra={**fields, "seconds": round(seconds, 4)})

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                begins(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            if not has_begun:
                begins(500)
            raise

    def _route(self, scope: Scope) -> str:
        """The template of the path; looked up where a middleware has answered before the routing."""
        if route := scope.get("route"):
            return str(route.path)
        return next((one for one, path in self._paths if path.match(scope["path"])), UNKNOWN)

    @cached_property
    def _paths(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(template, compile_path(template)[0]) for template in self._templates()]
