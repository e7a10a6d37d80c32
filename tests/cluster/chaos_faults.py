"""The faults of one system on one machine: what can be killed, frozen or taken away, and how it is found again."""

import errno
import json
import logging
import random
import signal
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import psutil
from chaos_load import Load
from whole_system import WholeSystem

Kind = Literal["kill -9", "SIGSTOP", "away", "no file to open", "full disk", "clock 1 h ahead", "burst"]

MARK = "KW_CHAOS_RUN"
"""The environment variable that every process of a run inherits, and so is known by, whoever its parent is now."""

SERVICES = ("kafka", "cassandra")
"""What the node needs and does not run itself."""

_MAIN_CLASSES = {"kafka.Kafka": "kafka", "CassandraDaemon": "cassandra"}
log = logging.getLogger(__name__)

_JOB = "killrweather.jobs.stream"
DISKS = {"kafka": 300, "cassandra": 900, "spark": 60}
"""Directories below the state directory that may be disks of their own, with their size in MB."""

_WITH_MANY_FILES = ("http-feed", "kafka-publisher-1", "spark-jvm", *SERVICES)
_BLOCK = bytes(1 << 16)
_ANCHORS = ("http-feed", "membership")
"""Actors of every node: their parent is the guardian."""


@dataclass(frozen=True)
class Fault:
    """What is done to whom; what lasts for some ``seconds`` is undone then."""

    kind: Kind
    victim: str
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """As it is called in the table."""
        return f"{self.kind} {self.victim}"


class Processes:
    """Every process of a system, now: by what it does, and by the mark that it inherited."""

    def __init__(self, system: WholeSystem, mark: str):
        self._system, self._mark = system, mark

    def find(self) -> dict[str, psutil.Process]:
        """What runs, by name; what has just died is not among it."""
        try:
            launcher = psutil.Process(json.loads((self._system.home / "run" / "up.pid").read_text())["pid"])
            below = launcher.children(recursive=True)
        except (psutil.NoSuchProcess, OSError, ValueError):
            return {}
        found = {"launcher": launcher}
        for process in below:
            if name := _name(process, launcher.pid):
                found[name] = process
        for actor in self._actors():
            if actor["pid"] and psutil.pid_exists(actor["pid"]):
                found[actor["name"]] = psutil.Process(actor["pid"])
        guardian = next((one for actor in _ANCHORS if actor in found and (one := _parent(found[actor]))), None)
        if guardian:
            found["guardian"] = guardian
        if guardian and (admin := _parent(guardian)):
            found["admin"] = admin
        return found

    def marked(self) -> list[psutil.Process]:
        """Every process of this run, orphans too."""
        return [process for process in psutil.process_iter() if _has_mark(process, self._mark)]

    def memory_mb(self) -> float:
        """What all actors together hold; the JVMs have limits of their own."""
        sizes = []
        for name, process in self.find().items():
            if name not in (*SERVICES, "spark-jvm"):
                unless_gone(process, lambda one=process: sizes.append(one.memory_info().rss))
        return sum(sizes) / 1e6

    def orphans(self) -> list[str]:
        """Processes of this run that the launcher is no forebear of, in words."""
        launcher = self.find().get("launcher")
        family = {launcher.pid, *(child.pid for child in launcher.children(recursive=True))} if launcher else set()
        return [described(process) for process in self.marked() if process.pid not in family]

    def status(self) -> dict[str, Any] | None:
        """What the node says of itself, None while it does not."""
        try:
            answer = httpx.get(f"{self._system.url}/status", timeout=5)
            return answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None

    def _actors(self) -> Iterable[dict[str, Any]]:
        status = self.status()
        return status["node"]["actors"] if status else ()


