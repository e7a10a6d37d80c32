"""The root of a node's actors: it supervises them, and passes each request to the one that answers it."""

import logging
import time
from dataclasses import fields
from typing import Any

import killrweather
from killrweather.actorsystem import ChildSpec, Supervisor, SupervisorStrategy
from killrweather.errors import Unavailable
from killrweather.messages.control import ActorState, DataFeedStarted, GracefulShutdown, NodeInitialized
from killrweather.messages.node import Check, Counters, GetNodeStatus, NodeStatus

log = logging.getLogger(__name__)


class NodeGuardian(Supervisor):
    """Uninitialized until everything its actors need is there, then initialized: only then it forwards requests.

    It owns no thread, socket or JVM, because its children are forked from it. Which actor answers which message
    the actors say themselves when they have started, so a new one needs no line here.
    """

    def pre_start(self) -> None:
        self._started_at = time.monotonic()
        self._state = "Joining"
        roles = set(self.settings.node.roles)
        self.start_children(
            ChildSpec(name, spec.actor_class, pool=spec.pool, strategy=SupervisorStrategy.of(spec.strategy))
            for name, spec in self.settings.actors.items()
            if roles & set(spec.roles)
        )

    def receiveUnrecognizedMessage(self, message: Any, sender: Any) -> Any:
        """Forward a request to the actor that has a handler for it."""
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
        actors, checks, http = self.children(), self._checks(), self.settings.http
        return NodeStatus(
            name=self.settings.node.name,
            address=f"{'https' if http.tls.certificate else 'http'}://{http.host}:{http.port}",
            state=self._state,
            roles=self.settings.node.roles,
            version=killrweather.__version__,
            uptime_s=time.monotonic() - self._started_at,
            restarts=self.restarts + sum(actor.restarts for actor in actors),
            ready=self._state == "Up" and all(check.ok for check in checks),
            checks=checks,
            counters=_sum_counters(actors),
            actors=tuple(actors),
        )

    def receiveMsg_DataFeedStarted(self, event: DataFeedStarted, sender: Any) -> None:
        """The node's door is open."""
        log.info("data feed started", extra={"url": event.url})

    def receiveMsg_GracefulShutdown(self, order: GracefulShutdown, sender: Any) -> None:
        self._state = "Leaving"
        self.tell_peers()
        super().receiveMsg_GracefulShutdown(order, sender)

    def child_changed(self, state: ActorState) -> None:
        self._look()

    def _look(self) -> None:
        """Become initialized once every check holds; a check that fails later changes /ready, not this."""
        if self._state == "Joining" and all(check.ok for check in self._checks()):
            self._state = "Up"
            seconds = round(time.monotonic() - self._started_at, 2)
            log.info("initialized", extra={"event": NodeInitialized(self.settings.node.name), "seconds": seconds})
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
