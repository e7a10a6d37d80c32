"""A node that owns the stream is cut off by a pulled cable and comes back: ``python -m cut_off DIRECTORY``.

It runs in a network namespace of its own; ``test_cut_off.py`` starts it there.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from chaos_load import Load
from chaos_run import PATIENCE_S, soon
from chaos_truth import compare
from cluster_node import JARS
from namespaces import HERE, THERE, OtherHost

from killrweather.configuration import load_configuration
from killrweather.home import Home
from killrweather.processes import die_with_parent, free_port
from killrweather.services import ensure, find_java
from killrweather.services.cassandra import EmbeddedCassandra
from killrweather.services.kafka import EmbeddedKafka
from killrweather.settings import Settings

TOKEN = "one-for-both-nodes"
QUESTION = "/weather/stations/800001:00001/current"
FEED, STATION = "/weather/data?format=csv", "800009:00001"
_WATCHED_S = 8.0
"""s for which nobody may take the stream from its owner after the cut-off node is back."""

_CLIENT = """
import httpx, json, sys
with httpx.Client(timeout=60) as http:
    for line in sys.stdin:
        method, url, headers, body = json.loads(line)
        try:
            answer = http.request(method, url, headers=headers, content=body.encode())
            told = [answer.status_code, dict(answer.headers), answer.json()]
        except httpx.HTTPError as error:
            told = [0, {}, repr(error)]
        print(json.dumps(told), flush=True)