def faults(random_: random.Random, actors: Iterable[str], disks: Iterable[str]) -> list[Fault]:
    """One of each fault, in random order."""
    names = list(actors)
    everything = [
        *(Fault("kill -9", name) for name in names),
        *(Fault("SIGSTOP", name) for name in names),
        *(Fault("kill -9", name) for name in ("spark", "spark-jvm", "guardian", "admin", "host", "launcher")),
        *(Fault("SIGSTOP", name) for name in ("spark", "spark-jvm", "guardian")),
        *(Fault("kill -9", name) for name in SERVICES),
        *(Fault("away", name, random_.uniform(2.0, 15.0)) for name in SERVICES),
        *(Fault("no file to open", name, random_.uniform(5.0, 15.0)) for name in _WITH_MANY_FILES),
        *(Fault("full disk", name, random_.uniform(10.0, 20.0)) for name in disks),
        Fault("clock 1 h ahead", "host", random_.uniform(10.0, 20.0)),
        Fault("burst", "http-feed", 60.0),
    ]
    random_.shuffle(everything)
    return everything


def inject(fault: Fault, victim: psutil.Process, places: "Places", load: Load) -> Callable[[], None]:
    """Do it; the result undoes it, as far as there is something to undo."""
    match fault.kind:
        case "kill -9":
            victim.kill()
        case "SIGSTOP" | "away":
            victim.send_signal(signal.SIGSTOP)
            if fault.kind == "away":
                return lambda: victim.send_signal(signal.SIGCONT)
        case "no file to open":
            before = victim.rlimit(psutil.RLIMIT_NOFILE)
            victim.rlimit(psutil.RLIMIT_NOFILE, (victim.num_fds(), before[1]))
            return lambda: unless_gone(victim, lambda: victim.rlimit(psutil.RLIMIT_NOFILE, before))
        case "full disk":
            return places.fill(fault.victim)
        case "clock 1 h ahead":
            places.set_clock(3600.0)
            return lambda: places.set_clock(0.0)
        case "burst":
            return load.burst()
    return lambda: None


@dataclass(frozen=True)
class Places:
    """Files by which faults are done: a system's directories, if they are small disks, and the offset of its clock."""

    home: Path

    @property
    def clock(self) -> Path:
        """Has the seconds by which the system's clock is ahead, as a double; see clock/sitecustomize.py."""
        return self.home / "clock"

    def set_clock(self, ahead_s: float) -> None:
        """Step the clock of every Python process of the system, while it runs."""
        self.clock.touch()
        with self.clock.open("r+b") as file:
            file.write(struct.pack("d", ahead_s))

    @property
    def disks(self) -> list[str]:
        """Whose data is on a disk of its own: only those are filled."""
        return [name for name in DISKS if (self.home / name).is_mount()]

    def fill(self, name: str) -> Callable[[], None]:
        """Take all the space that is left; the result gives it back."""
        ballast = self.home / name / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(_BLOCK):
                    continue
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        return ballast.unlink


def described(process: psutil.Process) -> str:
    """A process for people."""
    try:
        return f"pid {process.pid}: {' '.join(process.cmdline())[:160]}"
    except psutil.Error as error:
        return f"pid {process.pid}: {error}"


def _name(process: psutil.Process, launcher: int) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        line = " ".join(process.cmdline())
        for part, name in _MAIN_CLASSES.items():
            if part in line:
                return name
        if "PythonGatewayServer" in line:
            parent = process.parent()
            return "spark-jvm" if parent and _JOB in " ".join(parent.cmdline()) else None
        if _JOB in line:
            return "spark"
        return "host" if "node start" in line and process.ppid() == launcher else None
    except psutil.Error:
        return None


def _parent(process: psutil.Process) -> psutil.Process | None:
    try:
        return process.parent()
    except psutil.Error:
        return None


def _has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def unless_gone(process: psutil.Process, action: Callable[[], object]) -> None:
    """Do something to a process; one that has just ended needs it no more."""
    try:
        action()
    except psutil.NoSuchProcess:
        log.info("process %s is gone", process.pid)
