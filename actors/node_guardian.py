"""The root of a node's actors: it supervises them, and passes each request to the one that answers it."""

import logging
import time
from dataclasses import fields
from typing import Any

import killrweather
from killrweather.actorsystem import ChildSpec, Supervisor, SupervisorStrategy
from killrweather.errors import Unavailable
from killrweather.messages.cluster import EVENTS, ClusterView, GetClusterView, LeaveCluster, NodeIdentity
from killrweather.messages.control import (
    ActorState,
    DataFeedStarted,
    GracefulShutdown,
    NodeInitialized,
    Pong,
    TaskCompleted,
)
from killrweather.messages.node import Check, Counters, GetNodeStatus, NodeStatus

log = logging.getLogger(__name__)


class NodeGuardian(Supervisor):
    """Uninitialized until what its actors need to take data and to answer is there; only then it forwards requests.

    It owns no thread, socket or JVM, because its children are forked from it. Which actor answers which message
    the actors say themselves when they have started, so a new one needs no line here.
    """

    def pre_start(self) -> None:
        self._started_at = time.monotonic()
        self._state = "Joining"
        self._identity: NodeIdentity = self.config
        self._view = ClusterView(self._identity.id)
        roles = set(self.settings.node.roles)
        self.start_children(
            ChildSpec(
                name, spec.actor_class, self._identity, pool=spec.pool, strategy=SupervisorStrategy.of(spec.strategy)
            )
            for name, spec in self.settings.actors.items()
            if roles & set(spec.roles)
        )

    def receiveUnrecognizedMessage(self, message: Any, sender: Any) -> Any:
        """Forward a request to the actor that has a handler for it; an event to all that have one."""
        if type(message).__name__ in EVENTS:
            self.publish(message)
            return None
        if self._state == "Joining":
            self._look()
        if self._state != "Up":
            missing = "; ".join(check.text for check in self._checks() if not check.ok)
            node = self.settings.node.name
            raise Unavailable(f"node {node} is {self._state}: {missing or 'it is being stopped'}")
        name = self.handlers().get(type(message).__name__)
        if name is None:
            roles = ", ".join(self.settings.node.roles)
            kind = type(message).__name__
            raise Unavailable(f"no actor of node {self.settings.node.name} (roles {roles}) answers {kind}")
        return self.route(name, message)

    def answerers(self) -> dict[str, str]:
        """While this node is initialized its actors ask each other what the guardian would only pass on."""
        if self._state != "Up":
            return {}
        return {kind: name for kind, name in self.handlers().items() if not hasattr(self, f"receiveMsg_{kind}")}

    def receiveMsg_GetNodeStatus(self, msg: GetNodeStatus, sender: Any) -> NodeStatus:
        self._look()
        actors, checks = self.children(), self._checks()
        return NodeStatus(
            name=self.settings.node.name,
            address=self.settings.http.url,
            state=self._state,
            roles=self.settings.node.roles,
            version=killrweather.__version__,
            uptime_s=time.monotonic() - self._started_at,
            restarts=self.restarts + sum(actor.restarts for actor in actors),
            ready=self._state == "Up" and all(check.ok for check in checks),
            checks=checks,
            counters=_sum_counters(actors),
            actors=tuple(actors),
            cluster=self._view,
        )

    def receiveMsg_ClusterView(self, view: ClusterView, sender: Any) -> None:
        """The nodes of the cluster, or what they do, have changed."""
        self._view = view
        self.publish(view)

    def receiveMsg_GetClusterView(self, msg: GetClusterView, sender: Any) -> ClusterView:
        return self._view

    def receiveMsg_LeaveCluster(self, order: LeaveCluster, sender: Any) -> TaskCompleted:
        """Have the host end this node as a signal would."""
        self.tell_supervisor(order)
        return TaskCompleted(f"node {self.settings.node.name} is leaving")

    def receiveMsg_DataFeedStarted(self, event: DataFeedStarted, sender: Any) -> None:
        """The node's door is open."""
        log.info("data feed started", extra={"url": event.url})

    def receiveMsg_GracefulShutdown(self, order: GracefulShutdown, sender: Any) -> None:
        self._state = "Leaving"
        self.publish(order)
        self.tell_peers()
        super().receiveMsg_GracefulShutdown(order, sender)

    def receiveMsg_Pong(self, pong: Pong, sender: Any) -> None:
        super().receiveMsg_Pong(pong, sender)
        if self._state == "Joining":
            self._look()

    def child_changed(self, state: ActorState) -> None:
        if state.state == "running":
            self.publish(self._view, only=state.name)
            if self._state == "Up":
                self.publish(NodeInitialized(self.settings.node.name), only=state.name)
        self._look()

    def _look(self) -> None:
        """Become initialized once every check holds; a check that fails later changes /ready, not this.

        The stream may come later: what it will read is safe in Kafka, and the tables can be asked without it.
        """
        if self._state == "Joining" and all(check.ok for check in self._checks() if check.name != "stream"):
            self._state = "Up"
            seconds = round(time.monotonic() - self._started_at, 2)
            log.info("initialized", extra={"event": NodeInitialized(self.settings.node.name), "seconds": seconds})
            self.publish(NodeInitialized(self.settings.node.name))
            self.tell_peers()

    def _checks(self) -> tuple[Check, ...]:
        """What the actors need, by name, and whether all of them are running."""
        actors = self.children()
        away = [f"{actor.name} is {actor.state}{_because(actor)}" for actor in actors if not _is_seen(actor)]
        problems: dict[str, str] = {}
        for actor in actors:
            for name, problem in actor.health.items():
                problems[name] = problems.get(name) or problem
        checks = [Check(name, not problem, problem or "ok") for name, problem in sorted(problems.items())]
        return (Check("actors", not away, "; ".join(away) or f"{len(actors)} running"), *checks)


def _is_seen(actor: ActorState) -> bool:
    """It runs, and has said so since it started."""
    return actor.state == "running" and bool(actor.health)


def _because(actor: ActorState) -> str:
    return f": {actor.last_error}" if actor.last_error and actor.state != "running" else ""


def _sum_counters(actors: list[ActorState]) -> Counters:
    total: dict[str, int] = {}
    for actor in actors:
        for name, value in actor.counters.items():
            total[name] = total.get(name, 0) + int(value)
    reasons = {name.removeprefix(_REASON): value for name, value in sorted(total.items()) if name.startswith(_REASON)}
    known = {field.name: total[field.name] for field in fields(Counters) if field.name in total}
    return Counters(**known, reasons=reasons)


_REASON = "rejected."
