"""The figures of docs/performance.md, measured on this machine: ``python -m bench``."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from rich.console import Console
from rich.table import Table

from bench.data import a_year, shifted
from killrweather.configuration import load_configuration
from killrweather.processes import free_port
from killrweather.storage import session as cassandra

console = Console(stderr=True)


class System:
    """A system of its own for the measurement, with free ports and an empty state directory."""

    def __init__(self, home: Path):
        self.home = home
        self.config = home / "bench.yaml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "http": {"port": free_port()},
                    "cassandra": {"port": free_port()},
                    "services": {
                        "kafka": {"port": free_port(), "controller_port": free_port()},
                        "cassandra": {"storage_port": free_port()},
                    },
                }
            )
        )
        self.settings = load_configuration([self.config]).settings
        self.url = f"http://127.0.0.1:{self.settings.http.port}"

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "killrweather", *arguments]
        done = subprocess.run(
            [*command, "--config", str(self.config), "--home", str(self.home)], stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with code {done.returncode}")
        return done.stdout

    def memory_bytes(self) -> int:
        """What all processes of the system hold, shared pages counted once (PSS)."""
        launcher = psutil.Process(json.loads((self.home / "run" / "up.pid").read_text())["pid"])
        return sum(process.memory_full_info().pss for process in [launcher, *launcher.children(recursive=True)])


def seconds(action: Callable[[], Any]) -> float:
    """How long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def bulk_load(system: System, directory: Path) -> list[float]:
    """rows/s from the command's start until every row can be queried, ten years at a time."""
    year, rates = a_year(), []
    for first in (1950, 1960, 1970, 1980):
        path = shifted(year, first, 10, directory)
        result = json.loads(system.run("load", str(path), "--wait", "--json"))
        rates.append(result["accepted"] / result["seconds"])
        console.print(f"bulk load {first}: {result['accepted']:,} rows, {rates[-1]:,.0f} rows/s")
    return rates


def one_row(system: System, repeats: int = 30) -> list[float]:
    """Seconds from POSTing one row until its day's values can be read, one after the other at rest."""
    times = []
    with httpx.Client(base_url=system.url, timeout=30) as client:
        for number in range(repeats):
            high = 10 + number / 10
            row = f"725030:14732,2020,06,15,{number % 24:02},{high},,,,,,{high},\n"
            day = {"date": "2020-06-15"}
            start = time.perf_counter()
            client.post("/weather/data", content=row, params={"format": "csv"}).raise_for_status()
            while True:
                temperature = client.get("/weather/stations/725030:14732/temperature/daily", params=day)
                if temperature.status_code == 200 and temperature.json()[0]["high"] == high:
                    rain = client.get("/weather/stations/725030:14732/precipitation/daily", params=day)
                    total = sum(10 + n / 10 for n in range(max(0, number - 23), number + 1))
                    if rain.status_code == 200 and abs(rain.json()[0]["precipitation"] - total) < 1e-6:
                        break
                time.sleep(0.02)
            times.append(time.perf_counter() - start)
            time.sleep(0.3)
    return times


def query(system: System, repeats: int = 500) -> tuple[float, float]:
    """Median seconds of one day by HTTP through the actors, and by the driver's prepared statement, in turns."""
    session = cassandra.connect(system.settings)
    statement = session.prepare(
        f"SELECT * FROM {system.settings.cassandra.keyspace}.daily_aggregate_temperature"
        " WHERE wsid = ? AND year = ? AND month = ? AND day = ?"
    )
    http, direct = [], []
    with httpx.Client(base_url=system.url) as client:
        path, params = "/weather/stations/725030:14732/temperature/daily", {"date": "2020-06-15"}
        for _ in range(repeats):
            http.append(seconds(lambda: client.get(path, params=params).raise_for_status()))
            direct.append(seconds(lambda: session.execute(statement, ("725030:14732", 2020, 6, 15)).one()))
    cassandra.close(session)
    return statistics.median(http), statistics.median(direct)


def main() -> None:
    """Measure, print a table, and write JSON when a file is named."""
    with tempfile.TemporaryDirectory() as directory:
        system = System(Path(directory))
        system.run("services", "fetch")
        console.print("starting")
        first_s = seconds(lambda: system.run("up", "--detach"))
        system.run("down")
        again_s = seconds(lambda: system.run("up", "--detach"))
        try:
            time.sleep(10)
            memory = system.memory_bytes()
            rates = bulk_load(system, Path(directory))
            time.sleep(3)
            fresh = one_row(system)
            http_s, direct_s = query(system)
        finally:
            system.run("down")
    figures = [
        ("up to ready, first start", f"{first_s:.1f} s", "25 s"),
        ("up to ready, with data", f"{again_s:.1f} s", "25 s"),
        ("memory at rest (PSS of all processes)", f"{memory / 2**30:.2f} GiB", "4 GiB"),
        ("bulk load until queryable, first, cold", f"{rates[0]:,.0f} rows/s", ""),
        ("bulk load until queryable, warm (median of 3)", f"{statistics.median(rates[1:]):,.0f} rows/s", "25,000"),
        ("one row until its daily values are readable, median", f"{statistics.median(fresh):.3f} s", "0.6 s"),
        ("a day by HTTP through the actors, median", f"{http_s * 1000:.2f} ms", ""),
        ("a day by the driver's prepared read, median", f"{direct_s * 1000:.2f} ms", ""),
        ("ratio of the two", f"{http_s / direct_s:.2f}", "4"),
    ]
    memory_gib = psutil.virtual_memory().total / 2**30
    machine = f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, Python {platform.python_version()}"
    table = Table("figure", "measured", "to reach", title=f"{machine}, {datetime.now(timezone.utc):%Y-%m-%d}")
    for row in figures:
        table.add_row(*row)
    Console(width=100).print(table)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps({"machine": machine, "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
