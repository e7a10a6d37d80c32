"""What the nodes of a cluster know of each other, and what happens among them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from killrweather.messages.base import message

MemberState = Literal["Joining", "Up", "Leaving", "Down", "Removed"]
Singleton = Literal["stream", "alerts"]

SINGLETONS: tuple[Singleton, ...] = ("stream", "alerts")
"""What exactly one node of the cluster does, each with the role of the same name."""


@message
class NodeIdentity:
    """Which process a node is; a node that is started again has the same name and another id."""

    name: str
    id: str


@message
class Member:
    """One node of the cluster as the others know it."""

    name: str
    id: str
    address: str
    """Where its HTTP door is, for other nodes and clients."""
    roles: tuple[str, ...]
    version: str
    joined: int = 0
    """The number of the view that it first was in; the smallest is the oldest member. 0 = it is in none yet."""
    state: MemberState = "Joining"
    since: datetime | None = None
    """Since when it is in this state, by the broker's clock."""


@message
class GetClusterView:
    """Ask which nodes there are → ClusterView."""


@message
class ClusterView:
    """The cluster as one node sees it; every node sees the same, some milliseconds apart."""

    me: str
    """The id of the node that tells this."""
    epoch: int = 0
    """Grows with every change of who is there; 0 = this node is in no view yet."""
    members: tuple[Member, ...] = ()
    """Oldest first; those that are down after the living."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """The id of the member that owns a singleton."""
    problem: str = "this node has not joined the cluster yet"
    """Why this view may be out of date; empty = it is not."""

    def owner(self, singleton: Singleton) -> Member | None:
        """The member that owns a singleton, None while nobody does."""
        return next((member for member in self.members if member.id == self.owners.get(singleton)), None)

    def owns(self, singleton: Singleton) -> bool:
        """Whether the node that tells this owns a singleton, and knows that it still does."""
        return not self.problem and self.owners.get(singleton) == self.me

    def up(self, role: str) -> tuple[Member, ...]:
        """The members with a role that take requests, oldest first."""
        return tuple(member for member in self.members if member.state == "Up" and role in member.roles)

    def named(self, name: str) -> Member | None:
        """The member of this name."""
        return next((member for member in self.members if member.name == name), None)


@message
class LeaveCluster:
    """Order to a guardian: shut this node down gracefully and stay down → TaskCompleted."""


@message
class ForgetMember:
    """Order: take a member that is down out of the view → TaskCompleted."""

    name: str


@message
class MemberJoining:
    """A node has started and wants to be a member."""

    at: datetime
    node: str
    id: str
    address: str
    roles: tuple[str, ...]
    version: str


@message
class MemberUp:
    """A member takes requests."""

    at: datetime
    node: str
    id: str


@message
class MemberLeaving:
    """A member shuts down in order."""

    at: datetime
    node: str
    id: str


@message
class MemberUnreachable:
    """A member gave no sign of life for ``node.session_timeout_s`` and is down."""

    at: datetime
    node: str
    id: str


@message
class MemberRemoved:
    """A member is gone: it left, or another one has its name now."""

    at: datetime
    node: str
    id: str


@message
class MemberRefused:
    """A node was not let in; the text says why."""

    at: datetime
    node: str
    id: str
    text: str


@message
class SingletonMoved:
    """A singleton has a new owner, or none."""

    at: datetime
    singleton: str
    epoch: int
    """The number of the view that made the owner; a claim of an earlier one is void."""
    node: str | None
    id: str | None
    previous: str | None
    """The name of the member that owned it before."""


@message
class ViewFormed:
    """The living nodes have formed a view with this number; it is told to nobody and keeps the numbers growing."""

    at: datetime
    epoch: int


ClusterEvent = (
    ViewFormed
    | MemberJoining
    | MemberUp
    | MemberLeaving
    | MemberUnreachable
    | MemberRemoved
    | MemberRefused
    | SingletonMoved
)

EVENTS: dict[str, type[ClusterEvent]] = {
    kind.__name__: kind
    for kind in (
        ViewFormed,
        MemberJoining,
        MemberUp,
        MemberLeaving,
        MemberUnreachable,
        MemberRemoved,
        MemberRefused,
        SingletonMoved,
    )
}


@message
class GetClusterEvents:
    """Ask for the newest events → ClusterEvents."""

    limit: int = 100


@message
class ClusterEvents:
    """Events, oldest first."""

    events: tuple[ClusterEvent, ...]


def told(event: ClusterEvent) -> str:
    """An event in a line for people."""
    match event:
        case ViewFormed(epoch=epoch):
            return f"view {epoch} was formed"
        case SingletonMoved(singleton=singleton, node=node, previous=previous):
            moved = f"from {previous} " if previous else ""
            return f"{singleton} moved {moved}to {node or 'nobody'}"
        case MemberJoining(node=node, address=address, roles=roles, version=version):
            return f"{node} is joining: {address}, roles {','.join(roles)}, version {version}"
        case MemberUp(node=node):
            return f"{node} is up"
        case MemberLeaving(node=node):
            return f"{node} is leaving"
        case MemberUnreachable(node=node):
            return f"{node} is unreachable"
        case MemberRemoved(node=node):
            return f"{node} is removed"
        case MemberRefused(node=node, text=text):
            return f"{node} was refused: {text}"


@message
class PastEvent:
    """Something that happened among the nodes."""

    at: str
    """By the Kafka broker's clock, UTC."""
    event: str
    """The kind: MemberUp, MemberUnreachable, MemberRemoved, SingletonMoved …"""
    node: str | None
    singleton: str | None
    text: str
    """The event in words."""

    @classmethod
    def of(cls, event: ClusterEvent) -> "PastEvent":
        """The event as it is told over HTTP."""
        singleton = getattr(event, "singleton", None)
        return cls(event.at.isoformat(), type(event).__name__, getattr(event, "node", None), singleton, told(event))
