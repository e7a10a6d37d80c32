"""How the node is: for watchdogs, for people and for `killrweather status`."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from killrweather.errors import Unavailable
from killrweather.messages.node import Check, GetNodeStatus, GetStreamProgress, NodeStatus, StreamProgress
from killrweather.web.answers import Ask, json_response, may_answer
from killrweather.web.page import status_page


@dataclass(frozen=True)
class Alive:
    """The process answers; it may not be ready."""

    alive: bool


@dataclass(frozen=True)
class Readiness:
    """Whether the node answers questions and takes data, with each check by name."""

    ready: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Status:
    """The node, and how far the stream is; the stream is None where that can't be had, ``problem`` says why."""

    node: NodeStatus
    stream: StreamProgress | None
    problem: str | None = None


def router(ask: Ask) -> APIRouter:
    """``/alive``, ``/ready``, ``/status`` and the page at ``/``."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/alive", response_model=Alive)
    async def alive() -> Response:
        """The process answers. Needs no token."""
        return json_response(Alive(True), Alive)

    @routes.get("/ready", response_model=Readiness, responses={503: {"model": Readiness, "description": "Not yet"}})
    async def ready() -> Response:
        """200 when the node answers questions and takes data, else 503; each check by name."""
        try:
            node: NodeStatus = await ask(GetNodeStatus())
        except Unavailable as error:
            found = Readiness(False, (Check("guardian", False, str(error)),))
        else:
            found = Readiness(node.ready, node.checks)
        return json_response(found, Readiness, 200 if found.ready else 503, {} if found.ready else {"Retry-After": "1"})

    @routes.get("/status", response_model=Status, responses=may_answer(503))
    async def status() -> Response:
        """The node with its actors and counters, and how far the stream is."""
        return json_response(await _status(ask), Status)

    @routes.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(status_page(await _status(ask)), headers=_PAGE_HEADERS)

    return routes


_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


async def _status(ask: Ask) -> Status:
    node: Any = await ask(GetNodeStatus())
    try:
        return Status(node, await ask(GetStreamProgress()))
    except Unavailable as error:
        return Status(node, None, str(error))
