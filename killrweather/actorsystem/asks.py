"""The questions that an actor has asked and that are not answered yet."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from typing import Any

from thespian.actors import ActorAddress

from killrweather.actorsystem.credit import BacklogFull, CreditPool
from killrweather.messages.control import Answer, Ask, Peer, Peers, RequestFailed

Then = Callable[[Any], None]


@dataclass
class _Pending:
    pool: str
    deadline: float
    then: Then


class Asks:
    """Sends questions within their credit, matches answers by id, and gives each ``then`` exactly one value.

    A question whose actor's process dies is asked again of its successor: handlers must bear with a repetition.
    """

    def __init__(
        self,
        send: Callable[[ActorAddress, Ask], None],
        settle: Callable[[Then, Any], None] = lambda then, value: then(value),
        clock: Callable[[], float] = time.monotonic,
    ):
        self._send, self._settle, self._clock = send, settle, clock
        self._prefix, self._numbers = token_hex(6), count(1)
        self._pending: dict[str, _Pending] = {}
        self._pools: dict[str, CreditPool[str, Ask]] = {}
        self._addresses: dict[str, ActorAddress] = {}
        self.peers = Peers(0, {})

    def __len__(self) -> int:
        return len(self._pending)

    def ask(self, target: str | ActorAddress, message: Any, then: Then, timeout_s: float) -> None:
        """Ask an actor by name or address; ``then`` gets its answer or RequestFailed, perhaps before this returns."""
        pool = self._pool_of(target)
        if pool is None:
            known = ", ".join(sorted(self.peers.members))
            self._settle(then, RequestFailed("failed", f'actor "{target}": this node has none, it has {known}'))
            return
        key, deadline = f"{self._prefix}-{next(self._numbers)}", self._clock() + timeout_s
        try:
            self._pools[pool].offer(key, Ask(key, message, deadline))
        except BacklogFull:
            text = f'actor "{pool}": {self._pools[pool].waiting} questions wait for it already, try again later'
            self._settle(then, RequestFailed("unavailable", text, retry_after_s=1.0))
            return
        self._pending[key] = _Pending(pool, deadline, then)
        self._send_due(pool)

    def answered(self, answer: Answer) -> None:
        """Take an answer; one that nobody waits for any more is dropped."""
        self._finish(answer.id, answer.value)

    def set_peers(self, peers: Peers) -> None:
        """Take a new table of addresses; what the dead were asked goes to the living."""
        if peers.version <= self.peers.version:
            return
        self.peers = peers
        for name in peers.members.keys() & self._pools.keys():
            self._seat(name, peers.members[name])
            self._send_due(name)

    def expire(self) -> None:
        """Give up every question whose deadline is past."""
        now = self._clock()
        for key, pending in [(k, p) for k, p in self._pending.items() if p.deadline <= now]:
            text = f'actor "{pending.pool}": no answer in time, is it overloaded or away?'
            self._finish(key, RequestFailed("timed-out", text, retry_after_s=1.0))

    def _pool_of(self, target: str | ActorAddress) -> str | None:
        name = target if isinstance(target, str) else str(target)
        if name in self._pools:
            return name
        if not isinstance(target, str):
            members: tuple[Peer, ...] = (Peer(name, target),)
        elif self.peers.version and name not in self.peers.members:
            return None
        else:
            members = self.peers.members.get(name, ())
        self._pools[name] = CreditPool()
        self._seat(name, members)
        return name

    def _seat(self, pool: str, members: tuple[Peer, ...]) -> None:
        self._addresses.update({peer.key: peer.address for peer in members})
        for key in self._pools[pool].set_members([peer.key for peer in members]):
            text = f'actor "{pool}" died twice of this question'
            self._finish(key, RequestFailed("unavailable", text, retry_after_s=1.0))

    def _send_due(self, pool: str) -> None:
        for member, ask in self._pools[pool].due():
            self._send(self._addresses[member], ask)

    def _finish(self, key: str, value: Any) -> None:
        pending = self._pending.pop(key, None)
        if pending is None:
            return
        pool = self._pools[pending.pool]
        pool.settle(key)
        self._send_due(pending.pool)
        if pool.is_idle and pending.pool not in self.peers.members:
            del self._pools[pending.pool]
        self._settle(pending.then, value)
