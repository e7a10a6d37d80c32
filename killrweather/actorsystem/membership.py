"""The cluster of nodes: a group of Kafka consumers that read nothing, and a topic that has what happened among them.

Failure detection, quorum and fencing are the group coordinator's: a node that gives it no sign of life for the session
time-out is out, and the others form the group anew. What each node tells of itself travels as the group protocol's
metadata, what the leader works out of it (``arrangement``) as the assignment: every node has the whole view at once.
The leader, and each node of itself, writes into the topic what has happened; its records carry the broker's time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from aiokafka.errors import KafkaError

from killrweather.actorsystem.agreement import agreed
from killrweather.actorsystem.arrangement import (
    Arrangement,
    Candidate,
    History,
    arrange,
    clock_problem,
    unrecorded,
)
from killrweather.actorsystem.assignor import assignor
from killrweather.actorsystem.event_log import EventLog
from killrweather.actorsystem.group import Group
from killrweather.errors import NodeRefused, Unavailable
from killrweather.messages.cluster import (
    ClusterEvent,
    ClusterView,
    Member,
    MemberJoining,
    MemberLeaving,
    MemberRefused,
    MemberRemoved,
    MemberUp,
    ViewFormed,
)
from killrweather.settings import Settings
from killrweather.streams.topics import away

log = logging.getLogger(__name__)

_LOOK_S = 0.25


@dataclass(frozen=True)
class _Clients:
    log: EventLog
    group: Group


class Membership:
    """This node's part in the cluster.

    ``changed`` is called with every new view, ``happened`` with every event and whether it is news or was there when
    this node came; both in the loop.
    """

    def __init__(
        self,
        settings: Settings,
        me: Member,
        changed: Callable[[ClusterView], None],
        happened: Callable[[ClusterEvent, bool], None],
    ):
        self._settings, self._me, self._changed, self._happened = settings, me, changed, happened
        self._history = History()
        self._arrangement = Arrangement(0, (), {}, {})
        self._led = self._recorded = 0
        self._is_ready = self._is_leaving = False
        self._last_contact = time.monotonic()
        self._arranged = asyncio.Event()
        self._refusal: NodeRefused | None = None
        self._shown: ClusterView | None = None
        self._opened: _Clients | None = None

    @property
    def view(self) -> ClusterView:
        """Who is there: the living by the newest arrangement, their states and the dead by the log."""
        living = []
        for member in self._arrangement.members:
            known = self._history.members.get(member.id)
            living.append(replace(member, state=known.state, since=known.since) if known else member)
        ids = {member.id for member in living}
        dead = [one for id, one in self._history.members.items() if id not in ids and one.state in ("Down", "Leaving")]
        return ClusterView(self._me.id, self._arrangement.epoch, (*living, *dead), self._owners, self._problem)

    @property
    def _owners(self) -> dict[str, str]:
        """By the arrangement; what the others moved after it, this node lost while it was cut off."""
        arranged, moved = self._arrangement.owners, self._history.owners
        return {
            name: owner.id for name, owner in arranged.items() if name not in moved or moved[name].epoch <= owner.epoch
        }

    @property
    def _problem(self) -> str:
        if not self._arrangement.epoch:
            return "this node has not joined the cluster yet"
        if time.monotonic() - self._last_contact > self._settings.session_timeout_s:
            servers = ", ".join(self._settings.kafka_servers)
            limit_s = self._settings.session_timeout_s
            return f"this node is cut off from the cluster: Kafka at {servers} has not answered for {limit_s:g} s"
        return ""

    async def join(self) -> "Membership":
        """Read what has happened, make this node known, and become a member.

        Raises Unavailable when Kafka does not answer, NodeRefused when this node's clock is wrong, and what ``Group``
        does when the brokers do not let this node in.
        """
        events = group = None
        try:
            events = await EventLog.open(self._settings)
            await self._catch_up(events, is_news=False)
            await self._announce(events)
            group = Group(self._settings, assignor(self._settings.node.group, self.candidate, self.lead, self.arranged))
            await group.join()
        except BaseException as error:
            if group is not None:
                await group.leave()
            if events is not None:
                await events.close()
            if isinstance(error, (KafkaError, OSError, asyncio.TimeoutError)):
                raise away(self._settings, error) from error
            raise
        self._opened = _Clients(events, group)
        return self

    async def run(self) -> None:
        """Be a member for as long as this runs.

        Raises NodeRefused when the other nodes do not let this one in, and what ``Group`` does when the brokers do not.
        """
        while True:
            self._arranged.clear()
            try:
                await self._clients.group.show_life()
                await self._catch_up(self._clients.log, is_news=True)
                await self._record()
            except (KafkaError, OSError, asyncio.TimeoutError) as error:
                log.warning("the cluster cannot be seen", extra={"reason": repr(error)})
            if self._refusal:
                raise self._refusal
            self._show()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._arranged.wait(), _LOOK_S)

    def ready(self) -> None:
        """This node takes requests."""
        self._is_ready = True
        self._arranged.set()

    async def leaving(self) -> None:
        """Tell the others that this node shuts down: they send it nothing more. Raises Unavailable."""
        self._is_leaving = True
        await self._tell(MemberLeaving(_now(), self._me.name, self._me.id))

    async def forget(self, member: Member) -> None:
        """Take a member that is down out of the view. Raises Unavailable."""
        await self._tell(MemberRemoved(_now(), member.name, member.id))

    async def close(self) -> None:
        """Leave the group, so that the others know at once."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.group.leave()
            await opened.log.close()

    @property
    def _clients(self) -> _Clients:
        if self._opened is None:
            raise Unavailable("this node has not joined the cluster yet")
        return self._opened

    # -- the log

    async def _tell(self, event: ClusterEvent) -> None:
        try:
            await self._clients.log.write(event)
        except (KafkaError, OSError, asyncio.TimeoutError) as error:
            raise away(self._settings, error) from error

    async def _catch_up(self, events: EventLog, is_news: bool) -> None:
        for event in await events.news():
            after = self._history.after(event)
            if after is not self._history:
                self._history = after
                if not isinstance(event, ViewFormed):
                    self._happened(event, is_news)
        self._last_contact = time.monotonic()

    async def _record(self) -> None:
        """Write what is so and not in the log: of all nodes if this one leads, and of this one."""
        events = self._clients.log
        patience_s = 2 * self._settings.session_timeout_s + self._settings.node.max_clock_skew_s
        if self._led == self._arrangement.epoch and self._led > self._recorded:
            for event in unrecorded(self._history, self._arrangement, _now(), patience_s):
                await events.write(event)
            self._recorded = self._led
        if self._is_leaving or self._me.id not in {member.id for member in self._arrangement.members}:
            return
        mine = self._history.members.get(self._me.id)
        if mine is None:
            await self._announce(events)
        elif self._is_ready and mine.state in ("Joining", "Down"):
            await events.write(MemberUp(_now(), self._me.name, self._me.id))

    async def _announce(self, events: EventLog) -> None:
        """Make this node known; what the broker's clock says then must be what this node's says."""
        me, before_s = self._me, time.time()
        broker_s = await events.write(MemberJoining(_now(), me.name, me.id, me.address, me.roles, me.version))
        limit_s = self._settings.node.max_clock_skew_s
        if problem := clock_problem(me.name, before_s, broker_s, time.time(), limit_s):
            await events.write(MemberRefused(_now(), me.name, me.id, problem))
            raise NodeRefused(problem)

    # -- the group

    def candidate(self) -> Candidate:
        """What this node tells of itself when the group forms anew."""
        current = self._arrangement
        joined = next((one.joined for one in current.members if one.id == self._me.id), 0)
        recorded = {name: moved.epoch for name, moved in self._history.owners.items() if moved.id == self._me.id}
        claims = {name: owner.epoch for name, owner in current.owners.items() if owner.id == self._me.id}
        epoch = max(current.epoch, self._history.epoch)
        member = replace(self._me, joined=joined)
        granted = {name: moved.epoch for name, moved in self._history.owners.items()}
        claims = claims if current.epoch else recorded
        return Candidate(member, agreed(self._settings), current.epoch, epoch, claims, granted)

    def lead(self, candidates: Mapping[str, Candidate | None]) -> Arrangement:
        """Work out who is in, as the leader of the group."""
        made = arrange(one for one in candidates.values() if one is not None)
        self._led = made.epoch
        return made

    def arranged(self, arrangement: Arrangement) -> None:
        """Take in what the leader has worked out."""
        self._last_contact = time.monotonic()
        self._arrangement = arrangement
        if self._me.id in arrangement.refused:
            _, reason = arrangement.refused[self._me.id]
            self._refusal = NodeRefused(f"node {self._me.name} was not let into {self._settings.node.group}: {reason}")
        self._arranged.set()
        self._show()

    def _show(self) -> None:
        view = self.view
        if view != self._shown:
            self._shown = view
            self._changed(view)


def _now() -> datetime:
    """A stand-in until the broker gives an event its time."""
    return datetime.now(timezone.utc)
