"""A standalone Spark: a master and workers from pyspark's own jars, on loopback."""

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import httpx
import pyspark
from cluster_node import PATIENCE_S

from killrweather.actorsystem.testkit import eventually
from killrweather.jobs.jvm import class_path, jvm_flags
from killrweather.processes import LOOPBACK, die_with_parent, free_port
from killrweather.services import find_java
from killrweather.settings import Settings

_LAST_WORDS = 2000


class SparkCluster:
    """A master and workers, numbered from 1; leaving the context kills them, and their executors end with them."""

    def __init__(self, directory: Path, workers: int = 2, cores: int = 1, memory: str = "1g"):
        self.directory = directory
        self._cores, self._memory = cores, memory
        self._port, self._web_port = free_port(), free_port()
        self._names = [f"worker-{number}" for number in range(1, workers + 1)]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "SparkCluster":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def master(self) -> str:
        """What ``spark.master`` must be."""
        return f"spark://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start the master and all workers that do not run; return once they are registered."""
        if not self._runs("master"):
            ports = ["--port", str(self._port), "--webui-port", str(self._web_port)]
            self._launch("master", "org.apache.spark.deploy.master.Master", *ports)
        eventually(self.state, PATIENCE_S)
        for number in range(1, len(self._names) + 1):
            self.start_worker(number, wait=False)
        self.wait_for_workers(len(self._names))

    def start_worker(self, number: int, wait: bool = True) -> None:
        """Start a worker that does not run."""
        name = self._names[number - 1]
        if not self._runs(name):
            sizes = ["--cores", str(self._cores), "--memory", self._memory, "--webui-port", "0"]
            work = ["--work-dir", str(self.directory / name)]
            self._launch(name, "org.apache.spark.deploy.worker.Worker", *sizes, *work, self.master)
        if wait:
            self.wait_for_workers(sum(self._runs(name) for name in self._names))

    def kill_worker(self, number: int) -> None:
        """kill -9 a worker; its executor ends within moments."""
        self._kill(self._names[number - 1])

    def kill_master(self) -> None:
        """kill -9 the master; applications go on, none can begin."""
        self._kill("master")

    def state(self) -> dict:
        """What the master says of itself: ``aliveworkers``, ``workers``, ``activeapps``, ``completedapps``, …"""
        self._assert_alive()
        try:
            return httpx.get(f"http://{LOOPBACK}:{self._web_port}/json/", timeout=10).json()
        except httpx.HTTPError as error:
            raise AssertionError(f"Spark's master does not answer: {error!r}") from error

    def wait_for_workers(self, number: int) -> None:
        """Wait until the master counts this many workers."""

        def are_there() -> bool:
            alive = self.state()["aliveworkers"]
            assert alive == number, f"{alive} workers alive, expected {number}; logs in {self.directory}"
            return True

        eventually(are_there, PATIENCE_S)

    def close(self) -> None:
        """Kill everything at once."""
        for name in list(self._processes):
            self._kill(name)

    def _launch(self, name: str, main_class: str, *arguments: str) -> None:
        java = find_java(Settings())
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [str(java.executable), *jvm_flags("256m"), "-cp", os.pathsep.join(map(str, class_path([])))]
        environment = {
            "JAVA_HOME": str(java.home),
            "SPARK_HOME": str(Path(pyspark.__file__).parent),
            "SPARK_SCALA_VERSION": "2.12",
            "SPARK_LOCAL_IP": LOOPBACK,
        }
        with self._log(name).open("ab") as output:
            self._processes[name] = subprocess.Popen(
                [*command, main_class, "--host", LOOPBACK, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment},
                start_new_session=True,
                preexec_fn=partial(die_with_parent, signal.SIGKILL, os.getpid()),
            )

    def _runs(self, name: str) -> bool:
        return name in self._processes and self._processes[name].poll() is None

    def _assert_alive(self) -> None:
        for name, process in self._processes.items():
            if process.poll() is not None:
                words = self._log(name).read_text(errors="replace")[-_LAST_WORDS:]
                raise RuntimeError(f"Spark's {name} ended with code {process.returncode}: {words}; {self._log(name)}")

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"
