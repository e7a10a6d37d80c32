"""A run of faults against a whole system under load, from ``up`` to the comparison of every table."""

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import psutil
import yaml
from chaos_faults import MARK, SERVICES, Fault, Places, Processes, described, faults, inject, unless_gone
from chaos_load import Load
from chaos_truth import Comparison, compare
from whole_system import WholeSystem

from killrweather.actorsystem.testkit import eventually
from killrweather.configuration import load_configuration
from killrweather.processes import is_port_free

PATIENCE_S = 420.0
"""s after which a system that is not running again counts as one that does not come back by itself."""

ACTORS_S, STREAM_S = 5.0, 10.0
"""s until an actor is to run again, and a node with its stream."""

_WITH_STREAM = {"kafka-streaming", "spark", "spark-jvm", "guardian", "admin", "host"}
_WITHOUT_LIMIT = {"launcher", *SERVICES}
_CLOCK = Path(__file__).parent / "clock"
_POLL_S = 0.1
_LONGEST_PAUSE_S = 6.0
_BOUND_MB = 600.0
"""By which all actors together may grow in a burst: bodies on their way, each of which may have to wait for Kafka."""


T = TypeVar("T")


def soon(check: Callable[[], T], within_s: float = PATIENCE_S) -> T:
    """``eventually`` at a pace that leaves the cores to what is waited for."""

    def look() -> T:
        time.sleep(_POLL_S)
        return check()

    return eventually(look, within_s)


@dataclass
class ChaosSystem(WholeSystem):
    """A whole system whose processes all carry a mark."""

    mark: str = field(default_factory=lambda: token_hex(8))

    @classmethod
    def prepare(cls, home: Path) -> "ChaosSystem":
        """Settings as a user has them; only a slow machine gets more time to start."""
        made = cls.configure(home, node={"name": "chaos", "start_timeout_s": PATIENCE_S})
        settings = yaml.safe_load(made.config.read_text())
        settings["services"]["start_timeout_s"] = PATIENCE_S
        made.config.write_text(yaml.safe_dump(settings))
        return made

    @property
    def environment(self) -> dict[str, str]:
        patched = os.pathsep.join([str(_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])])
        clock = str(Places(self.home).clock)
        return {**super().environment, MARK: self.mark, "PYTHONPATH": patched, "KW_CHAOS_CLOCK": clock}

    def up(self) -> None:
        """Start it; on a machine that does too much else at once it may take a second try."""
        done = self.run("up", "--detach", timeout_s=2 * PATIENCE_S, check=False)
        if done.returncode:
            self.run("up", "--detach", timeout_s=2 * PATIENCE_S)


@dataclass
class Recovery:
    """What became of one fault; seconds since it happened, or since what was away is back, or since the next ``up``."""

    fault: Fault
    load_average: float
    running_s: float | None = None
    """Until the victim's successor runs, the node is ready, and it has accepted a row if a service was the victim."""
    stored_s: float | None = None
    """Until a row that was sent after the fault is stored with its day."""
    limit_s: float | None = None
    said: list[str] = field(default_factory=list)
    """What ``/status`` named as missing, in the order in which it did."""
    orphans: list[str] = field(default_factory=list)
    grown_mb: float = 0.0
    """By how much the actors' memory grew while it lasted."""

    @property
    def is_over(self) -> bool:
        """Everything runs again."""
        return self.running_s is not None and self.stored_s is not None

    @property
    def is_in_time(self) -> bool | None:
        """Whether it ran again within the limit, None where there is none."""
        if self.limit_s is None:
            return None
        return self.running_s is not None and self.running_s <= self.limit_s


@dataclass
class Outcome:
    """What a run has found."""

    seed: int
    seconds: float
    load_average: float
    """Mean of the one-minute averages at each fault."""
    recoveries: list[Recovery]
    bodies: int
    answers: dict[str, int]
    unclear: list[str]
    counters: dict[str, Any]
    comparison: Comparison
    left: list[str]
    """Processes and ports that were not given back at the end, or not while it ran."""

    @property
    def problems(self) -> list[str]:
        """Why this run has failed; empty = everything held, whatever time it took."""
        found = [f"{self.comparison.lost} rows lost"] if self.comparison.lost else []
        found += [f"{self.comparison.wrong} rows wrong"] if self.comparison.wrong else []
        found += self.comparison.examples
        found += [f"{one.fault.name}: did not come back in {PATIENCE_S:g} s" for one in self.late]
        found += [
            f"{one.fault.name}: {one.grown_mb:.0f} MB more" for one in self.recoveries if one.grown_mb > _BOUND_MB
        ]
        found += [f"left over: {one}" for one in self.left]
        found += [f"unclear answer: {one}" for one in self.unclear[:5]]
        stored = self.counters["stored"]
        if stored != self.comparison.hours:
            found.append(f"status counts {stored} stored rows, expected {self.comparison.hours}")
        return found

    @property
    def late(self) -> list[Recovery]:
        """Faults that the system did not get over by itself."""
        return [one for one in self.recoveries if not one.is_over]


