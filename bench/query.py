"""A question over HTTP through the actors, beside the driver's own prepared read."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from bench.data import shifted
from bench.figures import Figure, at_most
from bench.system import System

_PATH, _PARAMETERS = "/weather/stations/725030:14732/temperature/daily", {"date": "1950-06-15"}


def measure(system: System, year: pl.DataFrame, directory: Path, repeats: int = 1_000) -> list[Figure]:
    """The median of one day, in turns, once some years are loaded."""
    system.load(shifted(year, 1950, 5, directory))
    http, direct = [], []
    with system.session() as session, httpx.Client(base_url=system.url) as client:
        statement = session.prepare(
            "SELECT * FROM daily_aggregate_temperature WHERE wsid = ? AND year = ? AND month = ? AND day = ?"
        )
        for _ in range(repeats):
            http.append(_seconds(lambda: client.get(_PATH, params=_PARAMETERS).raise_for_status()))
            direct.append(_seconds(lambda: session.execute(statement, ("725030:14732", 1950, 6, 15)).one()))
    what = "the driver's prepared read"
    return [
        at_most("a day by HTTP through the actors, median", statistics.median(http), statistics.median(direct), what, 4)
    ]


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
