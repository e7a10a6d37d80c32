"""The way of a message from a supervisor to its children: to the next member that runs, to all, or to nobody."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from thespian.actors import ActorAddress

from killrweather.actorsystem.children import Child, Pool
from killrweather.messages.control import Answer, Ask, RequestFailed

QUEUE_LIMIT = 1_000
_log = logging.getLogger(__name__)


class Router:
    """Passes on messages for the pools, by name, that its supervisor keeps up to date."""

    def __init__(
        self, pools: Mapping[str, Pool], send: Callable[[ActorAddress | None, Any], None], clock: Callable[[], float]
    ):
        self._pools, self._send, self._clock = pools, send, clock

    def route(self, name: str, message: Any) -> RequestFailed | None:
        """Send a message to the next running member of a pool, or keep it until one runs; else say why not."""
        pool = self._pools.get(name)
        if pool and (ready := pool.ready()):
            pool.turn += 1
            self._deliver(ready[pool.turn % len(ready)], message)
        elif pool and len(pool.queue) < QUEUE_LIMIT and not pool.is_stopped:
            pool.queue.append(message)
        else:
            failure = _away(name, pool)
            _log.warning("message refused", extra={"actor": name, "reason": failure.text})
            return failure
        return None

    def publish(self, message: Any, only: str | None) -> None:
        """Send a message to every running child, or ``only`` to this, that has a handler for it."""
        for pool in self._pools.values():
            if type(message).__name__ in pool.handles:
                for child in pool.ready():
                    if only in (None, child.name):
                        self._send(child.address, message)

    def send_waiting(self, child: Child) -> None:
        """Send a child that has started what its pool has waiting."""
        queue = self._pools[child.spec.name].queue
        while queue:
            self._deliver(child, queue.popleft())

    def refuse_waiting(self, child: Child) -> None:
        """A child is stopped: when it was the last of its pool, refuse what waits."""
        pool = self._pools[child.spec.name]
        while pool.is_stopped and pool.queue:
            waiting = pool.queue.popleft()
            if isinstance(waiting, Ask):
                self._send(waiting.reply_to, Answer(waiting.id, _away(pool.spec.name, pool)))

    def fail_asked(self, child: Child) -> None:
        """Tell whoever asked a process that died; those who have their answer already drop this one."""
        failure = RequestFailed("unavailable", f"{child.name} died of or during this question", retry_after_s=1.0)
        while child.asked:
            ask = child.asked.popleft()
            if ask.deadline > self._clock():
                self._send(ask.reply_to, Answer(ask.id, failure))

    def _deliver(self, child: Child, message: Any) -> None:
        if isinstance(message, Ask):
            child.asked.append(message)
        self._send(child.address, message)


def _away(name: str, pool: Pool | None) -> RequestFailed:
    if pool is None:
        return RequestFailed("unavailable", f'this node has no actor "{name}"; one of its roles is needed for it')
    reasons = {child.last_error for child in pool.members if child.last_error}
    text = f'actor "{name}" is away' + (f": {'; '.join(sorted(reasons))}" if reasons else "")
    return RequestFailed("unavailable", text, retry_after_s=1.0)
