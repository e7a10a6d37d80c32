"""One Thespian actor system, owned by the process that starts it: signed, on loopback, gone when its owner is."""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Sequence
from datetime import timedelta
from secrets import token_bytes
from typing import Any

import psutil
from thespian.actors import ActorAddress, ActorSystem, ActorSystemException
from thespian.system import multiprocCommon, utilis

from killrweather.actorsystem.cell import ActorCell
from killrweather.actorsystem.hardening import harden
from killrweather.actorsystem.process import adopt_orphans, bound_to_parent
from killrweather.errors import ServiceError
from killrweather.home import Home
from killrweather.processes import free_port, running

_START_ATTEMPTS = 3
_END_TIMEOUT_S = 5.0
_THESPIAN_LOG_BYTES = 1_000_000
_log = logging.getLogger(__name__)
_start_admin = multiprocCommon.startAdmin
_targets = {name: getattr(multiprocCommon, name) for name in ("startChild", "startupASLogger")}


def _start_admin_here(*arguments: Any) -> None:
    """Thespian's Admin without its second fork: the system's owner stays its parent and hears of its death."""
    fork = os.fork

    def no_fork() -> int:
        os.fork = fork
        return 0

    os.fork = no_fork
    _start_admin(*arguments)


class NodeSystem:
    """Starts the system; ``kill`` ends every process of it, whatever state they are in.

    Linux kills each process of the system with its parent, so all end with the owner, even by kill -9 of anyone.
    """

    def __init__(self, home: Home, also_allowed: Sequence[str] = ()):
        self._others = {child.pid for child in psutil.Process().children()}
        adopt_orphans()
        harden(token_bytes(32), also_allowed)
        multiprocCommon.startAdmin = bound_to_parent(_start_admin_here)
        for name, target in _targets.items():
            setattr(multiprocCommon, name, bound_to_parent(target))
        utilis.thesplog_control(logging.WARNING, False, _THESPIAN_LOG_BYTES)
        utilis._thesplog_file = str(home.log("thespian"))
        utilis._thesplog_old_file = f"{utilis._thesplog_file}.old"
        self._system = self._start(home)
        [self.admin] = [child for child in psutil.Process().children() if child.pid not in self._others]

    def _start(self, home: Home) -> ActorSystem:
        handler = {"class": "logging.FileHandler", "filename": str(home.log("thespian"))}
        logs = {"version": 1, "handlers": {"file": handler}, "root": {"level": "WARNING", "handlers": ["file"]}}
        for _ in range(_START_ATTEMPTS):
            try:
                # Another program may take the port before the Admin does: hence more than one attempt.
                options = {"Admin Port": free_port(), "Process Startup Method": "fork"}
                return ActorSystem("multiprocTCPBase", options, logDefs=logs, transientUnique=True)
            except ActorSystemException as error:
                _log.warning("the actor system did not start", extra={"reason": error})
                self.kill()
        raise ServiceError(f"the actor system did not start in {_START_ATTEMPTS} attempts, see {home.log('thespian')}")

    @property
    def is_alive(self) -> bool:
        """Whether the Admin is; without it no actor can be made."""
        return running(self.admin.pid) is not None

    def create_cell(self) -> ActorAddress:
        """A new process that waits for its Start."""
        return self._system.createActor(ActorCell)

    def tell(self, target: ActorAddress, message: Any) -> None:
        """Have a message sent by the next ``listen``; one to an address where nobody is any more is lost.

        Thespian's own ``tell`` waits up to a minute for a receiver that hangs.
        """
        self._system._systemBase._tx_to_actor(target, message)

    def listen(self, timeout_s: float) -> Any:
        """The next message sent to the owner, or None; sends what is to be sent meanwhile."""
        return self._system.listen(timedelta(seconds=timeout_s))

    def reap(self) -> None:
        """Take leave of orphans that have ended: they became children of this process, and stay zombies otherwise."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and (
                ended.si_pid != self.admin.pid and ended.si_pid not in self._others
            ):
                os.waitpid(ended.si_pid, 0)

    def sweep(self) -> None:
        """End and reap what a dead actor left: its orphans have become children of this process."""
        orphans = [c for c in psutil.Process().children() if c.pid not in self._others and c != self.admin]
        _end(orphans)

    def kill(self) -> None:
        """End everything at once. Thespian's own shutdown may take 10 s: one unsent message holds it up."""
        deadline = time.monotonic() + _END_TIMEOUT_S
        while mine := [c for c in psutil.Process().children(recursive=True) if not self._is_others(c)]:
            _end(mine)
            if time.monotonic() > deadline:
                _log.error("processes of the actor system could not be ended", extra={"pids": [c.pid for c in mine]})
                return

    def _is_others(self, process: psutil.Process) -> bool:
        try:
            return not self._others.isdisjoint({process.pid, *(parent.pid for parent in process.parents())})
        except psutil.NoSuchProcess:
            return True


def _end(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=_END_TIMEOUT_S)
