"""What a supervisor knows of its children: what they are made from, how each is, which are equal members of a pool."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from thespian.actors import ActorAddress

from killrweather.actorsystem.strategy import RestartWindow, SupervisorStrategy
from killrweather.home import Home
from killrweather.messages.base import message
from killrweather.messages.control import ActorState, Ask, Peer, Pong, Start, Started, State
from killrweather.settings import Settings

ASKED_LIMIT = 256


@message
class ChildSpec:
    """What a supervisor must know to make a child, or a pool of equal ones."""

    name: str
    actor_class: str
    """Dotted name; the supervisor never imports it."""
    config: Any = None
    pool: int = 1
    strategy: SupervisorStrategy = SupervisorStrategy()


@dataclass(eq=False)
class Child:
    """One child: its state, and its process while it has one. Only its supervisor changes it."""

    name: str
    spec: ChildSpec
    pool_index: int
    window: RestartWindow
    state: State = "stopped"
    address: ActorAddress | None = None
    is_reachable: bool = False
    """Its process has started and lives; while it is restarted in place, it keeps its mail itself."""
    line: int | None = None
    pid: int | None = None
    incarnation: int = 0
    process: int = 0
    """How many processes it has had: an address may come again, this does not."""
    last_sign: float = 0.0
    last_error: str | None = None
    killed_for: str | None = None
    pong: Pong | None = None
    asked: deque[Ask] = field(default_factory=lambda: deque(maxlen=ASKED_LIMIT))
    """The questions routed to this process last, most of them answered."""

    def starts_anew(self, now: float) -> None:
        """It gets a new process."""
        self.process, self.pong = self.process + 1, None
        self.starts_in_place(now)

    def starts_in_place(self, now: float) -> None:
        """Its process is to make a new object."""
        self.incarnation += 1
        self.state, self.last_sign = "starting", now

    def has_started(self, started: Started, address: ActorAddress, now: float) -> None:
        """It is ready for its mail."""
        self.address, self.pid, self.line = address, started.pid, started.line
        self.state, self.is_reachable, self.last_sign = "running", True, now

    def has_no_process(self) -> None:
        """Its process is gone."""
        self.address, self.pid, self.is_reachable = None, None, False

    def order(self, settings: Settings, home: Home) -> Start:
        """What its process is told to become."""
        spec, incarnation = self.spec, self.incarnation
        return Start(
            self.name, spec.actor_class, settings, home.path, spec.config, self.pool_index, incarnation, incarnation - 1
        )

    def shown(self) -> ActorState:
        """How it is, for people."""
        pong = self.pong
        return ActorState(
            self.name,
            self.spec.actor_class,
            self.state,
            self.pid,
            max(0, self.incarnation - 1),
            self.last_error,
            pong.mailbox if pong else 0,
            pong.health if pong else {},
            pong.counters if pong else {},
        )


@dataclass(eq=False)
class Pool:
    """The children of one ChildSpec, often just one, and the messages that wait until one of them runs."""

    spec: ChildSpec
    members: list[Child]
    handles: frozenset[str] = frozenset()
    """The messages that they have handlers for, by the names of their classes; known once one has started."""
    queue: deque[Any] = field(default_factory=deque)
    turn: int = 0
    """How many messages were shared out among the members."""

    @classmethod
    def of(cls, spec: ChildSpec) -> "Pool":
        """The children that a spec describes, none of them made yet."""
        names = [spec.name] if spec.pool == 1 else [f"{spec.name}-{n}" for n in range(1, spec.pool + 1)]
        return cls(spec, [Child(name, spec, n, RestartWindow(spec.strategy)) for n, name in enumerate(names)])

    @property
    def is_stopped(self) -> bool:
        """None of them will ever run again."""
        return all(child.state == "stopped" for child in self.members)

    def ready(self) -> list[Child]:
        """Those that run."""
        return [child for child in self.members if child.state == "running"]

    def peers(self) -> tuple[Peer, ...]:
        """Where those are that can be asked."""
        return tuple(Peer(f"{c.name}/{c.process}", c.address, c.line) for c in self.members if c.is_reachable)