"""
"""A client that lives where its node does: requests on stdin, answers on stdout."""


class OpenKafka(EmbeddedKafka):
    """The embedded broker, reachable from other hosts."""

    def write_configuration(self, template: str, **values: object) -> Path:
        path = super().write_configuration(template, **values)
        controller = f"CONTROLLER://127.0.0.1:{values['controller_port']}"
        own = f"listeners=PLAINTEXT://0.0.0.0:{self.port},{controller}\n"
        own += f"advertised.listeners=PLAINTEXT://{HERE}:{self.port}\n"
        path.write_text(f"{path.read_text()}\n{own}")
        return path


class OpenCassandra(EmbeddedCassandra):
    """The embedded node, reachable from other hosts."""

    def write_configuration(self, template: str, **values: object) -> Path:
        path = super().write_configuration(template, **values)
        own = {"rpc_address": "0.0.0.0", "broadcast_rpc_address": HERE}
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | own))
        return path


class Node:
    """One node with all roles; ``host`` is where it runs, None = here."""

    def __init__(self, directory: Path, name: str, settings: dict[str, Any], host: OtherHost | None):
        self.name, self._host, self.home = name, host, directory / name
        self.home.mkdir()
        self.address = HERE if host is None else THERE
        port = free_port()
        self.url = f"http://{self.address}:{port}"
        self.config = self.home / "node.yaml"
        own = {
            "http": {"host": self.address, "port": port, "token": TOKEN},
            "node": {"name": name, "start_timeout_s": PATIENCE_S, "hung_after_s": 30.0},
            "services": {"jars": str(JARS), "start_timeout_s": PATIENCE_S},
        }
        self.config.write_text(yaml.safe_dump(settings | own))

    def __enter__(self) -> "Node":
        command = self._command("-m", "killrweather", "node", "start", "--config", self.config, "--home", self.home)
        with (self.home / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, preexec_fn=partial(die_with_parent, parent=os.getpid())
            )
        pipe = subprocess.PIPE
        self._client = subprocess.Popen(self._command("-c", _CLIENT), stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.process, self._client):
            process.kill()
            process.wait()

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, dict[str, str], Any]:
        """Status code, headers and JSON that a client on this node's own host is answered; 0 for no answer."""
        request = [method, self.url + path, {"Authorization": f"Bearer {TOKEN}"}, body.decode()]
        self._client.stdin.write(f"{json.dumps(request)}\n")
        self._client.stdin.flush()
        code, headers, told = json.loads(self._client.stdout.readline())
        return code, headers, told

    def status(self, path: str = "/status?node_only=true") -> dict[str, Any]:
        """What it says of itself."""
        code, _, told = self.ask(path)
        assert code == 200, told
        return told

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """A command of this node's operator."""
        given = ["-m", "killrweather", *arguments, "--config", self.config, "--home", self.home]
        return subprocess.run(self._command(*given), stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def _command(self, *arguments: str | Path) -> list[str]:
        command = [sys.executable, *map(str, arguments)]
        return self._host.command(command) if self._host else command


def main(directory: Path) -> None:
    """The whole story; an AssertionError says where it went another way."""
    with ExitStack() as stack:
        other = stack.enter_context(OtherHost())
        settings = start_services(directory, stack)
        west, east = Node(directory, "west", settings, other), Node(directory, "east", settings, None)
        soon(lambda: east.command("schema", "apply").returncode == 0)
        stack.enter_context(west)
        soon(lambda: is_up(west, "west"))
        stack.enter_context(east)
        soon(lambda: is_up(east, "east") and is_up(east, "west"))
        assert owner(east) == owner(west) == "west"
        load = Load([east.url, west.url], seed=5, senders=1, stations=6, token=TOKEN)
        load.start()
        soon(lambda: stores_new_rows(east, load, 0.0))

        cut = time.monotonic()
        other.cut()
        code, _, told = west.ask(FEED, "POST", row("01,01,00", 1.0))
        assert code == 503, told
        tell(f"west, just cut off, answers a row: {told['detail']}")
        soon(lambda: owner(east) == "east")
        moved_s = time.monotonic() - cut
        soon(lambda: stores_new_rows(east, load, cut))
        stored_s = time.monotonic() - cut
        tell(
            f"cut off: east owns the stream after {moved_s:.1f} s and has stored what came since after {stored_s:.1f} s"
        )
        the_cut_off_side_says_so(west)
        assert east.ask(QUESTION)[0] == 200
        for celsius in (1.0, 2.0):
            assert east.ask(FEED, "POST", row("01,01,00", celsius))[0] == 202

        healed = time.monotonic()
        other.heal()
        soon(lambda: is_up(east, "west") and is_up(west, "west"))
        tell(f"healed: west is a member again after {time.monotonic() - healed:.1f} s")
        only_east_streams(east, west)
        code, _, told = west.ask(FEED, "POST", row("01,01,01", 3.0))
        assert code == 202, told
        soon(lambda: covers(east, {int(number): offset for number, offset in told["next_offsets"].items()}))
        assert temperatures(east) == {0: 2.0, 1: 3.0}, "what west was sent while it was cut off came later"
        soon(lambda: stores_new_rows(east, load, healed))

        load.stop()
        soon(lambda: covers(east, load.next_offsets))
        assert not load.unclear, load.unclear[:5]
        found = compare(load_configuration([east.config]).settings, load.truth())
        tell(f"{found.acknowledged} rows acknowledged, {found.lost} lost, {found.wrong} wrong; answers {load.answers}")
        assert (found.lost, found.wrong) == (0, 0), found.examples
        assert [west.stop(), east.stop()] == [0, 0]


def start_services(directory: Path, stack: ExitStack) -> dict[str, Any]:
    """Kafka and Cassandra on this host; what a node's configuration says of them."""
    services = {
        "jars": str(JARS),
        "start_timeout_s": PATIENCE_S,
        "kafka": {"port": free_port(), "controller_port": free_port()},
        "cassandra": {"storage_port": free_port(), "heap": "700m"},
    }
    own = Settings.model_validate({"services": services, "cassandra": {"port": free_port()}})
    home = Home(directory)
    home.directory("run")
    java = find_java(own)
    running = [OpenKafka(own, home), OpenCassandra(own, home)]
    for service in running:
        stack.callback(service.stop)
        service.launch(java, ensure(service.name, home, own))
    for service in running:
        while service.poll() == "starting":
            service.wait(0.2)
    return {
        "kafka": {"bootstrap_servers": [f"{HERE}:{own.services.kafka.port}"]},
        "cassandra": {"contact_points": [HERE], "port": own.cassandra.port},
    }


def is_up(asked: Node, name: str) -> bool:
    """Whether one node sees another one, or itself, as up and, of itself, ready."""
    node = asked.status()["node"]
    states = {member["name"]: member["state"] for member in node["cluster"]["members"] if member["state"] != "Down"}
    missing = [check["text"] for check in node["checks"] if not check["ok"]]
    assert states.get(name) == "Up", states
    assert name != asked.name or not missing, missing
    return True


def owner(asked: Node) -> str | None:
    """Which node owns the stream, as this one sees it."""
    cluster = asked.status()["node"]["cluster"]
    return next((one["name"] for one in cluster["members"] if one["id"] == cluster["owners"].get("stream")), None)


def covers(asked: Node, offsets: dict[int, int]) -> bool:
    """Whether everything before these offsets is stored, as this node tells."""
    status = asked.status("/status")
    assert status["stream"], status["problem"]
    stored = status["stream"]["stored"]
    assert all(stored.get(str(number), 0) >= offset for number, offset in offsets.items()), (stored, offsets)
    return True


def stores_new_rows(asked: Node, load: Load, moment: float) -> bool:
    """Whether a row that was sent after a moment is stored."""
    sent = load.acknowledged_after(moment)
    return sent is not None and covers(asked, sent.next_offsets)


def row(hour: str, celsius: float) -> bytes:
    """An observation of a station that the load does not send; of 2012."""
    return f"{STATION},2012,{hour},{celsius},,,,,,,\n".encode()


def temperatures(asked: Node) -> dict[int, float]:
    """The hours of that station's first of January that are stored."""
    code, _, found = asked.ask(f"/weather/stations/{STATION}/raw?start=2012-01-01&end=2012-01-01")
    assert code == 200, found
    return {one["hour"]: one["temperature"] for one in found}


def the_cut_off_side_says_so(west: Node) -> None:
    """Status, questions and data on the side that has lost the rest: each gets the reason."""

    def names_the_cluster() -> bool:
        checks = {check["name"]: check["text"] for check in west.status()["node"]["checks"] if not check["ok"]}
        assert "cut off from the cluster" in checks.get("cluster", ""), checks
        return True

    soon(names_the_cluster)
    assert "cut off from the cluster" in west.command("status").stdout
    for path, method, body in ((QUESTION, "GET", b""), (FEED, "POST", row("01,01,00", 1.0))):
        code, headers, told = west.ask(path, method, body)
        assert code == 503, (path, code, told)
        assert int(headers["retry-after"]) >= 1
        assert told["detail"], told
        tell(f"west, cut off, answers {path}: {told['detail']}")
    state = west.status()["stream"]
    tell(f"west, cut off, has a stream that is {state['state']}: {state['text']}")


def only_east_streams(east: Node, west: Node) -> None:
    """For a while: the old owner stands by, the new one streams."""
    soon(lambda: states(east, west) == ("running", "standby"))
    deadline = time.monotonic() + _WATCHED_S
    while time.monotonic() < deadline:
        assert (owner(east), owner(west)) == ("east", "east")
        seen = states(east, west)
        assert seen[1] == "standby", seen
    text = west.status()["stream"]["text"]
    assert "take over from east" in text, text


def states(*nodes: Node) -> tuple[str, ...]:
    """What the stream of each node does."""
    return tuple(node.status()["stream"]["state"] for node in nodes)


def tell(text: str) -> None:
    """A line for people."""
    print(text, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
