"""A system of its own for the measurement."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml
from cassandra.cluster import Session

from killrweather.configuration import load_configuration
from killrweather.processes import free_port
from killrweather.storage import session as cassandra

_PROCESSES = {
    "CassandraDaemon": "Cassandra",
    "kafka.Kafka": "Kafka",
    "PythonGatewayServer": "Spark's JVM",
    "killrweather.jobs.stream": "Spark's Python",
}


class System:
    """Free ports, an empty state directory, and the commands of a user; ``settings`` are added to the defaults."""

    def __init__(self, home: Path, **settings: Any):
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.config = home / "bench.yaml"
        ports = {
            "http": {"port": free_port()},
            "cassandra": {"port": free_port()},
            "services": {
                "jars": str(home.parent / "jars"),  # for all systems of a measurement
                "kafka": {"port": free_port(), "controller_port": free_port()},
                "cassandra": {"storage_port": free_port()},
            },
        }
        self.config.write_text(
            yaml.safe_dump({name: ports.get(name, {}) | settings.get(name, {}) for name in {**ports, **settings}})
        )
        self.settings = load_configuration([self.config]).settings
        self.url = f"http://127.0.0.1:{self.settings.http.port}"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session of the driver in the system's keyspace."""
        session = cassandra.connect_to_keyspace(self.settings, lambda opened: opened)
        try:
            yield session
        finally:
            cassandra.close(session)

    def run(self, *arguments: str, node: str | None = None) -> str:
        """A command on this system, or on its node at this address; its stdout."""
        return self.output(self.begin(*arguments, node=node))

    def begin(self, *arguments: str, node: str | None = None) -> subprocess.Popen[str]:
        """Start a command and let it run."""
        command = [sys.executable, "-m", "killrweather", *arguments, "--config", str(self.config)]
        if "--home" not in arguments:
            command += ["--home", str(self.home)]
        chosen = {"KILLRWEATHER_CLIENT_NODES": node} if node else {}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **chosen})

    def output(self, command: subprocess.Popen[str]) -> str:
        """What a command printed at its end; one that fails ends the measurement."""
        printed = command.communicate()[0]
        if command.returncode:
            raise SystemExit(f"{command.args} ended with code {command.returncode}")
        return printed

    def load(self, path: Path, wait: bool = True) -> float:
        """Load a file, until every row is queryable if it is waited for; rows/s."""
        result = self._load(path, wait)
        return result["accepted"] / result["seconds"]

    def load_rows(self, path: Path) -> int:
        """Load a file until every row is queryable; the number of its rows."""
        return self._load(path, wait=True)["accepted"]

    def _load(self, path: Path, wait: bool) -> dict[str, Any]:
        return json.loads(self.run("load", str(path), "--json", *(["--wait"] if wait else [])))

    def processes(self) -> list[psutil.Process]:
        """The launcher and everything below it."""
        launcher = psutil.Process(json.loads((self.home / "run" / "up.pid").read_text())["pid"])
        return [launcher, *launcher.children(recursive=True)]

    def memory_bytes(self, only: str = "") -> int:
        """What the processes hold, shared pages counted once (PSS); of all, or of those called ``only``."""
        return sum(each.memory_full_info().pss for each in self.processes() if only in ("", _name(each)))

    def cpu_s(self) -> Counter[str]:
        """Seconds of processor time that each kind of process has taken so far."""
        taken: Counter[str] = Counter()
        for process in self.processes():
            try:
                times = process.cpu_times()
                taken[_name(process)] += times.user + times.system
            except psutil.NoSuchProcess:
                continue
        return taken

    def batch_steps(self) -> Counter[str]:
        """Seconds that the stream's micro-batches have spent in each of their steps so far, from the node's log."""
        spent: Counter[str] = Counter()
        for found in re.finditer(
            r' batch rows=.* seconds="(\{.*?\})"', self.home.joinpath("logs/node.log").read_text()
        ):
            spent.update(json.loads(found[1].replace("'", '"')))
        return spent


def _name(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return next((name for part, name in _PROCESSES.items() if part in line), "actors")
