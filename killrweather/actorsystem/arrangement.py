"""Who is a member of the cluster and who owns what: pure functions from what is known to what follows from it.

Two sources say what is so. Kafka's group coordinator says who is alive: with each change its leader works an
``Arrangement`` out of what all living nodes tell of themselves. The log of events says what has happened: whoever
reads it from its beginning knows the same ``History``. ``unrecorded`` is what is so and not yet in the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from killrweather.actorsystem.agreement import DIGEST
from killrweather.messages.cluster import (
    SINGLETONS,
    ClusterEvent,
    Member,
    MemberJoining,
    MemberLeaving,
    MemberRefused,
    MemberRemoved,
    MemberState,
    MemberUnreachable,
    MemberUp,
    SingletonMoved,
    ViewFormed,
)

_NEW = float("inf")


@dataclass(frozen=True)
class Ownership:
    """Who owns a singleton, and since which view."""

    id: str
    epoch: int


@dataclass(frozen=True)
class Candidate:
    """What a living node tells of itself when the group forms anew."""

    member: Member
    agreed: Mapping[str, str]
    """The settings that must be the same on all nodes, by key; secrets as a digest."""
    seen: int = 0
    """The view that it was in last; 0 = none."""
    epoch: int = 0
    """The newest view that it knows of."""
    claims: Mapping[str, int] = field(default_factory=dict)
    """The singletons that it owns, each with the view that made it the owner."""
    granted: Mapping[str, int] = field(default_factory=dict)
    """For each singleton the view that made the newest owner it knows of: an older claim is void."""


@dataclass(frozen=True)
class Arrangement:
    """Who is in, who owns what, and who is not let in and why."""

    epoch: int
    members: tuple[Member, ...]
    owners: Mapping[str, Ownership]
    refused: Mapping[str, tuple[str, str]]
    """The name of a node and the reason, by its id."""


def arrange(candidates: Iterable[Candidate]) -> Arrangement:
    """Let in whoever agrees with the oldest, and give each singleton to its owner, or else to the oldest with its role.

    Age is the number of the view since which a node has been in all, so no clock matters; one that is back from where
    nobody heard it is as young as a new one. An owner keeps what it owns as long as it lives; of two that claim it,
    the later made owner is right.
    """
    given = list(candidates)
    newest = max((one.seen for one in given), default=0)

    def joined(one: Candidate) -> int:
        return one.member.joined if one.seen == newest else 0

    by_age = sorted(given, key=lambda one: (joined(one) or _NEW, one.member.id))
    epoch = 1 + max((one.epoch for one in by_age), default=0)
    accepted: list[Candidate] = []
    refused: dict[str, tuple[str, str]] = {}
    for one in by_age:
        if problem := _disagreement(one, accepted):
            refused[one.member.id] = (one.member.name, problem)
        else:
            accepted.append(one)
    members = tuple(replace(one.member, joined=joined(one) or epoch) for one in accepted)
    owners: dict[str, Ownership] = {}
    for name in SINGLETONS:
        if owner := _owner(name, accepted, epoch):
            owners[name] = owner
    return Arrangement(epoch, members, owners, refused)


def _owner(singleton: str, accepted: Sequence[Candidate], epoch: int) -> Ownership | None:
    able = [one for one in accepted if singleton in one.member.roles]
    granted = max((one.granted.get(singleton, 0) for one in accepted), default=0)
    claims = [Ownership(one.member.id, one.claims[singleton]) for one in able if singleton in one.claims]
    newest = max(claims, key=lambda claim: claim.epoch, default=None)
    if newest and newest.epoch >= granted:
        return newest
    return Ownership(able[0].member.id, epoch) if able else None


def _disagreement(one: Candidate, accepted: Sequence[Candidate]) -> str | None:
    for other in accepted:
        if other.member.name == one.member.name:
            return (
                f"a node named {one.member.name} is a member already, at {other.member.address}; give this one"
                " another node.name (--name)"
            )
    if not accepted:
        return None
    oldest = accepted[0]
    if compatible(one.member.version) != compatible(oldest.member.version):
        return (
            f"version {one.member.version}: {oldest.member.name} has {oldest.member.version}, expected the same first"
            " two numbers; install that version here, or upgrade the others first"
        )
    for key in sorted({*one.agreed, *oldest.agreed}):
        here, there = one.agreed.get(key, "nothing"), oldest.agreed.get(key, "nothing")
        if here != there:
            shown = (
                "is another than"
                if here.startswith(DIGEST) or there.startswith(DIGEST)
                else f"is {here} here and {there} on"
            )
            return f"{key} {shown} {oldest.member.name}: all nodes of a cluster need the same value"
    return None


def compatible(version: str) -> tuple[str, ...]:
    """What of a version must be the same on all nodes: the first two numbers, so that a patch may be rolled out."""
    return tuple(version.split(".")[:2])


def clock_problem(node: str, before_s: float, broker_s: float, after_s: float, limit_s: float) -> str | None:
    """Why a node may not join whose clock differs from the broker's by more than the limit; None if it may.

    All in s, the times since 1970: ``broker_s`` is the broker's between the node's own ``before_s`` and ``after_s``.
    """
    ahead_s = before_s - broker_s if before_s > broker_s else min(0.0, after_s - broker_s)
    if abs(ahead_s) <= limit_s:
        return None
    return (
        f"node {node}: its clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the Kafka broker's,"
        f" expected at most node.max_clock_skew_s = {limit_s:g} s; set the clock (NTP)"
    )


@dataclass(frozen=True)
class History:
    """What the log of events amounts to."""

    members: Mapping[str, Member] = field(default_factory=dict)
    """By id; those that were removed are not there."""
    owners: Mapping[str, SingletonMoved] = field(default_factory=dict)
    epoch: int = 0
    """The newest view."""

    def after(self, event: ClusterEvent) -> "History":
        """The history with one more event; itself, if the event is not news."""
        match event:
            case ViewFormed(epoch=epoch):
                return replace(self, epoch=epoch) if epoch > self.epoch else self
            case MemberJoining(at=at, node=node, id=id, address=address, roles=roles, version=version):
                if id in self.members:
                    return self
                return self._with(Member(node, id, address, roles, version, since=at))
            case MemberUp(at=at, id=id):
                return self._moved(id, "Up", at, ("Joining", "Down"))
            case MemberLeaving(at=at, id=id):
                return self._moved(id, "Leaving", at, ("Joining", "Up", "Down"))
            case MemberUnreachable(at=at, id=id):
                return self._moved(id, "Down", at, ("Joining", "Up", "Leaving"))
            case MemberRemoved(id=id) | MemberRefused(id=id):
                if id not in self.members:
                    return self
                return replace(self, members={key: one for key, one in self.members.items() if key != id})
            case SingletonMoved(singleton=singleton, epoch=epoch):
                if singleton in self.owners and self.owners[singleton].epoch >= epoch:
                    return self
                return replace(self, owners={**self.owners, singleton: event})

    def _with(self, member: Member) -> "History":
        return replace(self, members={**self.members, member.id: member})

    def _moved(self, id: str, to: MemberState, at: datetime, states: tuple[MemberState, ...]) -> "History":
        member = self.members.get(id)
        if member is None or member.state not in states:
            return self
        return self._with(replace(member, state=to, since=at))


def unrecorded(history: History, arrangement: Arrangement, at: datetime, patience_s: float) -> list[ClusterEvent]:
    """The events that the log lacks to say what the arrangement says.

    A node that has made itself known has ``patience_s`` to become a member before it counts as lost.
    """
    living = {member.id for member in arrangement.members}
    names = {member.name for member in arrangement.members}
    events: list[ClusterEvent] = [ViewFormed(at, arrangement.epoch)] if arrangement.epoch > history.epoch else []
    for id, (name, reason) in sorted(arrangement.refused.items()):
        if id in history.members:
            events.append(MemberRefused(at, name, id, reason))
    for id, member in sorted(history.members.items()):
        if id in living or id in arrangement.refused:
            continue
        is_coming = member.state == "Joining" and member.since and (at - member.since).total_seconds() < patience_s
        if is_coming:
            continue
        if member.state in ("Joining", "Up"):
            events.append(MemberUnreachable(at, member.name, id))
        if member.state == "Leaving" or member.name in names:
            events.append(MemberRemoved(at, member.name, id))
    known = {member.id: member.name for member in (*history.members.values(), *arrangement.members)}
    for singleton in SINGLETONS:
        owner, recorded = arrangement.owners.get(singleton), history.owners.get(singleton)
        previous = recorded.node if recorded else None
        if owner and (recorded is None or (recorded.id, recorded.epoch) != (owner.id, owner.epoch)):
            events.append(SingletonMoved(at, singleton, owner.epoch, known[owner.id], owner.id, previous))
        elif owner is None and recorded and recorded.id is not None:
            events.append(SingletonMoved(at, singleton, arrangement.epoch, None, None, previous))
    return events
