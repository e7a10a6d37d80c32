"""An embedded service: one Java process with its files, from launch to end.

Its own log is logs/<name>.log and rolls by itself; what the process prints beside it goes to logs/<name>.out, made
anew at each launch. Its pid file lets the next launcher find and end what an earlier one left behind.
"""

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import ClassVar, Literal

from killrweather.errors import ServiceError
from killrweather.home import Home, require_space
from killrweather.processes import LOOPBACK, PidFile, die_with_parent, end, require_free_port
from killrweather.resources import resource
from killrweather.services.archive import ClassArchive
from killrweather.services.jars import jars_root
from killrweather.services.java import NO_SPAWN_HELPER, Java
from killrweather.services.last_words import advice, last_words
from killrweather.settings import Settings

_LOG_TAIL_BYTES = 1 << 20


@dataclass(frozen=True)
class ServiceStatus:
    """What a service is doing now; an external one is only named."""

    name: str
    state: Literal["running", "starting", "stopped", "external"]
    address: str
    pid: int | None = None
    restarts: int = 0
    memory_bytes: int | None = None
    uptime_s: float | None = None
    problem: str | None = None
    """Why its launcher does not get it to run."""


class Service(ABC):
    """What Kafka and Cassandra have in common: ``launch`` and ``stop``, and ``poll`` in between."""

    name: ClassVar[str]
    least_space: ClassVar[int]
    """Bytes that must be free where its data is: with less it starts badly, or leaves half a file behind."""
    death_signal: ClassVar[signal.Signals] = signal.SIGTERM
    """What the kernel sends it when its launcher dies."""

    def __init__(self, settings: Settings, home: Home):
        self.settings = settings
        self.home = home
        self.pid_file = PidFile(home.path / "run" / f"{self.name}.pid")
        self._process: subprocess.Popen[bytes] | None = None
        self._launched_at = 0.0
        self._log_start = 0

    @property
    @abstractmethod
    def ports(self) -> Mapping[str, int]:
        """Every port it listens on, by the setting's key; the clients' port comes first."""

    @property
    @abstractmethod
    def directory(self) -> Path:
        """Where its data is."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves clients now."""

    @abstractmethod
    def prepare(self, java: Java, jars: Sequence[Path]) -> None:
        """Write its configuration and whatever its first start needs."""

    @abstractmethod
    def arguments(self, jars: Sequence[Path]) -> list[str]:
        """Java's arguments after those that all services share, the main class among them."""

    @property
    def port(self) -> int:
        """The clients' port."""
        return next(iter(self.ports.values()))

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """Its own log."""
        return self.home.log(self.name)

    def launch(self, java: Java, jars: Sequence[Path], restarts: int = 0) -> None:
        """Start the process without waiting for it; what an earlier launcher left running is ended first.

        Call it from a thread that lives as long as this process: the kernel ends the service with that thread.
        """
        self.end_leftover()
        for setting, port in self.ports.items():
            require_free_port(port, setting)
        try:
            self._make_directories()
            self.prepare(java, jars)
            self._log_start = self.log.stat().st_size if self.log.exists() else 0
            with self._output.open("wb") as output:
                self._process = subprocess.Popen(
                    [
                        str(java.executable),
                        *ClassArchive(self.name, java, jars, jars_root(self.home, self.settings)).options(),
                        *self._shared_arguments(jars),
                        *self.arguments(jars),
                    ],
                    cwd=self.directory,
                    # Each thread may keep a malloc arena of its own; two for all spare 50–100 MB.
                    env={**os.environ, "MALLOC_ARENA_MAX": "2"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C in a terminal is for the launcher alone, which stops its services in order.
                    start_new_session=True,
                    preexec_fn=partial(die_with_parent, self.death_signal, parent=os.getpid()),
                )
            self._launched_at = time.monotonic()
            self.pid_file.write(self._process.pid, restarts=restarts)
        except OSError as error:
            raise ServiceError(
                f"{self.name}: {error.filename or self.directory}: {error.strerror}, expected a directory to write to "
                f"with room for its data; correct that or set services.{self.name}.directory"
            ) from error

    def end_leftover(self) -> None:
        """End the process that the pid file names, if it still runs."""
        leftover = self.pid_file.process()
        if leftover:
            end(leftover, self.settings.services.stop_timeout_s)

    def poll(self) -> Literal["ready", "starting"]:
        """Whether the launched process serves clients yet; ServiceError if it died, or takes too long and was ended."""
        if self._process is None or self._process.poll() is not None:
            raise ServiceError(self._cause_of_death())
        if self.answers():
            return "ready"
        limit_s = self.settings.services.start_timeout_s
        if time.monotonic() - self._launched_at > limit_s:
            words = self._last_words()
            self.stop()
            raise ServiceError(
                f"{self.name}: no answer on {self.address} after {limit_s:g} s, expected one within "
                f"services.start_timeout_s; last seen: {words}; more in {self.log}"
            )
        return "starting"

    def died(self) -> str | None:
        """Why the launched process is no longer there, or None if it is."""
        if self._process is None or self._process.poll() is None:
            return None
        return self._cause_of_death()

    def wait(self, seconds: float) -> None:
        """Let time pass, but no longer than the process lives."""
        try:
            if self._process:
                self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def ask_to_stop(self) -> None:
        """Send SIGTERM and don't wait, so that several services stop side by side."""
        process = self.pid_file.process()
        if process:
            process.terminate()

    def stop(self) -> None:
        """End the process, with kill -9 after ``services.stop_timeout_s``, and forget it."""
        self.end_leftover()
        if self._process:
            self._process.wait()
            self._process = None
        self.pid_file.remove()

    def status(self) -> ServiceStatus:
        """What it is doing now, also when another launcher started it."""
        record = self.pid_file.read()
        process = self.pid_file.process()
        if not process:
            return ServiceStatus(self.name, "stopped", self.address, restarts=record.get("restarts", 0))
        return ServiceStatus(
            self.name,
            "running" if self.answers() else "starting",
            self.address,
            pid=process.pid,
            restarts=record.get("restarts", 0),
            memory_bytes=process.memory_info().rss,
            uptime_s=time.time() - process.create_time(),
        )

    def write_configuration(self, template: str, **values: object) -> Path:
        """Fill in a file of ``conf/services/`` and put it beside the pid files; the path of the result."""
        text = Template(resource(f"conf/services/{template}").read_text(encoding="utf-8"))
        path = self.home.run(template)
        path.write_text(text.substitute(values), encoding="utf-8")
        return path

    @property
    def _output(self) -> Path:
        return self.log.with_suffix(".out")

    @property
    def _scratch(self) -> Path:
        return self.directory / "tmp"

    def _make_directories(self) -> None:
        forbidden = [character for character in ',:"\\' if character in str(self.directory)]
        if forbidden:
            raise ServiceError(
                f"services.{self.name}.directory: {self.directory} contains {forbidden[0]!r}, which Java's and "
                f"{self.name}'s own lists of paths can't hold; choose another directory"
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        # A killed JVM leaves the native libraries that it unpacked.
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        require_space(self.name, self.directory, self.least_space, f"services.{self.name}.directory")

    def _shared_arguments(self, jars: Sequence[Path]) -> list[str]:
        return [
            "-XX:+ExitOnOutOfMemoryError",
            NO_SPAWN_HELPER,
            # Its file would lie outside the state directory.
            "-XX:-UsePerfData",
            f"-XX:ErrorFile={self.log.with_suffix('.crash')}",
            f"-Djava.io.tmpdir={self._scratch}",
            f"-Djna.tmpdir={self._scratch}",
            f"-Dkillrweather.log={self.log}",
            "-Djava.awt.headless=true",
            "-cp",
            os.pathsep.join(str(jar) for jar in jars),
        ]

    def _last_words(self) -> str:
        return last_words(_tail(self.log, self._log_start), _tail(self._output, 0))

    def _cause_of_death(self) -> str:
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            return f"{self.name}: ended by signal {-code}; more in {self.log}"
        words = self._last_words()
        return f"{self.name}: ended with code {code}: {words}; {advice(words, self.name)}; more in {self.log}"


def _tail(path: Path, start: int) -> str:
    """What was written to a file since it had ``start`` bytes, or all of it if it was begun anew; at most 1 MiB."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start if start <= size else 0, size - _LOG_TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
