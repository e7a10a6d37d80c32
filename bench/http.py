"""A day asked over HTTP through the actors: how long one client waits, and how many questions 32 clients get answered.

``python -m bench.http`` measures only this, on a system of its own.
"""

import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from rich.console import Console

from bench.data import a_year, shifted
from bench.figures import Figure, at_least, at_most, table
from bench.references import bare_http
from bench.system import System

_WSID, _DAY = "725030:14732", "1950-06-15"
_PATH = f"/weather/stations/{_WSID}/temperature/daily?start={_DAY}&end={_DAY}"
_CLIENTS = 32
_ROUNDS, _ROUND_S, _WARM_UP_S = 10, 3, 8


def measure(system: System, year: pl.DataFrame, directory: Path) -> list[Figure]:
    """Both figures, once a year is loaded."""
    system.load(shifted(year, 1950, 1, directory))
    return [_waiting(system), _rate(system)]


def find_wrk() -> str:
    """Where wrk is; without it there is no measurement."""
    found = shutil.which("wrk")
    if not found:
        raise SystemExit("wrk: not on the PATH, expected the HTTP load generator; run: apt-get install wrk")
    return found


def _waiting(system: System, warm_up: int = 500, repeats: int = 2_000) -> Figure:
    """The median of one client on a connection that it keeps, and of the driver's own read, in turns."""
    http, direct = [], []
    connection = HTTPConnection(urlsplit(system.url).netloc)
    with system.session() as session:
        statement = session.prepare(
            "SELECT * FROM daily_aggregate_temperature WHERE wsid = ? AND year = ? AND month = ? AND day = ?"
        )
        key = (_WSID, *map(int, _DAY.split("-")))
        for _ in range(warm_up + repeats):
            http.append(_seconds(lambda: _get(connection)))
            direct.append(_seconds(lambda: session.execute(statement, key).one()))
    connection.close()
    medians = (statistics.median(times[warm_up:]) for times in (http, direct))
    return at_most("a day by HTTP through the actors, median", *medians, "the driver's prepared read", 3)


def _rate(system: System) -> Figure:
    """What wrk gets from the node and from the reference, in turns: the medians of some rounds."""
    with bare_http.served(system.settings) as reference:
        urls = (system.url, reference)
        answers = {_get(HTTPConnection(urlsplit(url).netloc)) for url in urls}
        if len(answers) > 1:
            raise SystemExit(f"the node and the reference answer differently: {answers}")
        for url in urls:
            _requests_a_second(url, _WARM_UP_S)
        rounds = [[_requests_a_second(url, _ROUND_S) for url in urls] for _ in range(_ROUNDS)]
    medians = map(statistics.median, zip(*rounds, strict=True))
    what = "bare FastAPI with the driver"
    return at_least(f"a day by HTTP, {_CLIENTS} clients", *medians, what, 0.5, "requests/s")


def _get(connection: HTTPConnection) -> bytes:
    connection.request("GET", _PATH)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"GET {_PATH}: status {response.status}, {body.decode()}")
    return body


def _requests_a_second(url: str, seconds: int) -> float:
    command = [find_wrk(), "--threads", "1", "--connections", str(_CLIENTS), "--duration", f"{seconds}s", url + _PATH]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    rate = re.search(r"Requests/sec: +([0-9.]+)", said)
    if rate is None or "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{' '.join(command)}: not every request was answered\n{said}")
    return float(rate[1])


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    """Start a system, measure, and print a table."""
    find_wrk()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        system = System(directory / "system")
        system.run("services", "fetch")
        try:
            system.run("up", "--detach")
            figures = measure(system, a_year(), directory)
        finally:
            system.run("down")
    Console(width=160).print(table(figures))


if __name__ == "__main__":
    main()
