"""The nodes of the cluster over HTTP: who is there, what happens, and the order to leave."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

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
from killrweather.web.answers import EVENTS, Ask, json_response, may_answer
from killrweather.web.events import EventStream, Listener, encoded, greeting
from killrweather.web.negotiation import NegotiatedRoute
from killrweather.web.nodes import Nodes
from killrweather.web.parameters import parse_moment
from killrweather.web.problems import HttpProblem

_MOST_PAST = 1_000
"""Past events that are told at most."""


def router(ask: Ask, nodes: Nodes) -> APIRouter:
    """``/cluster/members``, ``/cluster/events`` and the order to leave."""
    routes = APIRouter(prefix="/cluster", tags=["cluster"], route_class=NegotiatedRoute)

    @routes.get("/members", response_model=ClusterView, responses=may_answer(503))
    async def members() -> Response:
        """All nodes as this one sees them, oldest first, and who owns each singleton."""
        return json_response(await ask(GetClusterView()), ClusterView)

    @routes.post(
        "/members/{name}/leave", status_code=202, response_model=TaskCompleted, responses=may_answer(404, 409, 503)
    )
    async def leave(name: Annotated[str, Path(description="The node's name", examples=["node-1"])]) -> Response:
        """Have a node shut down gracefully and stay down; one that is Down already is taken out of the view."""
        view: ClusterView = await ask(GetClusterView())
        member = view.named(name)
        if member is None:
            names = ", ".join(one.name for one in view.members) or "none"
            text = f"node {name[:80]}: not in this cluster, expected one of {names}"
            raise HttpProblem(404, "member-not-found", text, argument="name")
        if member.id == view.me:
            return json_response(await ask(LeaveCluster()), TaskCompleted, 202)
        if member.state == "Down":
            return json_response(await ask(ForgetMember(name)), TaskCompleted, 202)
        answer = await nodes.ask(member, "POST", f"/cluster/members/{name}/leave")
        return json_response(TaskCompleted(answer["task"]), TaskCompleted, 202)

    @routes.get("/history", response_model=list[PastEvent], responses=may_answer(422, 503))
    async def history(
        limit: Annotated[int, Query(ge=1, le=_MOST_PAST, description="So many events at most")] = 100,
    ) -> Response:
        """The newest events, oldest first."""
        past: ClusterEvents = await ask(GetClusterEvents(limit))
        return json_response([PastEvent.of(event) for event in past.events], list[PastEvent])

    @routes.get(
        "/events", response_class=EventStream, status_code=200, responses={200: EVENTS, **may_answer(422, 429, 503)}
    )
    async def cluster_events(
        history: Annotated[int, Query(ge=0, le=_MOST_PAST, description="So many past events first")] = 100,
        last_event_id: Annotated[
            str | None,
            Header(description="Go on after the event with this id", examples=["2024-01-31T18:00:00.125000+00:00"]),
        ] = None,
    ) -> EventStream:
        """What happens in the cluster, as server-sent events: the past ones, then each as it happens.

        `event` is the kind, the data is as in `/cluster/history`. After a break a browser goes on where it was by
        itself; other clients send the last id as `Last-Event-ID`, and `history` is then without effect.
        """
        since = parse_moment("Last-Event-ID", last_event_id) if last_event_id else None
        return await EventStream.begun(_sent(ask, nodes, history, since))

    return routes


async def _sent(ask: Ask, nodes: Nodes, history: int, since: datetime | None) -> AsyncGenerator[bytes, None]:
    with nodes.listeners.listening(Listener()) as reader:
        # Asked for while it listens already: an event that is in both is told once.
        number = _MOST_PAST if since else history
        past: ClusterEvents = await ask(GetClusterEvents(number)) if number else ClusterEvents(())
        lines = {event: event_of(event) for event in past.events}
        reader.skip(lines.values())
        # Events of the same instant come again: which of them is known, the id does not say.
        wanted = [line for event, line in lines.items() if since is None or event.at >= since]
        is_cut = since is not None and len(lines) == _MOST_PAST and past.events[0].at > since
        gap = encoded("gap", {"text": f"only the newest {_MOST_PAST:,} events are kept at hand"}) if is_cut else b""
        yield greeting() + gap + b"".join(wanted)
        async for chunk in reader.everything():
            yield chunk


def event_of(event: ClusterEvent) -> bytes:
    """An event as it is sent; its id is its time."""
    return encoded(type(event).__name__, asdict(PastEvent.of(event)), event.at.isoformat())
