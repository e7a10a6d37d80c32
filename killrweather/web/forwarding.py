"""Passing a request to a node that answers it, so that any node may be asked anything."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from killrweather.errors import Unavailable
from killrweather.messages.cluster import Member
from killrweather.request_id import HEADER, current
from killrweather.web.nodes import HOP, Nodes
from killrweather.web.problems import problem

log = logging.getLogger(__name__)

TIMEOUT = "x-killrweather-timeout"
"""The header with the seconds that are left for a request which another node passed on."""

_OF_A_CONNECTION = {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"host", b"date"}
_NOT_PASSED_ON = {*_OF_A_CONNECTION, HEADER.encode(), b"origin", b"sec-fetch-site"}
"""The id of the request is passed on as this node has taken it; which site's page may ask, this node has judged."""

_AGAIN = {"GET", "HEAD"}

_left_s: ContextVar[float | None] = ContextVar("left_s", default=None)


def within(timeout_s: float) -> float:
    """The seconds that a question may take: as configured, or fewer where the asking node waits no longer."""
    left_s = _left_s.get()
    return timeout_s if left_s is None else min(timeout_s, left_s)


class Forwarding:
    """ASGI middleware: what this node cannot answer goes to one that can, once, with the token it came with."""

    def __init__(self, app: ASGIApp, nodes: Nodes, name: str, timeout_s: float):
        self._app, self._nodes, self._name, self._timeout_s = app, nodes, name, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        try:
            targets = self._nodes.elsewhere(scope["path"])
            if targets and (hop := headers.get(HOP.encode())):
                raise Unavailable(f"node {self._name} cannot answer what {hop.decode('latin-1')[:80]} passed on to it")
            if targets:
                return await self._pass_on(targets, scope, receive, send)
        except Unavailable as error:
            return await problem(503, "unavailable", str(error), {"Retry-After": "1"})(scope, receive, send)
        token = _left_s.set(_seconds(headers.get(TIMEOUT.encode())))
        try:
            await self._app(scope, receive, send)
        finally:
            _left_s.reset(token)

    async def _pass_on(self, targets: Sequence[Member], scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it to the first that can be reached; one that only asks may be asked of another if an answer fails."""
        for member in targets:
            try:
                answer = await self._nodes.client.send(self._request(member, scope, receive), stream=True)
                break
            except httpx.TransportError as error:
                log.warning("a node does not answer", extra={"node": member.name, "reason": repr(error)})
                is_lost = not isinstance(error, httpx.ConnectError) and scope["method"] not in _AGAIN
                if is_lost or member is targets[-1]:
                    text = f"node {member.name} at {member.address} does not answer: {error!r}"
                    raise Unavailable(text) from error
        try:
            await self._hand_back(answer, send)
        finally:
            await answer.aclose()

    def _request(self, member: Member, scope: Scope, receive: Receive) -> httpx.Request:
        query = scope["query_string"]
        target = scope.get("raw_path") or scope["path"].encode()
        url = httpx.URL(member.address).copy_with(raw_path=target + (b"?" + query if query else b""))
        kept = [(name, value) for name, value in scope["headers"] if name not in _NOT_PASSED_ON]
        passed = [*kept, (HOP.encode(), self._name.encode()), (HEADER.encode(), (current() or "").encode())]
        is_upload = scope["path"] == "/weather/data"
        if not is_upload:
            passed.append((TIMEOUT.encode(), f"{self._timeout_s:g}".encode()))
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        content = _body(receive) if has_body else None
        timeout = httpx.Timeout(None if is_upload else self._timeout_s + 1.0, connect=1.0)
        return self._nodes.client.build_request(scope["method"], url, headers=passed, content=content, timeout=timeout)

    @staticmethod
    async def _hand_back(answer: httpx.Response, send: Send) -> None:
        headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _OF_A_CONNECTION]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.WriteError("the sender hung up")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _seconds(text: bytes | None) -> float | None:
    try:
        return max(0.1, float(text)) if text else None
    except ValueError:
        return None
