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
from killrweather.request_id import current, working_for

Then = Callable[[Any], None]


@dataclass
class _Pending:
    pool: str
    ask: Ask
    then: Then
    router: str
    """Who passes this question on when nobody of the pool is there; empty when the pool was asked by name."""


class Asks:
    """Sends questions within their credit, matches answers by id, and gives each ``then`` exactly one value.

    A question is asked for the request that is being worked for, and so is what ``then`` does with the answer.
    A question whose actor's process dies is asked again of its successor: handlers must bear with a repetition.
    One to the router goes at once to whom it would be passed on to, while that actor is there.
    """

    def __init__(
        self,
        send: Callable[[Peer, Ask], None],
        settle: Callable[[Then, Any], None] = lambda then, value: then(value),
        clock: Callable[[], float] = time.monotonic,
    ):
        self._send, self._settle, self._clock = send, settle, clock
        self._prefix, self._numbers = token_hex(6), count(1)
        self._pending: dict[str, _Pending] = {}
        self._pools: dict[str, CreditPool[str, Ask]] = {}
        self._seats: dict[str, Peer] = {}
        self.peers = Peers(0, {})

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, key: str) -> bool:
        return key in self._pending

    def ask(self, target: str | ActorAddress, message: Any, then: Then, timeout_s: float) -> None:
        """Ask an actor by name or address; ``then`` gets its answer or RequestFailed, perhaps before this returns."""
        answerer = self._answerer_of(message) if target == self.peers.router else None
        pool = self._pool_of(answerer or target)
        if pool is None:
            known = ", ".join(sorted(self.peers.members))
            self._settle(then, RequestFailed("failed", f'actor "{target}": this node has none, it has {known}'))
            return
        key, deadline = f"{self._prefix}-{next(self._numbers)}", self._clock() + timeout_s
        ask = Ask(key, message, deadline, request_id=current())
        self._offer(_Pending(pool, ask, then, self.peers.router if answerer else ""))

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
        for key, pending in [(k, p) for k, p in self._pending.items() if p.ask.deadline <= now]:
            text = f'actor "{pending.pool}": no answer in time, is it overloaded or away?'
            self._finish(key, RequestFailed("timed-out", text, retry_after_s=1.0))

    def _answerer_of(self, message: Any) -> str | None:
        name = self.peers.answerers.get(type(message).__name__)
        return name if name and self.peers.members.get(name) else None

    def _offer(self, pending: _Pending) -> None:
        try:
            self._pools[pending.pool].offer(pending.ask.id, pending.ask)
        except BacklogFull:
            waiting = self._pools[pending.pool].waiting
            text = f'actor "{pending.pool}": {waiting} questions wait for it already, try again later'
            self._settle(pending.then, RequestFailed("unavailable", text, retry_after_s=1.0))
            return
        self._pending[pending.ask.id] = pending
        self._send_due(pending.pool)

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
        self._seats.update({peer.key: peer for peer in members})
        for key in self._pools[pool].set_members([peer.key for peer in members]):
            text = f'actor "{pool}" died twice of this question'
            self._finish(key, RequestFailed("unavailable", text, retry_after_s=1.0))
        if not members:
            self._hand_to_router(pool)

    def _hand_to_router(self, pool: str) -> None:
        for pending in [p for p in self._pending.values() if p.pool == pool and p.router]:
            if router := self._pool_of(pending.router):
                self._pools[pool].settle(pending.ask.id)
                del self._pending[pending.ask.id]
                self._offer(_Pending(router, pending.ask, pending.then, ""))

    def _send_due(self, pool: str) -> None:
        for member, ask in self._pools[pool].due():
            self._send(self._seats[member], ask)

    def _finish(self, key: str, value: Any) -> None:
        pending = self._pending.pop(key, None)
        if pending is None:
            return
        pool = self._pools[pending.pool]
        pool.settle(key)
        self._send_due(pending.pool)
        if pool.is_idle and pending.pool not in self.peers.members:
            del self._pools[pending.pool]
        with working_for(pending.ask.request_id):
            self._settle(pending.then, value)
