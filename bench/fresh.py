"""One row: from POST until its daily, monthly and annual values can be read, at rest and beside other rows."""

import statistics
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from itertools import count, islice
from pathlib import Path

import httpx
from cassandra.cluster import Session

from bench.figures import Figure, at_most
from bench.references import raw_only
from bench.steadily import POSTS_A_SECOND, ROWS_A_SECOND, STATIONS, fleet, steadily
from bench.system import System

WSID = "999991:00001"
_years = count(1900)
"""A year of its own for each row: each of its aggregates is then new, and is the row's own value."""

_POLL_S = 0.005
_SETTLING_S = 10
"""Until Cassandra has put away what was written before."""


def measure(system: System, warming: Path, directory: Path) -> list[Figure]:
    """Rows one after the other, then the same while others arrive; each beside a stream that stores raw rows alone.

    Both streams are warm: the system has taken loads before, the reference begins with the rows of ``warming``.
    """
    figures = []
    with system.session() as session, raw_only.stream(system.settings, warming, directory) as reference:
        reference.rows(session, 1)  # comes after those that warm it up
        time.sleep(_SETTLING_S)
        for name, is_busy in (("at rest", False), (f"at {ROWS_A_SECOND} rows/s of {STATIONS} stations", True)):
            with fleet_arriving(system.url) if is_busy else nullcontext():
                whole = statistics.median(rows(system.url, session))
            with steadily(reference.send) if is_busy else nullcontext():
                raw = statistics.median(reference.rows(session))
            what = "a micro-batch that writes the raw row alone"
            figures.append(
                at_most(f"one row until its day, month and year are readable, median {name}", whole, raw, what, 1.5)
            )
    return figures


def rows(url: str, session: Session, repeats: int = 30) -> list[float]:
    """Seconds from the POST of one row until its values can be read, one row after the other."""
    queries = [
        session.prepare(f"SELECT {value} FROM {table} WHERE wsid = '{WSID}' AND year = ? {where}")
        for table, value, where in (
            ("daily_aggregate_temperature", "high", "AND month = 6 AND day = 15"),
            ("daily_aggregate_precip", "precipitation", "AND month = 6 AND day = 15"),
            ("monthly_aggregate_temperature", "high", "AND month = 6"),
            ("monthly_aggregate_precip", "precipitation", "AND month = 6"),
            ("annual_aggregate_temperature", "high", ""),
            ("year_cumulative_precip", "precipitation", ""),
        )
    ]
    times = []
    with httpx.Client(base_url=url, timeout=30) as client:
        for year in islice(_years, repeats):
            amount = (year - 1890) / 10
            row = f"{WSID},{year},06,15,12,{amount},,,,,,{amount},\n"
            start = time.perf_counter()
            client.post("/weather/data", content=row, params={"format": "csv"}).raise_for_status()
            while not all((found := session.execute(q, (year,)).one()) and found[0] == amount for q in queries):
                time.sleep(_POLL_S)
            times.append(time.perf_counter() - start)
            time.sleep(0.3)
    return times


def fleet_arriving(url: str) -> AbstractContextManager[None]:
    """The fleet's rows are posted all the while."""
    return steadily(lambda stop: _post(url, stop))


def _post(url: str, stop: threading.Event) -> None:
    """Post the fleet's rows, as it reports."""
    with httpx.Client(base_url=url, timeout=30) as client:
        for number in count():
            begin = time.monotonic()
            body = "".join(fleet(number))
            client.post("/weather/data", content=body, params={"format": "csv"}).raise_for_status()
            if stop.wait(max(0.0, 1 / POSTS_A_SECOND - (time.monotonic() - begin))):
                return
