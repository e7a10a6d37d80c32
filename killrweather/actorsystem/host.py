"""The process that owns a node's actor system: it makes the guardian, watches it, and ends everything in the end.

It has one thread, because the Admin is forked from it and the guardian from the Admin.
"""

import logging
import signal
import socket
import sys
import time
from pathlib import Path
from secrets import token_hex
from types import FrameType
from typing import Any

from thespian.actors import ActorAddress, ActorExitRequest, ActorSystemException

from killrweather.actorsystem.strategy import RestartWindow, SupervisorStrategy
from killrweather.actorsystem.system import NodeSystem
from killrweather.errors import Escalated
from killrweather.home import Home
from killrweather.logs import log_to_file
from killrweather.messages.cluster import LeaveCluster
from killrweather.messages.control import Answer, Ask, Failed, GracefulShutdown, Ping, Pong, Start, Started
from killrweather.processes import running
from killrweather.settings import Settings
from killrweather.waking_clock import WakingClock

GUARDIAN = "guardian"
_TICK_S = 0.1
_DISMISS_TIMEOUT_S = 3.0
_ESCALATED = f"{Escalated.__module__}.{Escalated.__qualname__}"
_log = logging.getLogger(__name__)


class _EndAtOnce(BaseException):
    """A second signal came."""


class _Ended(Exception):
    """The node cannot go on; the text says why."""


def run(settings: Settings, home: Home | Path, config: Any = None, restarts: int = 0) -> int:
    """Run a node until SIGTERM or SIGINT; 0 when it shut down gracefully, 1 when it failed or was ended at once.

    ``config`` is handed to the guardian; ``restarts`` is how often this node was started again before. The first
    signal asks for a graceful shutdown, a second one ends at once.
    """
    home = home if isinstance(home, Home) else Home(home)
    log_to_file(home.log("node"), settings.logging, "host")
    host = _Host(settings, home, config, restarts)
    before = {number: signal.signal(number, host.on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        host.run()
    except _Ended as reason:
        _log.error("node ended", extra={"reason": reason})
        print(f"node {host.node}: {reason}", file=sys.stderr)
        return 1
    except _EndAtOnce:
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        host.kill()
    return 0


class _Host:
    def __init__(self, settings: Settings, home: Home, config: Any, restarts: int = 0):
        self.node = settings.node.name or socket.gethostname()
        self._settings, self._home, self._config, self._restarts = settings, home, config, restarts
        self._window = RestartWindow(SupervisorStrategy())
        self._system = NodeSystem(home)
        self._guardian: ActorAddress | None = None
        self._pid: int | None = None
        self._incarnation = 0
        self._awake = WakingClock(settings.node.hung_after_s)
        self._last_sign = self._last_ping = 0.0
        self._restart_at: float | None = 0.0
        self._signals = 0
        self._shutdown: Ask | None = None
        self._is_stopped = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal; the second one ends the node."""
        self._signals += 1
        if self._signals > 1:
            raise _EndAtOnce

    def kill(self) -> None:
        """End every process of the system."""
        self._system.kill()

    def run(self) -> None:
        """Keep the guardian running until a signal, then shut down."""
        while not self._is_shut_down():
            if self._restart_at is not None and time.monotonic() >= self._restart_at:
                self._restart_at = None
                self._start()
            if self._restart_at is None:
                self._handle(self._system.listen(_TICK_S))
                self._look_after()
            else:
                time.sleep(_TICK_S)
        self._dismiss()

    def _dismiss(self) -> None:
        """Let the guardian, whose children are gone, close what it has open."""
        deadline = time.monotonic() + _DISMISS_TIMEOUT_S
        if self._pid:
            self._system.tell(self._guardian, ActorExitRequest())
            while running(self._pid) and time.monotonic() < deadline:
                self._system.listen(_TICK_S)

    def _start(self) -> None:
        if not self._system.is_alive:
            self._system = NodeSystem(self._home)
        self._incarnation += 1
        self._pid, self._last_sign = None, self._awake()
        try:
            self._guardian = self._system.create_cell()
        except ActorSystemException as error:
            self._again(f"it could not be made: {error}")
            return
        home, config, restarts = self._home.path, self._config, self._restarts + self._incarnation - 1
        settings = self._settings.model_copy(
            update={"node": self._settings.node.model_copy(update={"name": self.node})}
        )
        self._system.tell(
            self._guardian,
            Start(GUARDIAN, settings.guardian, settings, home, config, 0, self._incarnation, restarts),
        )

    def _handle(self, message: Any) -> None:
        match message:
            case Started(pid=pid, incarnation=self._incarnation):
                self._pid, self._last_sign = pid, self._awake()
                _log.info("guardian started", extra={"pid": pid, "incarnation": self._incarnation})
            case Pong(incarnation=self._incarnation):
                self._last_sign = self._awake()
            case Failed(kinds=kinds, text=text) if _ESCALATED in kinds:
                raise _Ended(f"the guardian gave up: {text}")
            case Failed(incarnation=self._incarnation, text=text):
                self._again(f"it failed: {text}")
            case LeaveCluster():
                _log.info("this node is asked to leave")
                self._signals = max(1, self._signals)
            case Answer(id=key) if self._shutdown and key == self._shutdown.id:
                self._is_stopped = True

    def _look_after(self) -> None:
        now, node = time.monotonic(), self._settings.node
        silent_s = self._awake() - self._last_sign
        if not self._system.is_alive:
            self._again("the actor system's Admin died")
        elif self._pid and not running(self._pid):
            self._again("it died")
        elif silent_s > (node.hung_after_s if self._pid else node.start_timeout_s):
            self._again(f"no sign of life for {silent_s:.1f} s")
        elif now - self._last_ping > node.ping_interval_s:
            self._last_ping = now
            self._system.reap()
            self._system.tell(self._guardian, Ping())

    def _again(self, reason: str) -> None:
        """Make a new guardian, with a new system when this one is no longer whole."""
        _log.error("guardian is lost", extra={"reason": reason, "incarnation": self._incarnation})
        if self._shutdown:
            raise _Ended(f"the guardian was lost while it shut down: {reason}")
        if self._pid and self._system.is_alive:
            if guardian := running(self._pid):
                guardian.kill()
            self._system.sweep()
        else:
            self._system.kill()
        delay_s = self._window.next_delay(time.monotonic())
        if delay_s is None:
            raise _Ended(f"the guardian was lost too often, the last time because {reason}")
        self._restart_at = time.monotonic() + delay_s

    def _is_shut_down(self) -> bool:
        if not self._signals:
            return False
        if self._shutdown is None:
            if self._restart_at is not None:
                return True
            deadline = time.monotonic() + self._settings.node.shutdown_timeout_s
            self._shutdown = Ask(token_hex(8), GracefulShutdown(), deadline)
            self._system.tell(self._guardian, self._shutdown)
        elif not self._is_stopped and time.monotonic() > self._shutdown.deadline:
            raise _Ended(f"shutdown not finished in {self._settings.node.shutdown_timeout_s:g} s, so it was ended")
        return self._is_stopped
