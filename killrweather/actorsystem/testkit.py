"""Actors under test: a real actor system with a guardian that does as it is told, a probe, and a patient assertion."""

import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from types import TracebackType
from typing import Any, TypeVar

from thespian.actors import ActorAddress

from killrweather.actorsystem.actor import ManagedActor
from killrweather.actorsystem.children import ChildSpec
from killrweather.actorsystem.supervisor import Supervisor
from killrweather.actorsystem.system import NodeSystem
from killrweather.home import Home
from killrweather.messages.base import message
from killrweather.messages.control import ActorState, Answer, Ask, Start, Started
from killrweather.settings import Settings

T = TypeVar("T")
_PAUSE_S = 0.01


def eventually(check: Callable[[], T], within_s: float = 10.0) -> T:
    """Call until the result is truthy or the call no longer fails an assertion; else say what it last saw."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            seen = check()
            if seen:
                return seen
        except AssertionError as error:
            seen = error  # type: ignore[assignment]
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s; last seen: {seen!r}")
        time.sleep(_PAUSE_S)


@message
class To:
    """Pass a message to a child → what the child answers."""

    name: str
    message: Any


@message
class Tell:
    """Send a message to a child that nobody answers."""

    name: str
    message: Any


@message
class Look:
    """Say how the children are → a tuple of ActorState."""


@message
class Mail:
    """Ask a probe what it has received, oldest first, and forget it."""


class KitGuardian(Supervisor):
    """A guardian whose children are its configuration."""

    def pre_start(self) -> None:
        """Make the children."""
        self.start_children(self.config)

    def receiveMsg_To(self, to: To, sender: ActorAddress) -> Any:
        """Route the message."""
        return self.route(to.name, to.message)

    def receiveMsg_Tell(self, tell: Tell, sender: ActorAddress) -> None:
        """Send the message."""
        self.tell(tell.name, tell.message)

    def receiveMsg_Look(self, look: Look, sender: ActorAddress) -> tuple[ActorState, ...]:
        """Answer with the view of the children."""
        return tuple(self.children())


class ProbeActor(ManagedActor):
    """Keeps what it receives until it is asked for its Mail."""

    def __init__(self) -> None:
        self._received: list[Any] = []

    def receiveMsg_Mail(self, mail: Mail, sender: ActorAddress) -> tuple[Any, ...]:
        """Hand over what has come."""
        received, self._received = tuple(self._received), []
        return received

    def receiveMsg_object(self, message: Any, sender: ActorAddress) -> None:
        """Keep everything else."""
        self._received.append(message)


class ActorKit:
    """A running actor system with the given children: ``with ActorKit(home, settings, specs) as kit: kit.ask(…)``."""

    def __init__(self, home: Home, settings: Settings, children: Sequence[ChildSpec], also_allowed: Sequence[str] = ()):
        self.system = NodeSystem(home, also_allowed)
        self.mail: list[Any] = []
        """What was sent to the test and is no answer, for example Failed."""
        self.guardian = self.system.create_cell()
        name = f"{KitGuardian.__module__}.{KitGuardian.__qualname__}"
        self.system.tell(self.guardian, Start("guardian", name, settings, home.path, tuple(children)))
        self._answers: dict[str, Any] = {}
        eventually(self._is_started)

    def __enter__(self) -> "ActorKit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.system.kill()

    def send(self, name: str, message: Any, timeout_s: float = 10.0) -> str:
        """Ask a child without waiting; returns the id to wait with."""
        return self.send_guardian(To(name, message), timeout_s)

    def wait(self, key: str, timeout_s: float = 10.0) -> Any:
        """Wait for the answer to an id."""
        deadline = time.monotonic() + timeout_s
        while key not in self._answers:
            if time.monotonic() > deadline:
                raise AssertionError(f"no answer to {key} in {timeout_s:g} s; other mail: {self.mail[-3:]!r}")
            self.receive()
        return self._answers.pop(key)

    def ask(self, name: str, message: Any, timeout_s: float = 10.0) -> Any:
        """Ask a child and wait for its answer."""
        return self.wait(self.send(name, message, timeout_s), timeout_s)

    def tell(self, name: str, message: Any) -> None:
        """Send a child a message."""
        self.system.tell(self.guardian, Tell(name, message))
        self.receive(0.0)

    def children(self) -> dict[str, ActorState]:
        """How the children are."""
        return {state.name: state for state in self.wait(self.send_guardian(Look()))}

    def running(self, name: str) -> ActorState:
        """A child's state once it runs."""
        eventually(lambda: self.children()[name].state == "running")
        return self.children()[name]

    def _is_started(self) -> bool:
        self.receive()
        return any(isinstance(message, Started) for message in self.mail)

    def send_guardian(self, message: Any, timeout_s: float = 10.0) -> str:
        """Ask the guardian itself without waiting; returns the id to wait with."""
        key = token_hex(8)
        self.system.tell(self.guardian, Ask(key, message, time.monotonic() + timeout_s))
        return key

    def receive(self, timeout_s: float = 0.05) -> None:
        """Take what was sent to the test, if anything was: an answer, or a message for ``mail``."""
        received = self.system.listen(timeout_s)
        if isinstance(received, Answer):
            self._answers[received.id] = received.value
        elif received is not None:
            self.mail.append(received)
