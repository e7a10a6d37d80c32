"""``killrweather status``: what it shows of a node, and how ``--watch`` ends."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import uvicorn
from web_stage import Node, settings, status

from killrweather.messages.cluster import ClusterView, Member
from killrweather.messages.node import GetNodeStatus
from killrweather.processes import free_port
from killrweather.web import create_app


@pytest.fixture
def environment(tmp_path):
    """The environment of a command whose node answers: the whole HTTP application over a staged guardian."""
    port = free_port()
    node = Node()
    me = Member("n1", "n1-a", f"http://127.0.0.1:{port}", ("feed",), "1", 1, "Up")
    node.answers[GetNodeStatus] = replace(
        status(ready=True), address=me.address, cluster=ClusterView(me.id, 1, (me,), {"stream": me.id}, "")
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings(), node.ask), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield {
            **os.environ,
            "KILLRWEATHER_HTTP_PORT": str(port),
            "KILLRWEATHER_HOME": str(tmp_path),
            "TERM": "xterm-256color",
        }
    finally:
        server.should_exit = True
        thread.join()


def run(environment, *arguments):
    command = [sys.executable, "-m", "killrweather", "status", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


class Watching:
    """``status --watch`` at a terminal of its own."""

    def __init__(self, environment):
        self.terminal, inside = pty.openpty()
        command = [sys.executable, "-m", "killrweather", "status", "--watch"]
        self.process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, env=environment, start_new_session=True
        )
        os.close(inside)
        self.seen = b""

    def read_until(self, text, times=1):
        """Read what is shown until it has this so often."""
        while self.seen.count(text) < times:
            self.seen += os.read(self.terminal, 65_536)

    def end(self):
        """Read to the end; the exit code."""
        try:
            while more := os.read(self.terminal, 65_536):
                self.seen += more
        except OSError:  # so Linux says that nobody has the terminal open any more
            pass
        os.close(self.terminal)
        return self.process.wait(30)


@pytest.mark.parametrize("end", ["q", "Ctrl-C"])
def test_watching_ends_with_exit_code_0_and_leaves_the_terminal_as_it_was(environment, end):
    """The picture is renewed in place on the terminal's other screen; the last one stays, once."""
    watching = Watching(environment)
    watching.read_until(b"q ends", times=2)
    if end == "q":
        os.write(watching.terminal, b"q")
    else:
        watching.process.send_signal(signal.SIGINT)
    code = watching.end()

    before, after = watching.seen.split(b"\x1b[?1049l")
    assert code == 0
    assert before.count(b"\x1b[?1049h") == 1
    assert b"\x1b[2J" not in before
    assert after.count(b"12,345") == 1
    assert b"interrupted" not in after


def test_watching_in_a_pipe_is_one_status_after_the_other(environment):
    """Plain text, for tee or a file; its end by Ctrl-C is exit code 0 too."""
    command = [sys.executable, "-m", "killrweather", "status", "--watch"]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment)
    seen = b""
    while seen.count(b"12,345") < 2:
        seen += os.read(watching.stdout.fileno(), 65_536)
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=30)

    assert watching.returncode == 0
    assert b"\x1b" not in seen


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_watching_is_for_people(environment, form):
    """Exit code 2: a program looks by itself."""
    done = run(environment, "--watch", form)

    assert (done.returncode, done.stdout) == (2, "")
    assert "--watch" in done.stderr


def test_csv_has_a_row_for_each_node(environment):
    """With the counters that are of them all; lists are JSON."""
    done = run(environment, "--csv")

    [row] = csv.DictReader(io.StringIO(done.stdout))
    assert done.returncode == 0
    assert (row["name"], row["state"], row["counters.received"], row["counters.lag"]) == ("n1", "Up", "12345", "")
    assert json.loads(row["roles"]) == ["feed"]
