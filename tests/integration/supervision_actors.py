"""Actors that misbehave on demand, and a node host with such a child when this file is run."""

import asyncio
import os
import sys
import time
from pathlib import Path

from killrweather.actorsystem.actor import AsyncActor, ManagedActor
from killrweather.actorsystem.children import ChildSpec
from killrweather.actorsystem.host import run
from killrweather.actorsystem.strategy import SupervisorStrategy
from killrweather.actorsystem.supervisor import Supervisor
from killrweather.errors import BadRequest
from killrweather.messages.base import message
from killrweather.messages.control import ActorState, RequestFailed
from killrweather.settings import Node, Settings

ERRORS = {e.__name__: e for e in (ArithmeticError, ValueError, KeyError, OSError)}
PENDING = 2_000


@message
class Add:
    """Add to the total → the total."""

    number: int


@message
class State:
    """→ StateIs."""


@message
class StateIs:
    """An actor's total, and who it is."""

    total: int
    incarnation: int
    pid: int


@message
class Behave:
    """Raise an exception of this name, or hang in an "endless loop"."""

    how: str


@message
class Refuse:
    """Refuse with this text."""

    text: str


@message
class Nap:
    """Sleep in the loop → the process id."""

    seconds: float


@message
class Number:
    """→ the same number."""

    value: int


@message
class Flood:
    """Ask an actor this many numbers → how many came back right, and how many failed."""

    target: str
    count: int


@message
class AskOther:
    """Ask an actor this → its answer."""

    target: str
    message: object


@message
class TellAll:
    """Tell an actor this many numbers."""

    target: str
    count: int


class Subject(ManagedActor):
    """Adds numbers; its configuration is a file to which it writes its name when it stops."""

    def __init__(self):
        self.total = self.handled = 0

    def post_stop(self):
        if isinstance(self.config, str):
            with Path(self.config).open("a") as order:
                order.write(f"{self.name}\n")

    def counters(self):
        return {"handled": self.handled}

    def receiveMsg_Add(self, add, sender):
        self.total += add.number
        return self.total

    def receiveMsg_State(self, state, sender):
        return StateIs(self.total, self.incarnation, os.getpid())

    def receiveMsg_Number(self, number, sender):
        self.handled += 1
        return number.value

    def receiveMsg_Behave(self, behave, sender):
        while behave.how == "endless loop":
            pass
        raise ERRORS[behave.how]("disk full")

    def receiveMsg_Refuse(self, refuse, sender):
        raise BadRequest(refuse.text, "month")


class SlowStarter(Subject):
    """The first of its processes takes as long to start as its configuration says."""

    def pre_start(self):
        if self.incarnation == 1:
            time.sleep(self.config)


class AsyncSubject(AsyncActor):
    """Works in a loop."""

    async def pre_start(self):
        await asyncio.sleep(0)

    async def receiveMsg_Nap(self, nap, sender):
        await asyncio.sleep(nap.seconds)
        return os.getpid()

    def receiveMsg_State(self, state, sender):
        return StateIs(0, self.incarnation, os.getpid())

    async def receiveMsg_Behave(self, behave, sender):
        raise ERRORS[behave.how]("disk full")


class AsyncClient(AsyncActor):
    """Asks by a coroutine what it is told, of whom it is told."""

    async def receiveMsg_AskOther(self, order, sender):
        return await self.request(order.target, order.message, 5.0)


class Client(Subject):
    """Asks others as much as it is told."""

    def receiveMsg_TellAll(self, order, sender):
        for number in range(order.count):
            self.tell(order.target, Number(number))

    def receiveMsg_Flood(self, flood, sender):
        reply, counts = self.defer(), {"answers": 0, "failures": 0}
        numbers = iter(range(flood.count))

        def ask_next():
            number = next(numbers, None)
            if number is not None:
                self.ask(flood.target, Number(number), lambda value: count(number, value), 300.0)

        def count(number, value):
            counts["failures" if isinstance(value, RequestFailed) or value != number else "answers"] += 1
            ask_next()
            if sum(counts.values()) == flood.count:
                reply(counts)

        for _ in range(PENDING):
            ask_next()


@message
class Look:
    """Time to look for the orders that the test gives by files."""


class HostedChild(ManagedActor):
    """Looks for files in its home: ``escalate`` makes it fail, ``slow`` makes it stop slowly."""

    def pre_start(self):
        self.after(0.05, Look())

    def receiveMsg_Look(self, look, sender):
        if (self.home.path / "escalate").exists():
            raise OSError("disk full")
        self.after(0.05, Look())

    def post_stop(self):
        (self.home.path / "child.closing").touch()
        if (self.home.path / "slow").exists():
            time.sleep(60)
        (self.home.path / "child.closed").touch()


class HostedGuardian(Supervisor):
    """Writes its pid, its child's and its restarts when the child runs."""

    def pre_start(self):
        strategy = SupervisorStrategy({"OSError": "escalate"})
        self.start_children([ChildSpec("subject", "supervision_actors.HostedChild", strategy=strategy)])

    def child_changed(self, state: ActorState):
        if state.state == "running":
            path = self.home.path / "guardian.state"
            scratch = path.with_suffix(".new")
            scratch.write_text(f"{os.getpid()} {state.pid} {self.restarts}")
            scratch.replace(path)


if __name__ == "__main__":
    node = Node(name="test", ping_interval_s=0.1, hung_after_s=1.0, start_timeout_s=10.0)
    sys.exit(run(Settings(node=node, guardian="supervision_actors.HostedGuardian"), Path(sys.argv[1])))
