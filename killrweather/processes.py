"""Operating-system processes: tied to their parent's life, known again later, ended with all their children."""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from killrweather.errors import ServiceError

LOOPBACK = "127.0.0.1"

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

# psutil adds the kernel's boot time, in whole seconds, which changes when the clock is set: by an hour if need be.
_START_TOLERANCE_S = 2.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def die_with_parent(signal_number: int = signal.SIGTERM, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when its parent dies, even by kill -9; Linux only, elsewhere nothing.

    Call it in the child, for example as ``preexec_fn``. The kernel means the parent's *thread* that forked: fork from
    one that lives as long as the parent. ``parent`` closes the gap of a parent that died before this call.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number))
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def running(pid: int, started: float | None = None) -> psutil.Process | None:
    """The live process with this pid; None if it is gone, a zombie, or did not start ``started`` s after the boot."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if started is not None and abs(_after_boot_s(process) - started) > _START_TOLERANCE_S:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def _after_boot_s(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _boot() -> str:
    """Which boot of the machine this is; empty where the system does not tell."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


@dataclass(frozen=True)
class PidFile:
    """Remembers a process by pid, boot and start time after it, so that another one that got its pid is never taken
    for it, and it is known again after the clock was set.
    """

    path: Path

    def write(self, pid: int, **notes: Any) -> None:
        """Remember a running process, with notes about it that JSON can hold; replaces the file in one step."""
        record = {**notes, "pid": pid, "boot": _boot(), "started": _after_boot_s(psutil.Process(pid))}
        scratch = self.path.with_suffix(f".{os.getpid()}.new")
        scratch.write_text(json.dumps(record), encoding="utf-8")
        scratch.replace(self.path)

    def read(self) -> dict[str, Any]:
        """What was written last, whether the process still runs or not; empty if there is nothing to read."""
        try:
            record = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return record if isinstance(record, dict) else {}

    def process(self) -> psutil.Process | None:
        """The process that was written, if it still runs."""
        record = self.read()
        if not {"pid", "boot", "started"} <= record.keys() or record["boot"] != _boot():
            return None
        return running(record["pid"], record["started"])

    def remove(self) -> None:
        """Forget the process."""
        self.path.unlink(missing_ok=True)


def end(process: psutil.Process | int, timeout_s: float) -> None:
    """End a process and everything it started: SIGTERM, then SIGKILL for what is left after ``timeout_s``.

    The process gets the signal first, so that it can end its children in its own order; those that outlive it follow.
    """
    root = running(process) if isinstance(process, int) else process
    if root is None:
        return
    tree = _descendants(root)
    _signal([root], signal.SIGTERM)
    psutil.wait_procs([root], timeout=timeout_s)
    tree |= _descendants(root)
    if _has_ended(root):
        _signal(tree, signal.SIGTERM)
        psutil.wait_procs(list(tree), timeout=timeout_s)
    _signal([root, *tree], signal.SIGKILL)
    psutil.wait_procs([root, *tree], timeout=timeout_s)


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two looks
        return True


def _descendants(root: psutil.Process) -> set[psutil.Process]:
    try:
        return set(root.children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def free_port() -> int:
    """A TCP port on loopback that nothing listened on a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_port_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections that a former server closed linger for a minute and are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def port_owner(port: int) -> str:
    """Who listens on a TCP port, for people: ``java (pid 4711)``, or ``another process`` if that can't be seen."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:] == (port,):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another process"
    return "another process"


def require_free_port(port: int, setting: str) -> None:
    """Raise ServiceError, naming the port's owner and the setting, if something listens on this loopback port."""
    if not is_port_free(port):
        raise ServiceError(
            f"{setting}: port {port} on {LOOPBACK} is in use by {port_owner(port)}, expected a free port; "
            f"end that process or set {setting} to another port"
        )
