"""The nodes of the cluster over HTTP: who is there, what happens, and the order to leave."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from killrweather.errors import BadRequest
from killrweather.messages.cluster import (
    ClusterEvent,
    ClusterEvents,
    ClusterView,
    ForgetMember,
    GetClusterEvents,
    GetClusterView,
    LeaveCluster,
    PastEvent,
)
from killrweather.messages.control import TaskCompleted
from killrweather.web.answers import Ask, json_response, may_answer
from killrweather.web.nodes import Nodes

_COMMENT_S = 15.0
"""s of silence after which a stream of events says that it is still there."""


def router(ask: Ask, nodes: Nodes) -> APIRouter:
    """``/cluster/members``, ``/cluster/events`` and the order to leave."""
    routes = APIRouter(prefix="/cluster", tags=["cluster"])

    @routes.get("/members", response_model=ClusterView, responses=may_answer(503))
    async def members() -> Response:
        """All nodes as this one sees them, oldest first, and who owns each singleton."""
        return json_response(await ask(GetClusterView()), ClusterView)

    @routes.post("/members/{name}/leave", status_code=202, response_model=TaskCompleted, responses=may_answer(422, 503))
    async def leave(name: str) -> Response:
        """Have a node shut down gracefully and stay down; one that is Down already is taken out of the view."""
        view: ClusterView = await ask(GetClusterView())
        member = view.named(name)
        if member is None:
            names = ", ".join(one.name for one in view.members) or "none"
            raise BadRequest(f"node {name[:80]}: not in this cluster, expected one of {names}", "name")
        if member.id == view.me:
            return json_response(await ask(LeaveCluster()), TaskCompleted, 202)
        if member.state == "Down":
            return json_response(await ask(ForgetMember(name)), TaskCompleted, 202)
        answer = await nodes.ask(member, "POST", f"/cluster/members/{name}/leave")
        return json_response(TaskCompleted(answer["task"]), TaskCompleted, 202)

    @routes.get("/history", response_model=list[PastEvent], responses=may_answer(422, 503))
    async def history(
        limit: Annotated[int, Query(ge=1, le=1000, description="So many events at most")] = 100,
    ) -> Response:
        """The newest events, oldest first."""
        past: ClusterEvents = await ask(GetClusterEvents(limit))
        return json_response([PastEvent.of(event) for event in past.events], list[PastEvent])

    @routes.get(
        "/events",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"},
            **may_answer(422, 503),
        },
    )
    async def events(
        history: Annotated[int, Query(ge=0, le=1000, description="So many past events first")] = 100,
    ) -> StreamingResponse:
        """What happens in the cluster, as server-sent events: the past ones, then each as it happens."""
        past: ClusterEvents = await ask(GetClusterEvents(history)) if history else ClusterEvents(())
        return StreamingResponse(
            _sent(past, nodes), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return routes


async def _sent(past: ClusterEvents, nodes: Nodes) -> AsyncIterator[str]:
    with nodes.listening() as news:
        for event in past.events:
            yield _line(event)
        while True:
            try:
                yield _line(await asyncio.wait_for(news.get(), _COMMENT_S))
            except asyncio.TimeoutError:
                yield ": still here\n\n"


def _line(event: ClusterEvent) -> str:
    return f"event: {type(event).__name__}\ndata: {json.dumps(asdict(PastEvent.of(event)))}\n\n"
