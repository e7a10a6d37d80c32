"""Guardian nodes on one Kafka and one Cassandra, each started as an operator starts it, and what befalls them.

with NodeCluster(directory, {"n1": "feed,stream,query", "n2": "feed,query"}) as cluster:
    cluster.up()                                  # start those that do not run; wait until all see all as Up
    cluster.owner().kill()                        # the node that streams, and everything below it
    cluster.events("SingletonMoved")              # what has happened, by the broker's clock
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import yaml
from stream_stage import service_settings
from whole_system import WholeSystem

from killrweather.actorsystem.testkit import eventually
from killrweather.home import Home
from killrweather.processes import die_with_parent, free_port
from killrweather.services import Embedded
from killrweather.settings import Settings

T = TypeVar("T")

PATIENCE_S = 600.0
"""s that anything may take on a machine that does other things too; how long it took is told."""
LOOK_S = 0.2
SESSION_S = 2.5
"""s after which a silent node is given up: what the embedded broker's nodes have."""


def patiently(check: Callable[[], T], within_s: float = PATIENCE_S) -> T:
    """As ``eventually``, looking a few times a second: a look over HTTP costs the nodes the cores that they need."""

    def look() -> T:
        try:
            seen = check()
        except (AssertionError, httpx.TransportError) as error:
            time.sleep(LOOK_S)
            raise AssertionError(error) from error
        if not seen:
            time.sleep(LOOK_S)
        return seen

    return eventually(look, within_s)


class Node(WholeSystem):
    """One guardian node, a process tree of its own with a state directory of its own."""

    def __init__(self, name: str, roles: str, home: Path, port: int, config: Path, restarts: int = 0):
        super().__init__(home, port, config)
        self.name, self.roles = name, roles
        self.process: subprocess.Popen[str] | None = None
        self._frozen: list[psutil.Process] = []

    def start(self, *program: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it; ``program`` replaces ``-m killrweather``, for a node that is not what it should be."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *(program or ("-m", "killrweather")), "node", "start", "--name", self.name]
        command += ["--roles", self.roles, "--http-port", str(self.port)]
        command += ["--config", str(self.config), "--home", str(self.home)]
        with (self.home / "errors.txt").open("w") as errors:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
                env={**self.environment, **(environment or {})},
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),
            )

    @property
    def environment(self) -> dict[str, str]:
        """Commands ask this node, whichever the configuration names first."""
        return {**super().environment, "KILLRWEATHER_CLIENT_NODES": self.url}

    @property
    def runs(self) -> bool:
        """It was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def answers(self) -> bool:
        """It runs and is not frozen."""
        return self.runs and not self._frozen

    def tree(self) -> list[psutil.Process]:
        """Its process and everything below, parents first."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def kill(self) -> None:
        """kill -9 of its first process; the kernel ends everything below."""
        tree = self.tree()
        self.process.kill()
        self.process.wait()
        eventually(lambda: [one.pid for one in tree if is_alive(one)] == [], 30)

    def freeze(self) -> None:
        """SIGSTOP of everything, as when its machine is suspended."""
        self._frozen = self.tree()
        for one in self._frozen:
            one.suspend()

    def thaw(self) -> None:
        """SIGCONT of everything that was frozen."""
        frozen, self._frozen = self._frozen, []
        for one in frozen:
            with suppress(psutil.NoSuchProcess):
                one.resume()

    def terminate(self) -> int:
        """SIGTERM; the exit code, once everything of it is gone."""
        tree = self.tree()
        self.process.terminate()
        return self.ended(tree)

    def ended(self, tree: Iterable[psutil.Process] = ()) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(timeout=PATIENCE_S)
        eventually(lambda: [one.pid for one in tree if is_alive(one)] == [], 30)
        return code

    def last_words(self) -> str:
        """What it wrote to stderr since it was started."""
        return (self.home / "errors.txt").read_text()

    def view(self) -> dict[str, Any]:
        """The cluster as this node sees it; empty while it does not answer."""
        try:
            answer = self.get("/cluster/members")
        except httpx.TransportError:
            return {}
        return answer.json() if answer.status_code == 200 else {}

    def history(self) -> list[dict[str, Any]]:
        """All events, oldest first."""
        return self.get("/cluster/history", limit=1000).json()

    def stream(self) -> dict[str, Any]:
        """How far the stream is, by whichever node owns it; empty while nobody says."""
        try:
            answer = self.get("/status")
        except httpx.TransportError:
            return {}
        return (answer.json()["stream"] or {}) if answer.status_code == 200 else {}

    def stored(self, next_offsets: Mapping[str, int]) -> bool:
        """Everything before these offsets can be queried, as this node knows it."""
        stored = self.stream().get("stored", {})
        return all(stored.get(partition, 0) >= offset for partition, offset in next_offsets.items())


