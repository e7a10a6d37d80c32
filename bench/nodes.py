"""The feed of one, two and three nodes on one machine: what further doors cost where the cores are the limit."""

import json
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

from bench.figures import Figure, at_least
from bench.system import System
from killrweather.processes import free_port

_CLIENTS = 3
_TURNS = 3


def measure(home: Path, rows: Path) -> list[Figure]:
    """Three clients load the same rows at once, each by one node; there are more nodes each time."""
    system = System(home, node={"name": "n1", "roles": ["feed"]})
    system.run("up", "--detach")
    urls, rates = [system.url], []
    with ExitStack() as stack:
        stack.callback(system.run, "down")
        _load(system, urls, rows)
        for number in range(1, 4):
            if number > 1:
                urls.append(_started(system, f"n{number}", stack))
                _load(system, urls, rows)
            rates.append(statistics.median(_load(system, urls, rows) for _ in range(_TURNS)))
    name = f"feed: {_CLIENTS} clients, {{}} nodes"
    return [at_least(name.format(n), rates[n - 1], rates[0], "one node", 1.0) for n in (2, 3)]


def _started(system: System, name: str, stack: ExitStack) -> str:
    """Start another node of the system's cluster; its address, once it takes data."""
    port, home = free_port(), system.home / name
    arguments = ["--name", name, "--roles", "feed", "--http-port", str(port), "--home", str(home)]
    process = system.begin("node", "start", *arguments)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    url = f"http://127.0.0.1:{port}"
    system.run("status", "--wait", "ready", node=url)
    return url


def _load(system: System, urls: Sequence[str], rows: Path) -> float:
    """All clients at once; rows/s together."""
    begin, nodes = time.perf_counter(), cycle(urls)
    clients = [system.begin("load", str(rows), "--json", node=next(nodes)) for _ in range(_CLIENTS)]
    results = [json.loads(system.output(client)) for client in clients]
    return sum(result["accepted"] for result in results) / (time.perf_counter() - begin)
