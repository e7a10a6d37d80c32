"""What actors, their supervisors and a node's host say to each other, whatever the node is about."""

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from killrweather.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    FormatError,
    KillrWeatherError,
    StationNotFound,
    Unavailable,
)
from killrweather.messages.base import message

if TYPE_CHECKING:  # a client imports this module, and needs neither
    from thespian.actors import ActorAddress

    from killrweather.settings import DirectiveName, Settings

FailureKind = Literal[
    "bad-argument", "station-not-found", "unavailable", "forbidden", "conflict", "failed", "timed-out"
]
State = Literal["starting", "running", "backoff", "stopping", "stopped"]


@message
class Ask:
    """A question: whoever gets it answers with an ``Answer`` of the same id, exactly once."""

    id: str
    message: Any
    deadline: float
    """``time.monotonic()`` of this machine, which all its processes share; nobody works on a question after it."""
    reply_to: "ActorAddress | None" = None
    """Who asked, when another actor passed the question on; None = the sender."""
    request_id: str | None = None
    """The request that this is asked for; whatever is done for the answer is done for it, see ``request_id``."""


@message
class Answer:
    """The answer to the question with this id; ``value`` is RequestFailed when there is no other."""

    id: str
    value: Any


@message
class RequestFailed:
    """Why a question has no other answer; the text is meant for people."""

    kind: FailureKind
    text: str
    argument: str | None = None
    """The argument of the request that is wrong, with ``bad-argument``."""
    retry_after_s: float | None = None
    """The same request may succeed this much later."""

    @classmethod
    def from_error(cls, error: BaseException) -> "RequestFailed | None":
        """The answer that an error stands for, or None when it is a crash instead."""
        if isinstance(error, BadRequest):
            return cls("bad-argument", str(error), argument=error.argument)
        if isinstance(error, Unavailable):
            return cls("unavailable", str(error), retry_after_s=error.retry_after_s)
        if isinstance(error, FormatError):
            return cls("bad-argument", str(error))
        if isinstance(error, Forbidden):
            return cls("forbidden", str(error))
        kind = getattr(error, "kind", None)
        return cls(kind, str(error)) if isinstance(error, KillrWeatherError) and kind else None

    def to_error(self) -> KillrWeatherError:
        """The error that this answer stands for, for a caller that raises rather than answers."""
        if self.kind == "bad-argument":
            return BadRequest(self.text, self.argument)
        if self.kind == "station-not-found":
            return StationNotFound(self.text)
        if self.kind == "forbidden":
            return Forbidden(self.text)
        if self.kind == "conflict":
            return Conflict(self.text)
        if self.kind in ("unavailable", "timed-out") or self.retry_after_s is not None:
            return Unavailable(self.text, self.retry_after_s or 1.0)
        return KillrWeatherError(self.text)


@message
class Start:
    """Order to a new actor's process: become this actor → Started or Failed."""

    name: str
    actor_class: str
    """Dotted name; only the actor's own process imports it."""
    settings: "Settings"
    home: Path
    config: Any = None
    pool_index: int = 0
    incarnation: int = 1
    restarts: int = 0
    """How often this actor was restarted or made anew before."""


@message
class Started:
    """The actor is ready for its mail."""

    name: str
    pid: int
    incarnation: int
    handles: tuple[str, ...] = ()
    """Names of the message classes that it has handlers for."""
    line: int | None = None
    """The port where its loop takes questions."""


@message
class Failed:
    """A handler raised; the actor keeps its mail and waits for a Directive."""

    name: str
    incarnation: int
    kinds: tuple[str, ...]
    """Names of the exception's classes, the most specific first."""
    text: str
    trace: str
    while_starting: bool = False


@message
class Directive:
    """What becomes of an actor that failed. Anything but the incarnation that failed ignores it."""

    decision: "DirectiveName"
    incarnation: int


@message
class Stop:
    """Finish and end: until ``post_stop`` is over, the actor gets its mail and the answers it waits for."""


@message
class Ping:
    """Say that you are alive → Pong."""


@message
class Pong:
    """An actor is alive: what it says of itself."""

    name: str
    pid: int
    incarnation: int
    mailbox: int
    """Messages that have arrived and are not finished."""
    health: dict[str, Any]
    counters: dict[str, int | float]


@message
class Peer:
    """One living process of an actor."""

    key: str
    """Another for each process: a port, and so an address, may be used again."""
    address: "ActorAddress"
    line: int | None = None
    """The port where its loop takes questions, if it has one."""


@message
class Peers:
    """Where the actors of this node are now, by name; a pool's name has all its members, one that is away has none."""

    version: int
    """Grows; an older table never replaces a newer one."""
    members: dict[str, tuple[Peer, ...]]
    router: str = ""
    """The actor that passes questions on."""
    answerers: dict[str, str] = field(default_factory=dict)
    """To whom the router passes which message now, by the name of its class: it may be asked at once instead."""


@message
class ActorState:
    """How a supervised actor is, not older than a ping interval."""

    name: str
    actor_class: str
    state: State
    pid: int | None
    restarts: int
    last_error: str | None
    mailbox: int
    health: dict[str, Any]
    counters: dict[str, int | float]


@message
class GracefulShutdown:
    """Order: finish what was begun, stop in the right order → TaskCompleted."""


@message
class Shutdown:
    """Order: stop now; nothing is waited for."""


@message
class TaskCompleted:
    """What was ordered is done."""

    task: str


@message
class NodeInitialized:
    """This node's services, schema and stream are there: it answers questions."""

    node: str


@message
class DataFeedStarted:
    """The node's door for data is open."""

    url: str


@message
class OutputStreamInitialized:
    """The stream reads the raw topic and writes the tables."""

    application: str
