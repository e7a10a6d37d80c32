"""The feed of one, two and three nodes on one machine: what further doors cost where the cores are the limit."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import httpx

from bench.figures import Figure, at_least
from bench.system import System
from killrweather.processes import free_port

_CLIENTS = 3
_TURNS = 3
_PATIENCE_S = 120.0


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
    port = free_port()
    command = [sys.executable, "-m", "killrweather", "node", "start", "--name", name, "--roles", "feed"]
    command += ["--http-port", str(port), "--config", str(system.config), "--home", str(system.home / name)]
    process = subprocess.Popen(command)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _PATIENCE_S
    while not _is_ready(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"node {name} is not ready; see {system.home / name / 'logs'}")
        time.sleep(0.2)
    return url


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def _load(system: System, urls: Sequence[str], rows: Path) -> float:
    """All clients at once; rows/s together."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "killrweather", "load", str(rows), "--json", "--config", str(system.config)]
    command += ["--home", str(system.home)]
    by_url = cycle({**os.environ, "KILLRWEATHER_CLIENT_NODES": url} for url in urls)
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=next(by_url)) for _ in range(_CLIENTS)]
    results = [json.loads(client.communicate()[0]) for client in clients]
    return sum(result["accepted"] for result in results) / (time.perf_counter() - begin)
