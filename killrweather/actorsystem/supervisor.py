"""An actor whose children are described by data: it makes them, watches them, and sends them what is theirs."""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from thespian.actors import ActorAddress, ActorExitRequest, ChildActorExited

from killrweather.actorsystem.actor import ManagedActor
from killrweather.actorsystem.cell import ActorCell
from killrweather.actorsystem.children import Child, ChildSpec, Pool
from killrweather.actorsystem.routing import Router
from killrweather.errors import Escalated
from killrweather.messages.base import message
from killrweather.messages.control import (
    ActorState,
    Directive,
    Failed,
    GracefulShutdown,
    Peer,
    Peers,
    Ping,
    Pong,
    Started,
    Stop,
    TaskCompleted,
)
from killrweather.processes import running
from killrweather.waking_clock import WakingClock

_log = logging.getLogger(__name__)


@message
class _RestartDue:
    name: str
    incarnation: int


@message
class _PingDue:
    pass


@message
class _StopOverdue:
    name: str


class Supervisor(ManagedActor):
    """OneForOne: what one child does is of no concern to the others.

    A child that raises gets the directive of its strategy; one whose process dies is made anew; one that is silent
    for ``node.hung_after_s`` is killed, and so made anew. Each is counted in the child's window of restarts; a child
    that fails more often is stopped, and its last error stays visible, or this supervisor fails with it (``on_limit``).
    """

    clock = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._children: dict[str, Child] = {}
        self._router = Router(self._pools, self.send, lambda: self.clock())
        self._peers_version = 0
        self._is_pinging = False
        self._stopping: deque[str] = deque()
        self._when_stopped: Callable[[], None] | None = None
        self._stop_before = 0.0

    def child_changed(self, state: ActorState) -> None:
        """Called when a child has started, failed, died or stopped; for subclasses."""

    def start_children(self, specs: Iterable[ChildSpec]) -> None:
        """Make children; those of the end of the list first, so that who depends on others is ready last."""
        for spec in reversed(list(specs)):
            pool = self._pools[spec.name] = Pool.of(spec)
            for child in pool.members:
                self._children[child.name] = child
                self._create(child)
        if not self._is_pinging:
            self._is_pinging = True
            self._ping_all()

    def children(self) -> list[ActorState]:
        """How each child is, not older than a ping interval."""
        return [child.shown() for child in self._children.values()]

    def handlers(self) -> dict[str, str]:
        """The child, or pool, that has a handler for a message, by the name of its class; they say so when started."""
        return {kind: name for name, pool in reversed(self._pools.items()) for kind in pool.handles}

    def answerers(self) -> dict[str, str]:
        """To whom this supervisor would pass which message, by the name of its class; for subclasses that route.

        Their children then ask those at once; call ``tell_peers`` when this changes.
        """
        return {}

    def route(self, name: str, message: Any) -> Any:
        """Pass a message to a child, or to the next running member of a pool; what a handler returns after this.

        A question is answered by the child itself. While no member runs, a bounded number of messages waits; when
        it cannot be delivered at all, the asker has RequestFailed at once.
        """
        reply = self._cell.replies.current
        if reply:
            message = replace(reply.ask, message=message, reply_to=reply.asker)
        failure = self._router.route(name, message)
        if reply and failure is None:
            self._cell.replies.release(reply)
        return failure

    def publish(self, message: Any, only: str | None = None) -> None:
        """Send a fact to every running child that has a handler for it, or to this one if it has."""
        self._router.publish(message, only)

    def stop_children(self, then: Callable[[], None], within_s: float) -> None:
        """Stop the children in the order of their list, a pool together; ``then`` is called when all are gone.

        Each may take half of the time that is left before it is killed.
        """
        self._stopping = deque(reversed(self._pools))
        self._when_stopped, self._stop_before = then, self.clock() + within_s
        self._stop_next()

    def pre_restart(self) -> None:
        """A supervisor's children do not outlive it."""
        for child in self._children.values():
            self._kill(child)

    # -- a child's life

    def _create(self, child: Child) -> None:
        child.starts_anew(self._awake())
        child.address = self.createActor(ActorCell)
        # A child that hangs before its first message has told nobody its pid; Thespian has it.
        known = (info for info in self._myRef._child_procs if info.childAddr == child.address)
        child.pid = next((info.childProc.pid for info in known), None)
        self.send(child.address, child.order(self.settings, self.home))

    def receiveMsg_Started(self, started: Started, sender: ActorAddress) -> None:
        """A child is ready: send it what waited, tell everybody its address."""
        child = self._children.get(started.name)
        if child is None or started.incarnation != child.incarnation or child.state not in ("starting", "backoff"):
            return
        child.has_started(started, sender, self._awake())
        self._pools[child.spec.name].handles = frozenset(started.handles)
        self.tell_peers()
        self._router.send_waiting(child)
        self._changed(child)

    def receiveMsg_Failed(self, failed: Failed, sender: ActorAddress) -> None:
        """A child's handler raised: decide."""
        child = self._children.get(failed.name)
        if child is None or failed.incarnation != child.incarnation or child.state not in ("starting", "running"):
            return
        child.last_error = failed.text
        decision = child.spec.strategy.directive(failed.kinds)
        if decision == "resume" and failed.while_starting:
            decision = "restart"  # there is nothing to resume
        _log.warning("child failed", extra={"actor": child.name, "reason": failed.text, "decision": decision})
        if decision == "resume":
            self.send(child.address, Directive("resume", child.incarnation))
        elif decision == "restart":
            self._again_later(child)
        else:
            self._stop(child)
        self._changed(child)
        if decision == "escalate":
            raise Escalated(f"{child.name}: {failed.text}")

    def receiveMsg_ChildActorExited(self, exited: ChildActorExited, sender: ActorAddress) -> None:
        """A child's process is gone; Thespian may say so more than once."""
        child = next((c for c in self._children.values() if c.address == exited.childAddress), None)
        if child:
            self._lost(child)

    def _lost(self, child: Child) -> None:
        child.has_no_process()
        self._router.fail_asked(child)
        was_stopping, was = child.state == "stopping", child.state
        if was_stopping:
            child.state = "stopped"
        elif was != "stopped":
            if was != "backoff":
                child.last_error = child.killed_for or "its process died"
            child.killed_for = None
            _log.warning("child died", extra={"actor": child.name, "reason": child.last_error})
            self._again_later(child)
        self.tell_peers()
        self._changed(child)
        if was_stopping and not any(c.state == "stopping" for c in self._children.values()):
            self._stop_next()

    def _again_later(self, child: Child) -> None:
        delay_s = child.window.next_delay(self.clock())
        if delay_s is None:
            strategy = child.spec.strategy
            limit = f"more than {strategy.max_restarts} restarts in {strategy.within_s:g} s"
            child.last_error = f"{limit}, the last because: {child.last_error}"
            self._stop(child)
            if strategy.on_limit == "escalate":
                raise Escalated(f"{child.name}: {child.last_error}")
            return
        child.state = "backoff"
        due = _RestartDue(child.name, child.incarnation)
        if delay_s > 0:
            self.after(delay_s, due)
        else:
            self.receiveMsg__RestartDue(due, self.myAddress)

    def receiveMsg__RestartDue(self, due: _RestartDue, sender: ActorAddress) -> None:
        """The pause is over: restart in place, or make a new process."""
        child = self._children[due.name]
        if child.state != "backoff" or child.incarnation != due.incarnation:
            return
        if child.address is None:
            self._create(child)
        else:
            self.send(child.address, Directive("restart", child.incarnation))
            child.starts_in_place(self._awake())

    def _stop(self, child: Child) -> None:
        child.state, child.is_reachable = "stopped", False
        _log.error("child is stopped", extra={"actor": child.name, "reason": child.last_error})
        if child.address:
            self.send(child.address, ActorExitRequest())
        self.tell_peers()
        self._router.refuse_waiting(child)

    def _stop_next(self) -> None:
        while self._stopping:
            members = [c for c in self._pools[self._stopping.popleft()].members if c.address and c.state != "stopped"]
            for child in members:
                child.state, child.is_reachable = "stopping", False
                self.send(child.address, Stop())
                self.after(max(0.0, self._stop_before - self.clock()) / 2, _StopOverdue(child.name))
            if members:
                self.tell_peers()
                return
        if self._when_stopped:
            then, self._when_stopped = self._when_stopped, None
            then()

    def receiveMsg__StopOverdue(self, overdue: _StopOverdue, sender: ActorAddress) -> None:
        """A child that does not stop is killed."""
        child = self._children[overdue.name]
        if child.state == "stopping":
            _log.error("child does not stop, so it is killed", extra={"actor": child.name})
            self._kill(child)

    def receiveMsg_GracefulShutdown(self, order: GracefulShutdown, sender: ActorAddress) -> None:
        """Stop all children in order, then say so."""
        reply = self.defer()
        within_s = max(0.0, reply.ask.deadline - self.clock())
        self.stop_children(lambda: reply(TaskCompleted("graceful shutdown")), within_s)

    # -- watching

    @cached_property
    def _awake(self) -> WakingClock:
        return WakingClock(self.settings.node.hung_after_s, lambda: self.clock())

    def _ping_all(self) -> None:
        now, node = self._awake(), self.settings.node
        for child in self._children.values():
            if child.pid is not None and not running(child.pid):
                self._lost(child)  # Thespian keeps the death of a child to itself whose address it did not know yet
            if child.state not in ("starting", "running"):
                continue
            silent_s = now - child.last_sign
            if silent_s > (node.hung_after_s if child.state == "running" else node.start_timeout_s):
                child.killed_for = f"{child.state} without a sign of life for {silent_s:.1f} s"
                _log.error("child hangs, so it is killed", extra={"actor": child.name, "silent_s": round(silent_s, 1)})
                self._kill(child)
            else:
                self.send(child.address, Ping())
        self.after(node.ping_interval_s, _PingDue())

    def receiveMsg__PingDue(self, due: _PingDue, sender: ActorAddress) -> None:
        """Time to look after the children."""
        self._ping_all()

    def receiveMsg_Pong(self, pong: Pong, sender: ActorAddress) -> None:
        """A child is alive; one that is starting has its own limit."""
        child = self._children.get(pong.name)
        if child and pong.incarnation == child.incarnation:
            child.pong = pong
            if child.state == "running":
                child.last_sign = self._awake()

    def _kill(self, child: Child) -> None:
        if child.pid is not None:
            try:
                os.kill(child.pid, signal.SIGKILL)  # a hung handler never sees SIGTERM
            except ProcessLookupError:
                _log.info("child was dead already", extra={"actor": child.name})

    # -- addresses

    def tell_peers(self) -> None:
        """Tell every child where the others are, and who answers what."""
        self._peers_version += 1
        members = {name: pool.peers() for name, pool in self._pools.items()}
        members[self.name] = (Peer(self.name, self.myAddress),)
        peers = Peers(self._peers_version, members, self.name, self.answerers())
        self._cell.asker.set_peers(peers)
        for child in self._children.values():
            if child.state in ("starting", "running") and child.address:
                self.send(child.address, peers)

    def _changed(self, child: Child) -> None:
        self.child_changed(child.shown())
