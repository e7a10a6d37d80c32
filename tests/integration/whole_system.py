"""A whole system of its own, started and stopped as a user would: ``killrweather up --detach`` … ``down``."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from killrweather.processes import free_port


@dataclass
class WholeSystem:
    """Embedded services, one node, free ports, a state directory of its own."""

    home: Path
    port: int
    config: Path

    @classmethod
    def configure(cls, home: Path, **overrides: Any) -> "WholeSystem":
        """Choose ports and write the configuration; nothing runs yet."""
        home.mkdir(parents=True, exist_ok=True)
        port = free_port()
        config = home / "test.yaml"
        settings = {
            "node": {"hung_after_s": 5.0},
            "feed": {"directories": [str(home)]},
            "cassandra": {"port": free_port()},
            "services": {
                "kafka": {"port": free_port(), "controller_port": free_port()},
                "cassandra": {"storage_port": free_port()},
            },
            **overrides,
        }
        config.write_text(yaml.safe_dump(settings))
        return cls(home, port, config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(
        self, *arguments: str, timeout_s: float = 180, check: bool = True, given: str | None = None
    ) -> subprocess.CompletedProcess:
        """Run a command of this system; its output is kept, and shown when it fails."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self.environment,
            input=given,
        )
        assert not check or done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def begin(self, *arguments: str) -> subprocess.Popen:
        """Start a command of this system and let it run."""
        return subprocess.Popen(
            self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )

    def command(self, *arguments: str) -> list[str]:
        first, *others = arguments
        return [
            sys.executable, "-m", "killrweather", first, *others, "--config", str(self.config), "--home", str(self.home)
        ]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KILLRWEATHER_HTTP_PORT": str(self.port)}

    def up(self) -> None:
        self.run("up", "--detach")

    def down(self) -> None:
        self.run("down")

    def json(self, *arguments: str, **options: Any) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return httpx.get(self.url + path, params=params, timeout=15)

    def post(self, body: bytes, **params: Any) -> httpx.Response:
        return httpx.post(self.url + "/weather/data", content=body, params=params, timeout=30)

    def status(self) -> dict[str, Any]:
        """What ``status`` says, also of a node that is not ready."""
        return self.json("status", check=False)

    def node(self) -> dict[str, Any]:
        """The one node's part of the status."""
        [node] = self.status()["nodes"]
        return node

    def actor(self, name: str) -> dict[str, Any]:
        return next(actor for actor in self.node()["actors"] if actor["name"] == name)

    def processes(self) -> dict[str, psutil.Process]:
        """Every process of this system by what it is."""
        found: dict[str, psutil.Process] = {}
        launcher = psutil.Process(json.loads((self.home / "run" / "up.pid").read_text())["pid"])
        found["launcher"] = launcher
        for process in launcher.children(recursive=True):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            line = " ".join(process.cmdline())
            if "kafka.Kafka" in line:
                found["kafka"] = process
            elif "CassandraDaemon" in line:
                found["cassandra"] = process
            elif "killrweather.jobs.stream" in line:
                found["spark"] = process
            elif "killrweather.jobs.recompute" in line:
                found["recompute"] = process
            elif "PythonGatewayServer" in line:
                job = " ".join(process.parent().cmdline())
                found["spark-jvm" if "killrweather.jobs.stream" in job else "recompute-jvm"] = process
            elif "node start" in line and process.ppid() == launcher.pid:
                found["host"] = process
        for name in self.node()["actors"]:
            found[name["name"]] = psutil.Process(name["pid"])
        found["guardian"] = found["temperature"].parent()
        return found

    @property
    def ports(self) -> list[int]:
        """Every port that this system listens on at a known place."""
        settings = yaml.safe_load(self.config.read_text())
        services = settings["services"]
        return [
            self.port,
            settings["cassandra"]["port"],
            services["cassandra"]["storage_port"],
            services["kafka"]["port"],
            services["kafka"]["controller_port"],
        ]

    def counter(self, name: str) -> int:
        """One of the hop counters, asked of the node itself; -1 while it is unknown or the node does not answer."""
        try:
            number = self.get("/status").json()["node"]["counters"][name]
        except (httpx.HTTPError, KeyError):
            return -1
        return -1 if number is None else int(number)

    def stored(self, next_offsets: dict[str, int]) -> bool:
        """Everything before these offsets can be queried."""
        stored = self.get("/status").json()["stream"]["stored"]
        return all(stored.get(partition, 0) >= offset for partition, offset in next_offsets.items())
