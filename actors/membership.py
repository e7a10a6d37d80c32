"""Knows all nodes of the cluster, and tells the guardian what changes."""

import logging
from collections import deque
from typing import Any

import killrweather
from killrweather.actorsystem import AsyncActor
from killrweather.actorsystem.membership import Membership
from killrweather.connection import Connection
from killrweather.errors import BadRequest, Conflict, Unavailable
from killrweather.messages.cluster import (
    ClusterEvent,
    ClusterEvents,
    ClusterView,
    ForgetMember,
    GetClusterEvents,
    Member,
    NodeIdentity,
    told,
)
from killrweather.messages.control import GracefulShutdown, NodeInitialized, TaskCompleted

log = logging.getLogger(__name__)

KEPT_EVENTS = 1_000


class MembershipActor(AsyncActor):
    """This node's membership in the group ``node.group``; every change goes to the guardian, which passes it on."""

    def pre_start(self) -> None:
        identity: NodeIdentity = self.config
        node = self.settings.node
        me = Member(identity.name, identity.id, self.settings.http.url, node.roles, killrweather.__version__)
        self._view, self._events = ClusterView(me.id), deque[ClusterEvent](maxlen=KEPT_EVENTS)
        self._membership = Membership(self.settings, me, self._take_view, self._take_event)
        self._kafka = Connection("cluster", self._membership.join)
        self.spawn(self._run())

    async def post_stop(self) -> None:
        await self._membership.close()

    def health(self) -> dict[str, Any]:
        """Whether this node is in the cluster, and the cluster in sight."""
        return {"cluster": str(self._kafka.problem or self._view.problem)}

    async def receiveMsg_NodeInitialized(self, event: NodeInitialized, sender: Any) -> None:
        """The guardian says that this node takes requests."""
        self._membership.ready()

    async def receiveMsg_GracefulShutdown(self, order: GracefulShutdown, sender: Any) -> TaskCompleted:
        """Tell the others that this node leaves; it does when this actor is stopped."""
        if self._kafka.is_open:
            await self._membership.leaving()
        return TaskCompleted("leaving")

    async def receiveMsg_GetClusterEvents(self, msg: GetClusterEvents, sender: Any) -> ClusterEvents:
        return ClusterEvents(tuple(self._events)[-msg.limit :])

    async def receiveMsg_ForgetMember(self, order: ForgetMember, sender: Any) -> TaskCompleted:
        if self._view.problem:
            raise Unavailable(self._view.problem)
        member = self._view.named(order.name)
        if member is None:
            names = ", ".join(one.name for one in self._view.members)
            raise BadRequest(f"node {order.name[:80]}: not in this cluster, expected one of {names}", "name")
        if member.state != "Down":
            raise Conflict(f"node {order.name} is {member.state}: only one that is Down can be forgotten")
        await self._membership.forget(member)
        return TaskCompleted(f"{order.name} is forgotten")

    async def _run(self) -> None:
        await self._kafka.open()
        await self._membership.run()

    def _take_view(self, view: ClusterView) -> None:
        self._view = view
        self.in_actor(self.tell, "guardian", view)

    def _take_event(self, event: ClusterEvent, is_news: bool) -> None:
        self._events.append(event)
        if is_news:
            log.info("cluster", extra={"event": type(event).__name__, "text": told(event)})
            self.in_actor(self.tell, "guardian", event)
