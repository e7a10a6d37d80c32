"""The embedded services of one state directory, as far as the configuration names no external ones."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from killrweather.errors import ServiceError
from killrweather.home import Home
from killrweather.processes import PidFile
from killrweather.services.cassandra import EmbeddedCassandra
from killrweather.services.jars import Progress, Report, ensure, silent
from killrweather.services.java import Java, find_java
from killrweather.services.kafka import EmbeddedKafka
from killrweather.services.service import Service, ServiceStatus
from killrweather.settings import Settings

_POLL_S = 0.05
_BACKOFF_S, _BACKOFF_MAX_S = 0.5, 15.0
_STABLE_AFTER_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServiceEvent:
    """Something that ``watch`` saw or did; ``detail`` is for people."""

    service: str
    kind: Literal["died", "restarted", "failed"]
    detail: str


@dataclass
class _Watched:
    """A started service and what its watcher remembers of it."""

    service: Service
    java: Java
    jars: Sequence[Path]
    restarts: int = 0
    backoff_s: float = _BACKOFF_S
    state: Literal["running", "starting", "down"] = "starting"
    since: float = field(default_factory=time.monotonic)

    def enter(self, state: Literal["running", "starting", "down"]) -> None:
        self.state, self.since = state, time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.since


class Embedded:
    """Starts, watches and stops Kafka and Cassandra side by side; ``status`` also works from another process."""

    def __init__(self, settings: Settings, home: Home):
        self.settings = settings
        self.home = home
        # Cassandra takes longer, so it goes first.
        self._services: list[Service] = []
        if settings.embedded_cassandra:
            self._services.append(EmbeddedCassandra(settings, home))
        if settings.embedded_kafka:
            self._services.append(EmbeddedKafka(settings, home))
        self._owner = PidFile(home.path / "run" / "services.pid")
        self._watched: list[_Watched] = []

    def start(self, report: Report = silent) -> None:
        """Return once every service answers; if one can't be had or started, stop them all and raise ServiceError.

        Fetches missing jars first. Call it from a thread that lives as long as this process, the main one by choice:
        the kernel ends the services with the thread that started them.
        """
        if not self._services:
            return
        self._take_ownership()
        try:
            java = find_java(self.settings)
            jars = {service.name: ensure(service.name, self.home, self.settings, report) for service in self._services}
            for service in self._services:
                service.launch(java, jars[service.name])
                self._note(service.name, None)
                self._watched.append(_Watched(service, java, jars[service.name]))
                report(Progress(service.name, f"starting on {service.address}", 0, 1))
            self._wait_until_ready(report)
        except BaseException:
            self.stop()
            raise

    def watch(self) -> list[ServiceEvent]:
        """See whether a service died and restart it; returns at once with what happened since the last call.

        Call it about once a second from the thread that called ``start``. A service that keeps dying is tried again
        after longer and longer pauses, up to 15 s; it is never given up.
        """
        return [event for watched in self._watched for event in self._look_after(watched)]

    def stop(self) -> None:
        """Stop every service that this or an earlier launcher of the same state directory left running."""
        self._watched.clear()
        for service in self._services:
            service.ask_to_stop()
        for service in self._services:
            service.stop()
            self._note(service.name, None)
        self._owner.remove()

    def status(self) -> list[ServiceStatus]:
        """Kafka and Cassandra as they are now, whoever started them."""
        known = {one.name: replace(one.status(), problem=self._noted(one.name)) for one in self._services}
        external = {"kafka": self.settings.kafka_servers, "cassandra": self.settings.cassandra_hosts}
        return [
            known.get(name) or ServiceStatus(name, "external", ", ".join(addresses))
            for name, addresses in external.items()
        ]

    def _note(self, name: str, problem: str | None) -> None:
        """Keep a service's problem for whoever asks how it is, also on a disk that is full."""
        try:
            if problem is None:
                self._problem(name).unlink(missing_ok=True)
            else:
                self.home.directory("run")
                self._problem(name).write_text(problem, encoding="utf-8")
        except OSError as error:
            log.warning("a problem can't be noted", extra={"service": name, "reason": str(error)})

    def _noted(self, name: str) -> str | None:
        return self._problem(name).read_text(encoding="utf-8") if self._problem(name).exists() else None

    def _problem(self, name: str) -> Path:
        return self.home.path / "run" / f"{name}.problem"

    def _take_ownership(self) -> None:
        owner = self._owner.process()
        if owner and owner.pid != os.getpid():
            raise ServiceError(
                f"services of {self.home.path}: already run by pid {owner.pid}, expected no other launcher; "
                "stop that one with `killrweather down`, or choose another directory with --home"
            )
        self.home.directory("run")
        self._owner.write(os.getpid())

    def _wait_until_ready(self, report: Report) -> None:
        while waiting := [watched for watched in self._watched if watched.state == "starting"]:
            for watched in waiting:
                if watched.service.poll() == "ready":
                    watched.enter("running")
                    report(Progress(watched.service.name, f"ready on {watched.service.address}", 1, 1))
            waiting[0].service.wait(_POLL_S)

    def _look_after(self, watched: _Watched) -> list[ServiceEvent]:
        service = watched.service
        if watched.state == "down":
            return self._relaunch(watched) if watched.seconds() >= watched.backoff_s else []
        try:
            if watched.state == "running":
                cause = service.died()
                if cause is None:
                    if watched.seconds() >= _STABLE_AFTER_S:
                        watched.backoff_s = _BACKOFF_S
                    return []
                watched.enter("down")
                self._note(service.name, cause)
                return [ServiceEvent(service.name, "died", cause)]
            if service.poll() == "starting":
                return []
        except ServiceError as error:
            return [self._failed(watched, error)]
        watched.enter("running")
        self._note(service.name, None)
        return [ServiceEvent(service.name, "restarted", f"{service.name}: answers again on {service.address}")]

    def _relaunch(self, watched: _Watched) -> list[ServiceEvent]:
        watched.restarts += 1
        try:
            watched.service.launch(watched.java, watched.jars, watched.restarts)
        except ServiceError as error:
            return [self._failed(watched, error)]
        watched.backoff_s = min(watched.backoff_s * 2, _BACKOFF_MAX_S)
        watched.enter("starting")
        return []

    def _failed(self, watched: _Watched, error: ServiceError) -> ServiceEvent:
        watched.backoff_s = min(watched.backoff_s * 2, _BACKOFF_MAX_S)
        watched.enter("down")
        self._note(watched.service.name, str(error))
        return ServiceEvent(watched.service.name, "failed", str(error))