class Run:
    """One system, one load, one fault after the other."""

    def __init__(self, home: Path, seed: int, tell: Callable[[str], None] = lambda text: None):
        self.system = ChaosSystem.prepare(home)
        self.settings = load_configuration([self.system.config]).settings
        self.load = Load([self.system.url], seed)
        self._seed, self._random, self._tell = seed, random.Random(f"{seed}"), tell
        self._processes, self._places = Processes(self.system, self.system.mark), Places(home)
        self._places.set_clock(0.0)
        self._recoveries: list[Recovery] = []
        self._left: list[str] = []

    def __enter__(self) -> "Run":
        self._began = time.monotonic()
        self.system.up()
        self.load.start()
        soon(lambda: self.load.bodies)
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever is left; the launcher first, because it starts again what ends below it."""
        if launcher := self._processes.find().get("launcher"):
            launcher.kill()
        while left := self._processes.marked():
            for process in left:
                unless_gone(process, process.kill)
            psutil.wait_procs(left, timeout=_POLL_S)

    def go(self, number: int, minutes: float | None = None, chosen: Sequence[Fault] = ()) -> Outcome:
        """So many faults, or as many as there are in some minutes; then the end."""
        deadline = time.monotonic() + 60 * minutes if minutes else float("inf")
        left = list(chosen)
        while len(self._recoveries) < number and time.monotonic() < deadline:
            left = left or self.all_faults()
            self.suffer(left.pop(0))
            time.sleep(self._random.uniform(0.5, _LONGEST_PAUSE_S))
        return self._end()

    def suffer(self, fault: Fault) -> Recovery:
        """Let a fault happen, and wait until it is got over."""
        victim = soon(lambda: self._processes.find().get(fault.victim))
        recovery = Recovery(fault, psutil.getloadavg()[0], limit_s=self._limit(fault))
        self._recoveries.append(recovery)
        began = time.monotonic()
        before_mb = self._processes.memory_mb() if fault.kind == "burst" else 0.0
        undo = inject(fault, victim, self._places, self.load)
        if fault.victim == "launcher":
            began = self._up_again()
        elif fault.seconds:
            while time.monotonic() < began + fault.seconds:
                self._hear(recovery, self._processes.status())
                if fault.kind == "burst":
                    recovery.grown_mb = max(recovery.grown_mb, self._processes.memory_mb() - before_mb)
                time.sleep(_POLL_S)
            undo()
            began = time.monotonic()
        self._await(recovery, victim, began)
        self._tell(_told(len(self._recoveries), recovery))
        self.load.require_health()
        return recovery

    def all_faults(self, only: Sequence[str] = ()) -> list[Fault]:
        """Every fault once, or those of these kinds and names, in random order."""
        status = soon(self._processes.status)
        actors = [actor["name"] for actor in status["node"]["actors"]]
        found = faults(self._random, actors, self._places.disks)
        chosen = [fault for fault in found if not only or {fault.kind, fault.name} & set(only)]
        assert chosen, f"{only}: expected some of {sorted(fault.name for fault in found)}"
        return chosen

    def _limit(self, fault: Fault) -> float | None:
        if fault.victim in _WITHOUT_LIMIT or fault.seconds:
            return None
        hung_s = self.settings.node.hung_after_s if fault.kind == "SIGSTOP" else 0.0
        return hung_s + (STREAM_S if fault.victim in _WITH_STREAM else ACTORS_S)

    def _up_again(self) -> float:
        """Nobody is above the launcher: see that nothing is left of it, and start it again."""
        self._left += self._await_end("killed launcher")
        began = time.monotonic()
        self.system.up()
        return began

    def _await(self, recovery: Recovery, victim: psutil.Process, began: float) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not recovery.is_over and time.monotonic() < deadline:
            is_replaced = recovery.running_s is None and self._is_replaced(recovery.fault, victim, began)
            status = self._processes.status()  # after the look at the processes: it must know of their death
            self._hear(recovery, status)
            now = time.monotonic() - began
            if is_replaced and status and status["node"]["ready"]:
                recovery.running_s = now
            if status and recovery.stored_s is None and self._is_stored(status, began):
                recovery.stored_s = now
            time.sleep(_POLL_S)
        orphans: list[str] = []
        while orphans := self._processes.orphans():
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        recovery.orphans = orphans

    def _hear(self, recovery: Recovery, status: dict[str, Any] | None) -> None:
        for check in status["node"]["checks"] if status else ():
            if not check["ok"] and check["text"] not in recovery.said:
                recovery.said.append(check["text"])

    def _is_replaced(self, fault: Fault, victim: psutil.Process, began: float) -> bool:
        if fault.victim in SERVICES and not self.load.acknowledged_after(began):
            return False
        successor = self._processes.find().get(fault.victim)
        return successor is not None and (fault.seconds > 0 or successor != victim)

    def _is_stored(self, status: dict[str, Any], began: float) -> bool:
        sent, stream = self.load.acknowledged_after(began), status["stream"]
        return bool(sent and stream) and _covers(stream["stored"], sent.next_offsets)

    def _end(self) -> Outcome:
        """Stop sending, wait until all is stored, compare, and take the system down."""
        self._tell("waiting until everything is stored")
        self.load.stop()
        ends = self.load.next_offsets

        def is_stored() -> bool:
            status = self._processes.status()
            assert status, "the node does not answer"
            assert status["stream"], status["problem"]
            assert _covers(status["stream"]["stored"], ends), f"stored {status['stream']['stored']}, expected {ends}"
            return True

        soon(is_stored, 2 * PATIENCE_S)
        self._tell("comparing every table")
        comparison = compare(self.settings, self.load.truth())
        counters = soon(lambda: self._counters_at_rest(comparison.hours))
        self.system.run("down", timeout_s=PATIENCE_S)
        self._left += self._await_end("down")
        self._left += [text for one in self._recoveries for text in one.orphans]
        load = sum(one.load_average for one in self._recoveries) / max(1, len(self._recoveries))
        return Outcome(
            self._seed, time.monotonic() - self._began, load, self._recoveries, self.load.bodies,
            self.load.answers, self.load.unclear, counters, comparison, self._left,
        )  # fmt: skip

    def _counters_at_rest(self, hours: int) -> dict[str, Any]:
        """The counters, once all that was accepted is counted at its end; whether they are right is for the outcome."""
        status = self._processes.status()
        assert status, "the node does not answer"
        found: dict[str, Any] = status["node"]["counters"]
        ends = [found[name] for name in ("stored", "repeated", "rejected_by_stream")]
        assert None not in ends, found
        assert found["in_kafka"] == found["accepted"] == sum(ends), found
        return found

    def _await_end(self, what: str) -> list[str]:
        """Wait until no process and no port is held; what still is, in words."""
        deadline = time.monotonic() + PATIENCE_S / 4
        while True:
            left = [f"after {what}: {described(one)}" for one in self._processes.marked()]
            left += [f"after {what}: port {port}" for port in self.system.ports if not is_port_free(port)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(_POLL_S)


def _covers(stored: dict[str, int], offsets: dict[int, int]) -> bool:
    return all(stored.get(str(partition), 0) >= offset for partition, offset in offsets.items())


def _told(number: int, recovery: Recovery) -> str:
    running, stored = (
        "never" if seconds is None else f"{seconds:.1f} s" for seconds in (recovery.running_s, recovery.stored_s)
    )
    away = f" for {recovery.fault.seconds:.0f} s" if recovery.fault.seconds else ""
    grown = f", the actors' memory grew by {recovery.grown_mb:.0f} MB" if recovery.fault.kind == "burst" else ""
    late = "" if recovery.is_in_time is not False else f" (later than {recovery.limit_s:g} s)"
    return (
        f"{number}. {recovery.fault.name}{away}: running again after {running}{late}, "
        f"new rows stored after {stored}; load average {recovery.load_average:.1f}, {os.cpu_count()} cores{grown}"
        + "".join(f"\n      {text}" for text in recovery.said)
    )
