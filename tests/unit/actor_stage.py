"""A stage for one actor without Thespian: what it sends, the children it makes and its timers are lists."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from thespian.actors import ActorAddress, WakeupMessage

from killrweather.actorsystem.cell import ActorCell
from killrweather.messages.control import Answer, Ask, Start
from killrweather.settings import Settings

SUPERVISOR, ASKER, MYSELF = ActorAddress("supervisor"), ActorAddress("asker"), ActorAddress("myself")


@dataclass
class Stage:
    """Stands in for Thespian's actor manager."""

    address: ActorAddress = field(default_factory=lambda: MYSELF)
    sent: list[tuple[ActorAddress, Any]] = field(default_factory=list)
    timers: list[Any] = field(default_factory=list)
    _child_procs: list[Any] = field(default_factory=list)

    def actor_send(self, target: ActorAddress, message: Any) -> None:
        self.sent.append((target, message))

    def wakeupAfter(self, period: Any, payload: Any = None) -> None:
        self.timers.append((period.total_seconds(), payload))

    def createActor(self, actor_class: Any, requirements: Any, name: Any, source_hash: Any = None) -> ActorAddress:
        address = ActorAddress(f"child-{len(self._child_procs)}")
        # the largest pid that Linux can give, plus one, and so on: nobody's
        process = SimpleNamespace(pid=2**22 + 1 + len(self._child_procs))
        self._child_procs.append(SimpleNamespace(childAddr=address, childProc=process))
        return address

    def to(self, target: ActorAddress, kind: type = object) -> list[Any]:
        return [message for address, message in self.sent if address == target and isinstance(message, kind)]

    def answers(self) -> dict[str, Any]:
        return {answer.id: answer.value for answer in self.to(ASKER, Answer)}


def cell_on_stage() -> tuple[ActorCell, Stage]:
    cell, stage = ActorCell(), Stage()
    cell._myRef = stage
    return cell, stage


def start(actor_class: type, home: Path, config: Any = None, settings: Settings | None = None) -> Start:
    name = f"{actor_class.__module__}.{actor_class.__qualname__}"
    return Start("subject", name, settings or Settings(), home, config)


def ask(key: str, message: Any, deadline: float = float("inf")) -> Ask:
    return Ask(key, message, deadline)


def due(stage: Stage, kind: str) -> WakeupMessage:
    """The timer whose message has this class name, as it arrives when it is due."""
    [payload] = [p for _, p in stage.timers if type(getattr(p, "message", p)).__name__ == kind]
    return WakeupMessage(None, payload)
