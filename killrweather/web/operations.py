"""How the node is: for watchdogs, for people and for `killrweather status`."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import TypeAdapter

from killrweather.errors import Unavailable
from killrweather.messages.node import Check, GetNodeStatus, GetStreamProgress, NodeStatus, Readiness, Status
from killrweather.web.answers import Ask, json_response, may_answer
from killrweather.web.docs_page import docs_page
from killrweather.web.negotiation import NegotiatedRoute
from killrweather.web.nodes import Nodes


@dataclass(frozen=True)
class Alive:
    """The process answers; it may not be ready."""

    alive: bool


def router(ask: Ask, nodes: Nodes) -> APIRouter:
    """``/alive``, ``/ready``, ``/status``, and the page at ``/docs``."""
    routes = APIRouter(tags=["operations"], route_class=NegotiatedRoute)

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

    @routes.get("/status", response_model=Status, responses=may_answer(422, 503))
    async def status(
        node_only: Annotated[bool, Query(description="Without asking the node that owns the stream")] = False,
    ) -> Response:
        """The node with its actors and counters, all nodes as it sees them, and how far the stream is."""
        return json_response(await status_of(ask, None if node_only else nodes), Status)

    @routes.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(request.app.openapi()), headers=_PAGE_HEADERS)

    return routes


async def status_of(ask: Ask, nodes: Nodes | None) -> Status:
    """The node, completed by what the owner of the stream knows; without ``nodes`` that is not asked."""
    node: NodeStatus = await ask(GetNodeStatus())
    owner = node.cluster.owner("stream")
    try:
        if nodes is None or owner is None or owner.id == node.cluster.me:
            return Status(node, await ask(GetStreamProgress()))
        theirs = _STATUS.validate_python(await nodes.ask(owner, "GET", "/status?node_only=true"))
    except Unavailable as error:
        return Status(node, None, str(error))
    return Status(replace(node, counters=node.counters.completed(theirs.node.counters)), theirs.stream, theirs.problem)


_STATUS = TypeAdapter(Status)
"""For the answer of the node that owns the stream, which alone knows how far it is."""

_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