class NodeCluster:
    """Nodes by name, and the services that they share."""

    def __init__(self, directory: Path, roles: Mapping[str, str]):
        self.directory = directory
        settings = service_settings()
        slow = settings.services.model_copy(update={"start_timeout_s": PATIENCE_S})
        settings = settings.model_copy(update={"services": slow})
        self._services = Embedded(settings, Home(directory / "services"))
        self.config = directory / "cluster.yaml"
        ports = {name: free_port() for name in roles}
        self.urls = [f"http://127.0.0.1:{port}" for port in ports.values()]
        self.servers = [f"127.0.0.1:{settings.services.kafka.port}"]
        self.given = {
            "node": {"session_timeout_s": SESSION_S, "start_timeout_s": PATIENCE_S, "shutdown_timeout_s": 90.0},
            "kafka": {"bootstrap_servers": self.servers},
            "cassandra": {"contact_points": ["127.0.0.1"], "port": settings.cassandra.port},
            "spark": {"master": "local[2]", "driver_memory": "512m"},
            "services": {"jars": str(settings.services.jars), "start_timeout_s": PATIENCE_S},
            "client": {"nodes": self.urls},
        }
        patient = {**self.given["cassandra"], "request_timeout_s": 60.0}
        self.settings = Settings.model_validate({**self.given, "cassandra": patient})
        """For the test's own reading of the tables."""
        self.nodes = {name: self.node(name, roles[name], port) for name, port in ports.items()}

    def node(self, name: str, roles: str, port: int | None = None, home: str | None = None) -> Node:
        """A node of this cluster that is not started."""
        return Node(name, roles, self.directory / (home or name), port or free_port(), self.config)

    def __enter__(self) -> "NodeCluster":
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(self.given))
        try:
            self._services.start()
            patiently(lambda: self.any.run("schema", "apply", timeout_s=PATIENCE_S, check=False).returncode == 0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            if node.runs:
                node.kill()
        self._services.stop()

    @property
    def any(self) -> Node:
        """A node that answers, or the first one."""
        return next((node for node in self.nodes.values() if node.answers), self.nodes["n1"])

    def up(self) -> None:
        """Have all nodes run, and wait until each is ready, sees all as Up, and all see the same."""
        for node in self.nodes.values():
            if not node.runs:
                node.start()
        patiently(self.is_whole)

    def is_whole(self) -> bool:
        """Every node is ready, its stream too, and sees the same nodes and all of them as Up."""
        views = [node.view() for node in self.nodes.values()]
        seen = [told(view) for view in views]
        states = {member["name"]: member["state"] for member in views[0].get("members", ())}
        assert seen[0] == seen[1] == seen[-1], seen
        assert states == dict.fromkeys(self.nodes, "Up"), states
        stream = self.any.stream()
        assert stream.get("state") == "running", stream
        unready = [name for name, node in self.nodes.items() if node.get("/ready").status_code != 200]
        assert not unready, unready
        return True

    def owner(self) -> Node:
        """The node that streams."""
        view = self.any.view()
        [name] = [member["name"] for member in view["members"] if member["id"] == view["owners"]["stream"]]
        return self.nodes[name]

    def others(self, node: Node) -> list[Node]:
        """The other nodes that answer."""
        return [one for one in self.nodes.values() if one is not node and one.answers]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, oldest first, with the broker's time."""
        found = [{**event, "at": datetime.fromisoformat(event["at"])} for event in self.any.history()]
        return [event for event in found if event["event"] == kind]


def told(view: Mapping[str, Any]) -> dict[str, Any]:
    """What of a view must be the same on all nodes."""
    return {name: view.get(name) for name in ("epoch", "members", "owners", "problem")}


def is_alive(process: psutil.Process) -> bool:
    """It has not ended; a zombie has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
