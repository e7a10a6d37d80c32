"""What ``killrweather up`` is: it starts everything in order, watches it, and ends it in order.

Kafka, Cassandra → topics and schema → one node → ready
feed closed → Kafka flushed → stream stopped after its batch → node left → services stopped
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from killrweather.actorsystem.strategy import RestartWindow, SupervisorStrategy
from killrweather.errors import KillrWeatherError, ServiceError
from killrweather.home import Home
from killrweather.logs import log_to_file
from killrweather.processes import PidFile, die_with_parent, end, require_free_port
from killrweather.services import Embedded, Report
from killrweather.settings import Settings

_TICK_S = 0.2
_END_S = 5.0

log = logging.getLogger(__name__)


class Interrupted(KillrWeatherError):
    """A signal came while starting, or a second one later: everything ends at once."""


class Launcher:
    """Owns every process of one state directory on this machine; use it as a context manager.

    Leaving it ends everything that it started, in order, however it is left.
    """

    def __init__(self, settings: Settings, home: Home, node_arguments: Sequence[str]):
        self._settings, self._home, self._arguments = settings, home, list(node_arguments)
        self._lock = FileLock(home.run("up.lock"))
        self._pid_file, self._node_file = PidFile(home.run("up.pid")), PidFile(home.run("node.pid"))
        self._output = home.directory("logs") / "node.out"
        self._embedded = Embedded(settings, home)
        self._node: subprocess.Popen[bytes] | None = None
        self._window = RestartWindow(SupervisorStrategy())
        self._restart_at: float | None = None
        self._restarts = 0
        self._signals = 0
        self._is_starting = False
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> "Launcher":
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            pid = self._pid_file.read().get("pid", "unknown")
            raise ServiceError(
                f"state directory {self._home.path}: a system runs there already (pid {pid});"
                " stop it with: killrweather down, or choose another --home and other ports"
            ) from None
        self._handlers = {n: signal.signal(n, self._on_signal) for n in (signal.SIGTERM, signal.SIGINT)}
        self._pid_file.write(os.getpid())
        log_to_file(self._home.log("up"), self._settings.logging, "up")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stop()
        finally:
            self._pid_file.remove()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]
            self._lock.release()

    @property
    def is_asked_to_stop(self) -> bool:
        """A signal came."""
        return self._signals > 0

    def start(self, report: Report) -> None:
        """Start the embedded services, make sure of topics and schema, start the node.

        Raises ServiceError, ConfigurationError or Unavailable that says what is wrong.
        """
        self._is_starting = True
        leftover = self._node_file.process()
        if leftover:
            end(leftover, 0.0)
        require_free_port(self._settings.http.port, "http.port")
        self._embedded.start(report)
        self._prepare()
        self._start_node()
        self._is_starting = False

    def watch(self) -> None:
        """One look at what runs: what has died is started again, with a growing pause."""
        for event in self._embedded.watch():
            log.warning(event.kind, extra={"service": event.service, "reason": event.detail})
        if self._restart_at is not None:
            if time.monotonic() >= self._restart_at:
                self._restart_at = None
                self._restarts += 1
                self._start_node()
        elif self._node and self._node.poll() is not None:
            self._node_died(self._node.returncode)
        time.sleep(_TICK_S)

    def watch_until(self, is_done: Callable[[], bool]) -> bool:
        """Watch until something is so; False when a signal came first."""
        while not self.is_asked_to_stop:
            if is_done():
                return True
            self.watch()
        return False

    def _prepare(self) -> None:
        from killrweather.storage import schema, session
        from killrweather.streams.topics import ensure_topics

        asyncio.run(ensure_topics(self._settings))
        opened = session.connect(self._settings)
        try:
            schema.apply(opened, self._settings)
        finally:
            session.close(opened)

    def _start_node(self) -> None:
        parent, command = os.getpid(), [sys.executable, "-m", "killrweather", "node", "start"]
        with self._output.open("wb") as output:
            self._node = subprocess.Popen(
                [*command, "--restarts", str(self._restarts), *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for this process alone; it stops the node in its turn
                preexec_fn=lambda: die_with_parent(signal.SIGKILL, parent),
            )
        self._node_file.write(self._node.pid)

    def _node_died(self, code: int) -> None:
        lines = [line for line in self._output.read_text(errors="replace").splitlines() if line.strip()]
        reason = lines[-1] if lines else f"its process ended with code {code}"
        if code == 0:
            log.info("the node has left, as it was asked to")
            self._signals += 1
            return
        if code == 2:
            raise KillrWeatherError(reason)
        delay_s = self._window.next_delay(time.monotonic())
        if delay_s is None:
            raise KillrWeatherError(f"the node ended too often, the last time because: {reason}")
        log.error("node died", extra={"code": code, "reason": reason, "again_in_s": round(delay_s, 2)})
        self._restart_at = time.monotonic() + delay_s

    def _stop(self) -> None:
        try:
            if self._node and self._node.poll() is None:
                self._node.send_signal(signal.SIGTERM)
                while self._node.poll() is None:
                    time.sleep(_TICK_S / 4)
        finally:
            if self._node and self._node.poll() is None:
                end(self._node.pid, 0.0)
            self._node_file.remove()
            self._embedded.stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if self._is_starting:
            self._is_starting = False
            raise Interrupted("interrupted while starting")
        if self._signals > 1:
            raise Interrupted("ended at once by a second signal")


def running_launcher(home: Home) -> int | None:
    """The pid of the launcher that runs in this state directory, or None."""
    process = PidFile(home.run("up.pid")).process()
    return process.pid if process else None


def detach(arguments: Sequence[str], home: Home) -> "subprocess.Popen[bytes]":
    """Start ``killrweather up`` in the background; its output goes to ``logs/up.log``."""
    output: Path = home.log("up")
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "killrweather", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
