"""What the nodes of a cluster have in common: one after the other or all at once started, killed, frozen, thawed."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from killrweather.home import Home
from killrweather.services import ensure, find_java
from killrweather.services.java import Java
from killrweather.services.service import Service
from killrweather.settings import Settings

JARS = Path(os.environ.get("KILLRWEATHER_SERVICES_JARS") or Home.find().path / "jars")
PATIENCE_S = 240.0
"""s that a node may take to start on a machine that does other things too."""


class ClusterNode(Service):
    """A service that is one of several, each with a state directory of its own."""

    # A frozen process would not hear SIGTERM.
    death_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, settings: Settings, home: Home, number: int):
        super().__init__(settings, home)
        self.number = number

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process, f"{self.name} {self.number} was not started"
        return self._process

    @property
    def pid(self) -> int:
        """The running process's id."""
        return self.process.pid

    def kill(self) -> None:
        """kill -9, also of a frozen one."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its ports and connections and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


Node = TypeVar("Node", bound=ClusterNode)


class ServiceCluster(Generic[Node]):
    """Nodes of one service, numbered from 1; leaving the context kills them all."""

    service: ClassVar[str]

    def __init__(self, directory: Path):
        self.directory = directory
        self.nodes: list[Node] = []
        self._settings = Settings.model_validate({"services": {"jars": JARS, "start_timeout_s": PATIENCE_S}})
        self._java: Java | None = None
        self._jars: Sequence[Path] = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def node(self, number: int) -> Node:
        """The node of a number, 1 and more."""
        return self.nodes[number - 1]

    def start(self, *numbers: int) -> None:
        """Start these nodes, or all; return once they serve clients and the others know it.

        Raises ServiceError with the last words of a node that does not come up, and the path of its log.
        """
        chosen = [self.node(number) for number in numbers] or self.nodes
        self._java = self._java or find_java(self._settings)
        self._jars = self._jars or ensure(self.service, Home(self.directory), self._settings)
        self.launch(chosen)
        self.wait_until_whole()

    def launch(self, nodes: Sequence[Node]) -> None:
        """Start nodes side by side and wait until each serves clients."""
        assert self._java
        for node in nodes:
            node.launch(self._java, self._jars)
        for node in nodes:
            while node.poll() == "starting":
                node.wait(0.1)

    def wait_until_whole(self) -> None:
        """Wait until the running nodes count each other as running."""
        raise NotImplementedError

    def running(self) -> list[Node]:
        """The nodes whose processes have not ended; frozen ones are among them."""
        return [node for node in self.nodes if node._process and node._process.poll() is None]

    def kill(self, number: int) -> None:
        """kill -9 one node."""
        self.node(number).kill()

    def freeze(self, number: int) -> None:
        """SIGSTOP one node."""
        self.node(number).freeze()

    def thaw(self, number: int) -> None:
        """SIGCONT one node."""
        self.node(number).thaw()

    def close(self) -> None:
        """Kill every node at once."""
        for node in self.running():
            node.kill()
