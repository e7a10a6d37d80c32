"""Processes are tied to their parent, known again by start time, and ended with all their children."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from killrweather.errors import ServiceError
from killrweather.processes import (
    LOOPBACK,
    PidFile,
    _has_ended,
    die_with_parent,
    end,
    free_port,
    is_port_free,
    require_free_port,
    running,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
IGNORE_SIGTERM = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


@pytest.fixture
def spawn():
    """Starts processes and leaves none behind."""
    started = []

    def start(command, **options):
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


class Vanishing:
    """Runs when it is looked at first, and is gone a moment later."""

    def is_running(self):
        return True

    def status(self):
        raise psutil.NoSuchProcess(4711)


def test_a_process_that_goes_while_it_is_looked_at_has_ended():
    """Whoever kills it has what he wanted."""
    assert _has_ended(Vanishing())


def test_a_pid_file_knows_the_process_it_was_written_for(tmp_path, spawn):
    """What was written is found again, with its notes, as long as it runs."""
    process, pid_file = spawn(SLEEP), PidFile(tmp_path / "x.pid")
    pid_file.write(process.pid, restarts=3)

    assert pid_file.process().pid == process.pid
    assert pid_file.read()["restarts"] == 3


@pytest.mark.parametrize("other", [{"started": -60.0}, {"boot": "another boot of the machine"}])
def test_a_recycled_pid_is_another_process(tmp_path, spawn, other):
    """A process with the same pid but another start time, or of another boot, is not the one that was written."""
    process, pid_file = spawn(SLEEP), PidFile(tmp_path / "x.pid")
    pid_file.write(process.pid)
    pid_file.path.write_text(json.dumps(pid_file.read() | other))

    assert pid_file.process() is None


def test_a_process_is_known_again_after_the_clock_was_set(tmp_path, spawn, monkeypatch):
    """Setting the clock by an hour moves what the kernel says of its boot, and every start time with it."""
    process, pid_file = spawn(SLEEP), PidFile(tmp_path / "x.pid")
    pid_file.write(process.pid)
    boot_time_s = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot_time_s + 3600.0)

    assert pid_file.process().pid == process.pid


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"pid": 1}'])
def test_a_pid_file_without_a_process_names_none(tmp_path, content):
    """A missing, half-written or foreign pid file stands for no process."""
    pid_file = PidFile(tmp_path / "x.pid")
    if content is not None:
        pid_file.path.write_text(content)

    assert pid_file.process() is None


def test_an_ended_process_is_not_running(spawn):
    """Neither a zombie nor a process that is gone counts as running."""
    process = spawn(SLEEP)
    process.kill()
    psutil.Process(process.pid).wait()

    assert running(process.pid) is None


def test_end_takes_the_children_along(spawn):
    """The children of a process end with it."""
    script = (
        "import subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = spawn([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    end(parent.pid, timeout_s=5)

    assert running(parent.pid) is None
    assert running(child) is None


def test_end_kills_what_ignores_sigterm(spawn):
    """A process that doesn't listen is killed once the time is over."""
    deaf = spawn(IGNORE_SIGTERM, stdout=subprocess.PIPE, text=True)
    deaf.stdout.readline()
    started = time.monotonic()
    end(deaf.pid, timeout_s=0.2)

    assert running(deaf.pid) is None
    assert time.monotonic() - started < 5


def test_end_of_a_process_that_is_gone_does_nothing(spawn):
    """Ending twice is as good as once."""
    process = spawn(SLEEP)
    end(process.pid, timeout_s=5)
    end(process.pid, timeout_s=5)

    assert running(process.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_dies_with_a_killed_parent(spawn):
    """kill -9 of the parent ends a child that called die_with_parent."""
    script = (
        "import os, subprocess, sys, time\n"
        "from functools import partial\n"
        "from killrweather.processes import die_with_parent\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],\n"
        "                         preexec_fn=partial(die_with_parent, parent=os.getpid()))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = spawn([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=10)

    assert gone == [child]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_whose_parent_died_first_ends_at_once(spawn):
    """A parent that died before the child asked to be told is noticed too."""
    child = spawn(SLEEP, preexec_fn=partial(die_with_parent, parent=os.getpid() + 1))

    assert child.wait(10) == -signal.SIGTERM


def test_a_free_port_can_be_listened_on():
    """free_port gives a port that is free."""
    assert is_port_free(free_port())


def test_a_port_in_use_is_named_with_its_owner_and_setting():
    """The error says which port, who has it, and which setting to change."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServiceError) as caught:
            require_free_port(port, "services.kafka.port")

    assert f"services.kafka.port: port {port} on 127.0.0.1 is in use by" in str(caught.value)
    assert f"(pid {os.getpid()})" in str(caught.value)
    assert "set services.kafka.port to another port" in str(caught.value)
